#include "server/sync_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
values(void **state)
{
	static const struct {
		const char *setting;
		bool any;
		unsigned wanted;
		size_t count;
		const char *last;
	} rows[] = {
		{"", false, 0, 0, NULL},
		{"  ", false, 0, 0, NULL},
		{"a", false, 1, 1, "a"},
		{"a, b ,c", false, 1, 3, "c"},
		{"*", false, 1, 1, "*"},
		{"2 (a, b)", false, 2, 2, "b"},
		{"FIRST 2 (a,b)", false, 2, 2, "b"},
		{"first 1 ( \"a, b\" )", false, 1, 1, "a, b"},
		{"ANY 3 (s1, s2, \"a\"\"b\") ", true, 3, 3, "a\"b"},
		{"any", false, 1, 1, "any"},
		{"firstborn", false, 1, 1, "firstborn"},
		{"anyone", false, 1, 1, "anyone"},
		{"\"FIRST\", x", false, 1, 2, "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sync_names names;
		struct error error;

		if (!sync_names_parse(rows[i].setting, &names, &error))
			fail_msg("%s: %s", rows[i].setting, error.message);
		assert_int_equal(names.any, rows[i].any);
		assert_int_equal(names.wanted, rows[i].wanted);
		assert_int_equal(names.count, rows[i].count);
		if (rows[i].last != NULL)
			assert_string_equal(
				names.names[names.count - 1], rows[i].last);
		sync_names_free(&names);
		sync_names_free(&names);
	}
}

static void
nonsense(void **state)
{
	static const char *const settings[] = {",", "a,", "(a)", "1 (a",
		"1 (a) b", "\"a", "ANY 2 ()", "a b", "0 (a)", "4294967296 (a)",
		"99999999999999999999 (a)", "FIRST 0 (a)", "2 a"};

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		struct sync_names names = {.wanted = 77};
		struct error error;

		if (sync_names_parse(settings[i], &names, &error))
			fail_msg("taken: %s", settings[i]);
		assert_int_equal(error.code, ERR_PROTOCOL);
		assert_int_equal(names.wanted, 77);
	}
}

static void
matches(void **state)
{
	struct sync_names names;
	struct error error;

	(void)state;
	assert_true(sync_names_parse("ANY 1 (Follower, b)", &names, &error));
	assert_true(sync_names_match(&names, "follower"));
	assert_false(sync_names_match(&names, "walfetch"));
	sync_names_free(&names);
	assert_true(sync_names_parse("*", &names, &error));
	assert_true(sync_names_match(&names, "walfetch"));
	sync_names_free(&names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
