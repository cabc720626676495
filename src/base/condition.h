/*
 * base/condition.h - waits for a condition that end by the monotonic clock.
 *
 * Life cycle: condition_init -> (condition_wait | pthread_cond_signal |
 * pthread_cond_broadcast)* -> pthread_cond_destroy.
 */
#ifndef BASE_CONDITION_H
#define BASE_CONDITION_H

#include <pthread.h>
#include <stdint.h>

/* Make condition wait by the clock of base/clock.h. */
void condition_init(pthread_cond_t *condition);

/* Wait for a signal, at most timeout_us; mutex is held before and after. */
void condition_wait(
	pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t timeout_us);

#endif
