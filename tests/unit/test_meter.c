#include "backup/meter.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MB ((uint64_t)1 << 20)

static void
begin(struct meter *meter, uint64_t total, int width)
{
	struct base_backup_tablespace tablespaces[2] = {
		{.oid = 1, .size = total / 4},
		{.oid = 0, .size = total - total / 4},
	};
	struct base_backup backup = {.tablespaces = tablespaces, .count = 2};

	meter_init(meter);
	meter_begin(meter, &backup, width);
}

static void
line_is(struct meter *meter, uint64_t bytes, int second, const char *wanted)
{
	meter_update(meter, bytes, second * USECS_PER_SEC);
	assert_string_equal(meter->line.string, wanted);
}

static void
with_a_total(void **state)
{
	struct meter meter;

	(void)state;
	begin(&meter, 100 * MB, 0);
	line_is(&meter, 0, 1,
		"[--------------------]   0 %, 0 B of 100 MB, 0 B/s");
	line_is(&meter, 10 * MB, 2,
		"[##------------------]  10 %, 10.0 MB of 100 MB, 3.0 MB/s, "
		"00:00:29 left");
	line_is(&meter, 100 * MB, 3,
		"[####################] 100 %, 100 MB of 100 MB, 29.1 MB/s, "
		"00:00:00 left");
	/* More than was estimated. */
	meter_update(&meter, 200 * MB, 4 * USECS_PER_SEC);
	assert_non_null(strstr(meter.line.string, "] 100 %, 200 MB of 200 MB"));
	meter_free(&meter);
}

static void
without_a_total(void **state)
{
	struct meter meter;

	(void)state;
	begin(&meter, 0, 0);
	line_is(&meter, 0, 1, "0 B, 0 B/s");
	line_is(&meter, 10 * MB, 2, "10.0 MB, 3.0 MB/s");
	meter_free(&meter);
}

static void
narrow(void **state)
{
	struct meter meter;

	(void)state;
	begin(&meter, 100 * MB, 10);
	line_is(&meter, 50 * MB, 1, "[########");
	meter_free(&meter);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_a_total),
		cmocka_unit_test(without_a_total),
		cmocka_unit_test(narrow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
