#include "base/clock.h"

#include <limits.h>
#include <time.h>

/* Seconds from the Unix epoch to PostgreSQL's: 10957 days. */
#define POSTGRES_EPOCH_SECS (INT64_C(10957) * 86400)

static int64_t
read_clock_us(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * USECS_PER_SEC + now.tv_nsec / 1000;
}

int64_t
clock_monotonic_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

int64_t
clock_postgres_us(void)
{
	return read_clock_us(CLOCK_REALTIME) -
		POSTGRES_EPOCH_SECS * USECS_PER_SEC;
}

int
clock_poll_timeout_ms(int64_t deadline_us, int64_t now_us)
{
	int64_t left_us;

	if (deadline_us == CLOCK_NEVER)
		return -1;
	if (deadline_us <= now_us)
		return 0;
	left_us = deadline_us - now_us;
	if (left_us > (int64_t)INT_MAX * USECS_PER_MS - USECS_PER_MS)
		return INT_MAX;
	return (int)((left_us + USECS_PER_MS - 1) / USECS_PER_MS);
}
