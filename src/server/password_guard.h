/*
 * server/password_guard.h - no password in clear text, where libpq cannot
 * promise that itself (before its version 16, which has require_auth). Private
 * to src/server/.
 *
 * libpq answers a request for the password within the call that reads it, so
 * it must not get to read one. While it logs in, its socket is one end of a
 * pair, and what the server sends goes into the other end only once it has been
 * looked at: message by message, or with TLS record by record, which OpenSSL
 * lets us read before libpq does. After that libpq has its own socket again.
 *
 * Life cycle: {0} with password_guard_init -> before each PQconnectPoll
 * password_guard_wait -> password_guard_end in any case.
 * Guarantee: the password does not leave the process in a clear text message,
 * in whatever order the server asks, and whether or not TLS is around it.
 */
#ifndef SERVER_PASSWORD_GUARD_H
#define SERVER_PASSWORD_GUARD_H

#include "server/auth_watch.h"
#include "server/session.h"

#include <sys/types.h>

/* A TLS record with its head. */
#define GUARD_PIECE_MAX (5 + 16384 + 2048)

struct password_guard {
	bool on; /* false: only wait */
	/* Private. */
	int server_fd;	/* the real socket; -1: libpq has it itself */
	int feed_fd;	/* our end of the pair */
	ino_t pair;	/* libpq's end of it */
	bool encrypted; /* TLS has begun */
	bool ended;	/* libpq gets no more to read */
	struct auth_watch watch;
	size_t len; /* bytes of piece */
	unsigned char piece[GUARD_PIECE_MAX];
};

void password_guard_init(struct password_guard *guard, bool on);

/*
 * Wait until PQconnectPoll can go on, which wants state. Errors:
 * session_wait's, ERR_REFUSED (a password in clear text was asked for),
 * ERR_SYSTEM, ERR_NOT_FOUND (TLS that is not OpenSSL's).
 */
bool password_guard_wait(struct password_guard *guard, PGconn *conn,
	PostgresPollingStatusType state, const struct wait_limit *limit,
	struct error *error);

/* Add what to do about a password that was not sent. Returns false. */
bool password_guard_hint(struct error *error);

/*
 * Give libpq its socket back (ok: it is connected), and close the rest. Errors:
 * ERR_SYSTEM, ERR_UNREACHABLE (lost).
 */
bool password_guard_end(struct password_guard *guard, PGconn *conn, bool ok,
	const struct wait_limit *limit, struct error *error);

#endif
