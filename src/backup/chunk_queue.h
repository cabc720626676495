/*
 * backup/chunk_queue.h - what the server sends, on its way from the thread
 * that reads the connection to the one that writes.
 *
 * Life cycle: chunk_queue_create -> (reader: chunk_queue_wait, chunk_queue_put,
 * chunk_queue_hurry; writer: chunk_queue_peek, chunk_queue_take,
 * chunk_queue_fail)* -> chunk_queue_free, when the writer has ended.
 * Guarantee: no more than CHUNK_QUEUE_BYTES and one message are held. Messages
 * are small: who waits is woken when there is CHUNK_QUEUE_BATCH of work for it,
 * or when chunk_queue_hurry says that no more comes for now.
 */
#ifndef BACKUP_CHUNK_QUEUE_H
#define BACKUP_CHUNK_QUEUE_H

#include "server/base_backup.h"

#define CHUNK_QUEUE_BYTES ((size_t)32 << 20)
#define CHUNK_QUEUE_BATCH ((size_t)256 << 10)

struct chunk_queue; /* opaque */

/* Errors: ERR_MEMORY. */
bool chunk_queue_create(struct chunk_queue **queue, struct error *error);

/* Free it and all in it; NULL is fine. */
void chunk_queue_free(struct chunk_queue *queue);

/*
 * Wait for room, at most timeout_us. *room: there is some. Errors: what the
 * writer failed with.
 */
bool chunk_queue_wait(struct chunk_queue *queue, int64_t timeout_us, bool *room,
	struct error *error);

/*
 * Put an event in, whose message is the queue's from now on. What is no data is
 * urgent. Errors: ERR_MEMORY.
 */
bool chunk_queue_put(struct chunk_queue *queue,
	const struct base_backup_event *event, struct error *error);

/* Let the writer have what there is, though it is little. */
void chunk_queue_hurry(struct chunk_queue *queue);

/* No more will come, and what is there is of no use: the writer is to end. */
void chunk_queue_abort(struct chunk_queue *queue);

/*
 * Wait for the next event and tell its kind; it stays. Errors: ERR_STOPPED
 * (aborted).
 */
bool chunk_queue_peek(struct chunk_queue *queue,
	enum base_backup_event_kind *kind, struct error *error);

/* Take the event that was peeked at; its message is the caller's. */
void chunk_queue_take(
	struct chunk_queue *queue, struct base_backup_event *event);

/* The writer gives up. */
void chunk_queue_fail(struct chunk_queue *queue, const struct error *error);

#endif
