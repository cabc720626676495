#include "base/condition.h"

#include "base/clock.h"

#include <time.h>

void
condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(condition, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

void
condition_wait(
	pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t timeout_us)
{
	int64_t end_us = clock_monotonic_us() + timeout_us;
	struct timespec end = {
		.tv_sec = end_us / USECS_PER_SEC,
		.tv_nsec = end_us % USECS_PER_SEC * 1000,
	};

	(void)pthread_cond_timedwait(condition, mutex, &end);
}
