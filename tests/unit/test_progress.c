#include "receive/progress.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MB ((lsn)1 << 20)
#define AT ((lsn)0x100000000)

struct fixture {
	struct progress progress;
	struct progress_sample sample;
	struct text line;
};

static void
begin(struct fixture *f)
{
	progress_init(&f->progress);
	text_init(&f->line);
	f->sample = (struct progress_sample){
		.now_us = 5 * USECS_PER_SEC,
		.wall_us = 1000 * USECS_PER_SEC,
		.sent_us = 998 * USECS_PER_SEC,
		.received = AT,
		.server_end = AT,
	};
}

/* A second later, with so many bytes more. */
static void
step(struct fixture *f, lsn bytes, int width)
{
	f->sample.now_us += USECS_PER_SEC;
	f->sample.received += bytes;
	progress_update(&f->progress, &f->sample, width, &f->line);
}

static void
idle(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	step(&f, 0, 80);
	assert_string_equal(f.line.string, "1/00000000, 0 B/s, lag 0 B 0.0 s");
	step(&f, 0, 80);
	assert_string_equal(f.line.string, "1/00000000, 0 B/s, lag 0 B 0.0 s");
	text_free(&f.line);
}

static void
catching_up(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.sample.server_end = AT + 3700 * MB;
	for (int i = 0; i < 100; i++)
		step(&f, MB, 80);
	assert_string_equal(f.line.string,
		"1/06400000, 1.0 MB/s, lag 3.5 GB 2.0 s, 01:00:00 left");
	text_free(&f.line);
}

/* A small rest needs no time left, and a clock that is ahead no negative lag.
 */
static void
nearly_there(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.sample.server_end = AT + 20 * MB;
	f.sample.sent_us = f.sample.wall_us + USECS_PER_SEC;
	step(&f, 0, 80);
	step(&f, MB, 80);
	assert_non_null(strstr(f.line.string, "left"));
	step(&f, 4 * MB, 80);
	assert_null(strstr(f.line.string, "left"));
	assert_non_null(strstr(f.line.string, "lag 15.0 MB 0.0 s"));
	text_free(&f.line);
}

/* Even a thousand hours fit. */
static void
very_slow(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.sample.server_end = AT + 1000000 * MB;
	step(&f, 0, 80);
	step(&f, 1000, 80);
	assert_non_null(strstr(f.line.string, ", 99:59:59 left"));
	text_free(&f.line);
}

/* A stream that begins lower again: no rate can be told from that. */
static void
going_back(void **state)
{
	struct fixture f;
	double rate;

	(void)state;
	begin(&f);
	step(&f, 0, 80);
	step(&f, MB, 80);
	rate = f.progress.rate.per_second;
	assert_true(rate > 0);
	f.sample.received -= MB;
	step(&f, 0, 80);
	assert_true(f.progress.rate.per_second == rate);
	/* The same moment twice. */
	f.sample.now_us -= USECS_PER_SEC;
	step(&f, 0, 80);
	f.sample.now_us -= USECS_PER_SEC;
	step(&f, 1000, 80);
	assert_true(f.progress.rate.per_second <= rate);
	text_free(&f.line);
}

static void
after_a_break(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	step(&f, 0, 80);
	step(&f, MB, 80);
	progress_init(&f.progress);
	step(&f, 100 * MB, 80);
	assert_true(f.progress.rate.per_second == 0);
	text_free(&f.line);
}

static void
narrow(void **state)
{
	static const char whole[] = "1/00000000, 0 B/s, lag 0 B 0.0 s";

	(void)state;
	for (int width = 1; width < 100; width++) {
		struct fixture f;
		size_t len = sizeof(whole) - 1;

		if (len > (size_t)width - 1)
			len = (size_t)width - 1;
		begin(&f);
		step(&f, 0, width);
		assert_int_equal(f.line.len, len);
		assert_int_equal(strlen(f.line.string), len);
		assert_memory_equal(f.line.string, whole, len);
		text_free(&f.line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle),
		cmocka_unit_test(catching_up),
		cmocka_unit_test(nearly_there),
		cmocka_unit_test(very_slow),
		cmocka_unit_test(going_back),
		cmocka_unit_test(after_a_break),
		cmocka_unit_test(narrow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
