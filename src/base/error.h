/*
 * base/error.h - the error value that every fallible function fills.
 *
 * Life cycle: belongs to the caller, comes as the last parameter, is set once
 * where the fault is seen. Nothing to free. Messages follow PostgreSQL's Error
 * Message Style Guide: the message is a phrase in lower case without a full
 * stop, the hint is one or more sentences.
 * Guarantee: the code alone decides whether a receiver tries again and with
 * which status the program exits (error_is_transient, error_exit_status).
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

enum error_code {
	ERR_NONE,
	ERR_USAGE,	 /* the command line cannot be carried out */
	ERR_SYSTEM,	 /* a system call failed; sys_errno is set */
	ERR_MEMORY,	 /* no memory */
	ERR_STOPPED,	 /* a signal asked for the end */
	ERR_NOT_FOUND,	 /* what was asked for does not exist */
	ERR_PROTOCOL,	 /* the server sent what the protocol does not allow */
	ERR_UNREACHABLE, /* no connection, or a lost one; worth another try */
	ERR_REFUSED,	 /* the server said no, and will say it again */
	ERR_LOCKED,	 /* another walfetch holds the archive */
	ERR_GAP,	 /* the WAL needed next is gone */
	ERR_DAMAGED,	 /* WAL that fails its checks */
	ERR_DIVERGED,	 /* another cluster, or a history that parted */
	ERR_CODES	 /* how many there are */
};

struct error {
	enum error_code code;
	int sys_errno; /* 0 unless code is ERR_SYSTEM */
	char message[1024];
	char hint[512]; /* empty: none */
};

/* Set code and message. Returns false, so that a caller can return it. */
bool error_set(struct error *error, enum error_code code, const char *format,
	...) __attribute__((format(printf, 3, 4)));

/*
 * Set ERR_SYSTEM with the present errno; ": " and its text are appended to
 * the message. Returns false.
 */
bool error_set_errno(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Set ERR_MEMORY. Returns false. */
bool error_set_memory(struct error *error);

/* Add a hint to an error that is already set. Returns false. */
bool error_set_hint(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Forget what was set. */
void error_clear(struct error *error);

/* True if another try, later and unchanged, may succeed (a full disk, too). */
bool error_is_transient(const struct error *error);

/*
 * The status that a command other than restore exits with, see walfetch(1).
 * ERR_NONE and ERR_STOPPED: 0.
 */
int error_exit_status(enum error_code code);

#endif
