/*
 * restore/checker.h - a thread that verifies WAL while another one copies it.
 *
 * The copier fills a piece, hands it over, and may go on reading from it: a
 * piece is not filled again before it was verified. Verifying takes about as
 * long as copying, so that beside each other they take half the time.
 *
 * Life cycle: checker_open -> checker_start? -> (checker_room ->
 * checker_put)* -> checker_finish -> checker_close. Without a start nothing is
 * verified.
 */
#ifndef RESTORE_CHECKER_H
#define RESTORE_CHECKER_H

#include "wal/record_verifier.h"

#include <pthread.h>

/* Few enough to stay in a processor's cache. */
#define CHECKER_PIECE ((size_t)256 * 1024)
#define CHECKER_PIECES 8

struct checker {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	pthread_t thread;
	bool started;
	bool ended; /* no more is put */
	unsigned char *pieces;
	size_t lens[CHECKER_PIECES];
	uint64_t put;			 /* pieces so far */
	uint64_t verified;		 /* of these */
	struct record_verifier verifier; /* the thread's, until finished */
	struct error fault;		 /* ERR_NONE: none found */
};

/* Get the memory. Errors: ERR_MEMORY. */
bool checker_open(struct checker *checker, struct error *error);

/*
 * Start the thread, with a verifier that stands at the first byte to come.
 * Errors: ERR_SYSTEM.
 */
bool checker_start(struct checker *checker,
	const struct record_verifier *verifier, struct error *error);

/* CHECKER_PIECE bytes to fill; waits until they are free. */
unsigned char *checker_room(struct checker *checker);

/*
 * Hand over the first len bytes of the last room. False: a fault was found
 * before; more may be put, and is passed over.
 */
bool checker_put(struct checker *checker, size_t len);

/*
 * Wait until all was verified, and end the thread. False: *fault is what was
 * found (ERR_DAMAGED). checker->verifier is as it stood at the end.
 */
bool checker_finish(struct checker *checker, struct error *fault);

/* End the thread if need be, and free the memory. */
void checker_close(struct checker *checker);

#endif
