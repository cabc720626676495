#include "server/sqlstate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct expectation {
	const char *state;
	const char *message;
	enum error_code code;
};

static void
classes(void **state)
{
	static const struct expectation expected[] = {
		{NULL, NULL, ERR_UNREACHABLE},
		{"", "", ERR_UNREACHABLE},
		{"0800", "", ERR_UNREACHABLE},
		{"08006", "", ERR_UNREACHABLE},
		{"08P01", "", ERR_UNREACHABLE},
		{"0A000", "", ERR_REFUSED},
		{"22023", "", ERR_REFUSED},
		{"28000", "", ERR_REFUSED},
		{"28P01", "", ERR_REFUSED},
		{"3D000", "", ERR_REFUSED},
		{"40001", "", ERR_UNREACHABLE},
		{"42501", "", ERR_REFUSED},
		{"42601", "", ERR_REFUSED},
		{"42602", "", ERR_REFUSED},
		{"42704", "", ERR_REFUSED},
		{"42710", "", ERR_REFUSED},
		{"53100", "", ERR_UNREACHABLE},
		{"53300", "", ERR_UNREACHABLE},
		{"53400", "", ERR_UNREACHABLE},
		{"55000", "", ERR_GAP},
		{"55006", "", ERR_UNREACHABLE},
		{"55P02", "", ERR_REFUSED},
		{"55P03", "", ERR_UNREACHABLE},
		{"57014", "", ERR_UNREACHABLE},
		{"57P01", "", ERR_UNREACHABLE},
		{"57P02", "", ERR_UNREACHABLE},
		{"57P03", "", ERR_UNREACHABLE},
		{"57P04", "", ERR_REFUSED},
		{"58000", "", ERR_UNREACHABLE},
		{"58030", "", ERR_UNREACHABLE},
		{"58P01", "", ERR_GAP},
		{"F0001", "", ERR_UNREACHABLE},
		{"XX000", NULL, ERR_UNREACHABLE},
		{"XX000", "", ERR_UNREACHABLE},
		{"XX001", "page 0/1", ERR_UNREACHABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(
			sqlstate_class(expected[i].state, expected[i].message),
			expected[i].code);
}

static void
divergence(void **state)
{
	static const struct expectation expected[] = {
		{"XX000",
			"requested starting point 0/5000000 on timeline 1 is "
			"not in this server's history",
			ERR_DIVERGED},
		{"XX000",
			"requested timeline 9 is not in this server's history",
			ERR_DIVERGED},
		{"XX000",
			"angeforderter Startpunkt 0/05000000 auf Zeitleiste 1 "
			"ist nicht in der History dieses Servers",
			ERR_DIVERGED},
		{"XX000",
			"requested starting point FF/1000000 is ahead of the "
			"WAL flush position of this server 0/162CBD8",
			ERR_UNREACHABLE},
		{"XX000", "unexpected/odd x/", ERR_UNREACHABLE},
		{"57P01", "requested starting point 0/5000000",
			ERR_UNREACHABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(
			sqlstate_class(expected[i].state, expected[i].message),
			expected[i].code);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(divergence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
