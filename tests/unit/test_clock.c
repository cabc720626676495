#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <limits.h>
#include <stdbool.h>
#include <time.h>

static int64_t
read_us(clockid_t id)
{
	struct timespec now;

	assert_int_equal(clock_gettime(id, &now), 0);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
test_monotonic(void **state)
{
	int64_t before = read_us(CLOCK_MONOTONIC);
	int64_t now = clock_monotonic_us();
	int64_t after = read_us(CLOCK_MONOTONIC);

	(void)state;
	assert_true(before <= now && now <= after);
}

static void
test_postgres_epoch(void **state)
{
	struct tm epoch = {.tm_year = 100, .tm_mday = 1};
	int64_t epoch_us = (int64_t)timegm(&epoch) * 1000000;
	int64_t before = read_us(CLOCK_REALTIME);
	int64_t now = clock_postgres_us() + epoch_us;
	int64_t after = read_us(CLOCK_REALTIME);

	(void)state;
	assert_true(before <= now && now <= after);
}

static void
test_poll_timeout(void **state)
{
	static const struct {
		int64_t deadline_us;
		int64_t now_us;
		int timeout_ms;
	} rows[] = {
		{CLOCK_NEVER, 0, -1},
		{CLOCK_NEVER, CLOCK_NEVER - 1, -1},
		{1000, 1000, 0},
		{999, 1000, 0},
		{INT64_MIN, INT64_MAX, 0},
		{1001, 1000, 1},
		{2000, 1000, 1},
		{2001, 1000, 2},
		{5 * USECS_PER_SEC, 0, 5000},
		{(INT64_C(0x7FFFFFFF) - 2) * 1000 + 1, 0, INT_MAX - 1},
		{(INT64_C(0x7FFFFFFF) - 1) * 1000 + 1, 0, INT_MAX},
		{INT64_C(0x7FFFFFFF) * 1000 + 1, 0, INT_MAX},
		{CLOCK_NEVER - 1, 0, INT_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(clock_poll_timeout_ms(
					 rows[i].deadline_us, rows[i].now_us),
			rows[i].timeout_ms);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_monotonic),
		cmocka_unit_test(test_postgres_epoch),
		cmocka_unit_test(test_poll_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
