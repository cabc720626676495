/*
 * base/clock.h - the two clocks.
 *
 * Deadlines and rates use the monotonic clock; times that a server or a person
 * reads use the wall clock. All are microseconds in an int64_t.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define USECS_PER_MS INT64_C(1000)
#define USECS_PER_SEC INT64_C(1000000)

/* A deadline that never comes. */
#define CLOCK_NEVER INT64_MAX

/* Microseconds of the monotonic clock. */
int64_t clock_monotonic_us(void);

/*
 * Microseconds since 2000-01-01 00:00 UTC, the epoch of PostgreSQL's
 * TimestampTz (src/include/datatype/timestamp.h).
 */
int64_t clock_postgres_us(void);

/*
 * Milliseconds from now_us until deadline_us for poll(): rounded up, 0 when it
 * is past, -1 for CLOCK_NEVER.
 */
int clock_poll_timeout_ms(int64_t deadline_us, int64_t now_us);

#endif
