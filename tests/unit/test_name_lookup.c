#include "server/name_lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void
numeric(void **state)
{
	const struct wait_limit limit = {-1, CLOCK_NEVER};
	struct address_list list = {NULL, 0};
	struct error error;

	(void)state;
	assert_true(name_lookup("127.0.0.1", &limit, &list, &error));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.addresses[0], "127.0.0.1");
	address_list_free(&list);
}

static void
by_name(void **state)
{
	const struct wait_limit limit = {-1, CLOCK_NEVER};
	struct address_list list = {NULL, 0};
	struct error error;

	(void)state;
	assert_true(name_lookup("localhost", &limit, &list, &error));
	assert_true(list.count >= 1);
	address_list_free(&list);
}

static void
unknown(void **state)
{
	const struct wait_limit limit = {-1, CLOCK_NEVER};
	struct address_list list = {NULL, 0};
	struct error error;

	(void)state;
	/* Longer than a label may be: no resolver has to be asked. */
	assert_false(name_lookup("a23456789012345678901234567890123456789012345"
				 "6789012345678901234"
				 ".invalid",
		&limit, &list, &error));
	assert_int_equal(error.code, ERR_UNREACHABLE);
	assert_null(list.addresses);
}

static void
stopped(void **state)
{
	struct wait_limit limit = {-1, CLOCK_NEVER};
	struct address_list list = {NULL, 0};
	struct error error;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	(void)close(ends[1]);
	limit.stop_fd = ends[0];
	assert_false(name_lookup("localhost", &limit, &list, &error));
	assert_int_equal(error.code, ERR_STOPPED);
	(void)close(ends[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numeric),
		cmocka_unit_test(by_name),
		cmocka_unit_test(unknown),
		cmocka_unit_test(stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
