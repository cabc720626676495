/*
 * receive/workshop.h - what the segments in work share: the lock, the memory,
 * the way to wake the stream thread, and waiting for space on the disk. Private
 * to the finisher and its tasks.
 *
 * Life cycle: workshop_init -> ... -> workshop_free. The threads that use it
 * have ended before.
 * Guarantee: a wait for space ends at once when workshop_hurry is called.
 */
#ifndef RECEIVE_WORKSHOP_H
#define RECEIVE_WORKSHOP_H

#include "receive/finisher.h"
#include "receive/window_pool.h"

#include <pthread.h>

struct workshop {
	struct finisher_config config;
	pthread_mutex_t mutex;

	/* Under the mutex. */
	struct window_pool pool;
	bool hurry; /* the end is near, which uses what space is left */
	pthread_cond_t hurry_set;
	bool space_short; /* a worker waits for space */
};

/* The config is copied. Errors: ERR_MEMORY; workshop_free is due all the same.
 */
bool workshop_init(struct workshop *workshop,
	const struct finisher_config *config, struct error *error);

void workshop_free(struct workshop *workshop);

void workshop_lock(struct workshop *workshop);
void workshop_unlock(struct workshop *workshop);

/* Let the stream thread know that there is progress to look at. */
void workshop_wake(struct workshop *workshop);

/* Wait for space no longer, nor begin to. The mutex is held. */
void workshop_hurry(struct workshop *workshop);

/*
 * Wait until min_free bytes are free, or until there is hurry. Asks the disk;
 * the mutex is not held.
 */
void workshop_wait_for_space(struct workshop *workshop);

#endif
