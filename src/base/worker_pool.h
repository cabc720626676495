/*
 * base/worker_pool.h - threads that carry out work items in order.
 *
 * Life cycle: worker_pool_create -> worker_pool_submit* ->
 * worker_pool_destroy, which carries out what was submitted first.
 * Guarantee: what the submitter wrote before worker_pool_submit is seen by
 * run(), and items are begun in the order of submission.
 */
#ifndef BASE_WORKER_POOL_H
#define BASE_WORKER_POOL_H

#include "base/error.h"

/* Embed it; it belongs to the pool from submit until run() is called. */
struct work {
	struct work *next;
	void (*run)(struct work *work);
};

struct worker_pool; /* opaque */

/* How many processors there are: 1 to max. */
unsigned worker_pool_processors(unsigned max);

/* Start threads (1 or more). Errors: ERR_MEMORY, ERR_SYSTEM. */
bool worker_pool_create(
	struct worker_pool **pool, unsigned threads, struct error *error);

/* Queue an item; may be called from run() too. */
void worker_pool_submit(struct worker_pool *pool, struct work *work);

/* Wait for the end of all items, end the threads, free. NULL is fine. */
void worker_pool_destroy(struct worker_pool *pool);

#endif
