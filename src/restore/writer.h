/*
 * restore/writer.h - a thread that writes a file while another one reads.
 *
 * The reader fills a piece and hands it over; a piece is not filled again
 * before it was written. Decoding and verifying take about as long as writing,
 * so that beside each other they take half the time.
 *
 * Life cycle: writer_open -> writer_start -> (writer_room -> writer_put)* ->
 * writer_finish -> writer_close. The first room may come before the start.
 */
#ifndef RESTORE_WRITER_H
#define RESTORE_WRITER_H

#include "base/error.h"

#include <pthread.h>
#include <stdint.h>

/* A block of our LZ4 frames, and few enough to stay in a processor's cache. */
#define WRITER_PIECE ((size_t)256 * 1024)
#define WRITER_PIECES 4

struct writer {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	pthread_t thread;
	bool started;
	bool ended; /* no more is put */
	int fd;
	const char *name; /* for messages; borrowed */
	unsigned char *pieces;
	size_t lens[WRITER_PIECES];
	uint64_t put;	    /* pieces so far */
	uint64_t written;   /* of these, or passed over after a fault */
	struct error fault; /* ERR_NONE: none */
};

/* Get the memory. Errors: ERR_MEMORY. */
bool writer_open(struct writer *writer, struct error *error);

/* Start the thread, which writes to fd. Errors: ERR_SYSTEM. */
bool writer_start(
	struct writer *writer, int fd, const char *name, struct error *error);

/* WRITER_PIECE bytes to fill; waits until they are free. */
unsigned char *writer_room(struct writer *writer);

/*
 * Hand over the first len bytes of the last room. False: writing has failed;
 * writer_finish() tells why.
 */
bool writer_put(struct writer *writer, size_t len);

/* Wait until all was written, and end the thread. Errors: ERR_SYSTEM. */
bool writer_finish(struct writer *writer, struct error *error);

/* End the thread if need be, and free the memory. */
void writer_close(struct writer *writer);

#endif
