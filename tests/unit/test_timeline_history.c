#include "wal/timeline_history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool
parse(struct timeline_history *history, uint32_t target, const char *text,
	struct error *error)
{
	timeline_history_init(history);
	error_clear(error);
	return timeline_history_parse(
		history, target, text, strlen(text), error);
}

static void
assert_entry(const struct timeline_history *history, size_t i,
	const struct timeline_entry *expected)
{
	assert_true(i < history->count);
	assert_int_equal(history->entries[i].timeline, expected->timeline);
	assert_true(history->entries[i].begin == expected->begin);
	assert_true(history->entries[i].end == expected->end);
}

static void
test_timeline_one_has_no_file(void **state)
{
	const struct timeline_entry only = {1, LSN_NONE, LSN_MAX};
	struct timeline_history history;
	struct error error;

	(void)state;
	timeline_history_init(&history);
	assert_true(timeline_history_parse(&history, 1, NULL, 0, &error));
	assert_int_equal(history.count, 1);
	assert_entry(&history, 0, &only);
	assert_null(timeline_history_next(&history, &history.entries[0]));
	timeline_history_free(&history);
	assert_int_equal(history.count, 0);
	timeline_history_free(&history);
}

static void
test_path_with_comments(void **state)
{
	const struct timeline_entry expected[] = {
		{1, LSN_NONE, 0x3000098},
		{2, 0x3000098, 0x3000098},
		{5, 0x3000098, UINT64_C(0x1200000028)},
		{9, UINT64_C(0x1200000028), LSN_MAX},
	};
	struct timeline_history history;
	struct error error;

	(void)state;
	assert_true(parse(&history, 9,
		"# made by hand\n"
		"\n"
		"1\t0/3000098\tno recovery target specified\n"
		"  \t\n"
		"  2 \t0/03000098\tat restore point \"a # b\"\r\n"
		"5\t12/28",
		&error));
	assert_int_equal(history.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_entry(&history, i, &expected[i]);
	timeline_history_free(&history);
}

static void
test_next(void **state)
{
	const struct timeline_entry *entry;
	struct timeline_history history;
	struct error error;

	(void)state;
	assert_true(parse(&history, 4, "1\t0/1000\tx\n3\t0/2000\ty\n", &error));
	entry = &history.entries[0];
	assert_int_equal(entry->timeline, 1);
	entry = timeline_history_next(&history, entry);
	assert_int_equal(entry->timeline, 3);
	entry = timeline_history_next(&history, entry);
	assert_int_equal(entry->timeline, 4);
	assert_null(timeline_history_next(&history, entry));
	timeline_history_free(&history);
}

static void
test_a_long_history(void **state)
{
	static char text[100000];
	struct timeline_history history;
	struct error error;
	size_t len = 0;

	(void)state;
	for (unsigned int i = 1; i <= 1000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"%u\t%X/%08X\treason\n", i, i, i * 8);
	assert_true(parse(&history, 1001, text, &error));
	assert_int_equal(history.count, 1001);
	assert_int_equal(history.entries[999].timeline, 1000);
	assert_true(
		history.entries[1000].begin == (UINT64_C(1000) << 32 | 8000));
	timeline_history_free(&history);
}

static void
test_malformed_files(void **state)
{
	static const char *const wrong[] = {
		"1\n",
		"1\t\n",
		"1\t0/3000098/1\tx\n",
		"1\t03000098\tx\n",
		"x\t0/3000098\tx\n",
		"-1\t0/3000098\tx\n",
		"0\t0/3000098\tx\n",
		"4294967297\t0/3000098\tx\n",
		"99999999999999999999999\t0/3000098\tx\n",
		"10/3000098\tx\n",
		"1\t000000000000000000000000000000000000000/1\tx\n",
		"2\t0/1000\tx\n1\t0/2000\tx\n",
		"2\t0/1000\tx\n2\t0/2000\tx\n",
		"9\t0/1000\tx\n",
		"10\t0/1000\tx\n",
		"1\t0/2000\tx\n2\t0/1FFF\tx\n",
	};
	struct timeline_history history;
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(parse(&history, 9, wrong[i], &error));
		assert_int_equal(error.code, ERR_PROTOCOL);
		assert_non_null(strstr(error.message, "line "));
		assert_non_null(
			strstr(error.message, "the history of timeline 9"));
		assert_int_equal(history.count, 0);
		assert_null(history.entries);
	}
}

static void
test_an_embedded_terminator_is_malformed(void **state)
{
	static const char text[] = "1\t0/10\0000\tx\n";
	struct timeline_history history;
	struct error error;

	(void)state;
	timeline_history_init(&history);
	assert_false(timeline_history_parse(
		&history, 2, text, sizeof(text) - 1, &error));
	assert_int_equal(error.code, ERR_PROTOCOL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timeline_one_has_no_file),
		cmocka_unit_test(test_path_with_comments),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_a_long_history),
		cmocka_unit_test(test_malformed_files),
		cmocka_unit_test(test_an_embedded_terminator_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
