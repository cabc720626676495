#include "base/rate.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MB (UINT64_C(1) << 20)

static void
assert_left(const struct rate *rate, uint64_t bytes, const char *expected)
{
	struct text line;

	text_init(&line);
	rate_append_left(rate, bytes, &line);
	assert_string_equal(line.string, expected);
	text_free(&line);
}

static void
unknown_at_first(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate);
	assert_left(&rate, 100 * MB, "");
	rate_update(&rate, USECS_PER_SEC, 50 * MB);
	assert_true(rate.per_second == 0);
	assert_left(&rate, 100 * MB, "");
}

static void
comes_near_what_is_steady(void **state)
{
	struct rate rate;
	uint64_t done = 0;

	(void)state;
	rate_init(&rate);
	for (int second = 1; second <= 40; second++) {
		rate_update(&rate, second * USECS_PER_SEC, done);
		done += 10 * MB;
	}
	assert_in_range((uint64_t)rate.per_second, 10 * MB - 100, 10 * MB);
	assert_left(&rate, 719 * MB + MB / 2, ", 00:01:11 left");
	assert_left(&rate, 36000 * 10 * MB + MB, ", 10:00:00 left");
	assert_left(&rate, UINT64_MAX, ", 99:59:59 left");
}

static void
half_seconds_count_half(void **state)
{
	struct rate rate;
	uint64_t done = 0;

	(void)state;
	rate_init(&rate);
	for (int i = 1; i <= 80; i++) {
		rate_update(&rate, i * USECS_PER_SEC / 2, done);
		done += 5 * MB;
	}
	assert_in_range((uint64_t)rate.per_second, 10 * MB - 100, 10 * MB);
}

static void
odd_samples(void **state)
{
	struct rate rate;
	double before;

	(void)state;
	rate_init(&rate);
	rate_update(&rate, USECS_PER_SEC, 0);
	rate_update(&rate, 2 * USECS_PER_SEC, 10 * MB);
	before = rate.per_second;
	assert_true(before > 0);
	rate_update(&rate, 2 * USECS_PER_SEC, 20 * MB);
	assert_true(rate.per_second == before);
	rate_update(&rate, 3 * USECS_PER_SEC, 5 * MB);
	assert_true(rate.per_second == before);
	rate_update(&rate, 4 * USECS_PER_SEC, 5 * MB);
	assert_true(rate.per_second < before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_at_first),
		cmocka_unit_test(comes_near_what_is_steady),
		cmocka_unit_test(half_seconds_count_half),
		cmocka_unit_test(odd_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
