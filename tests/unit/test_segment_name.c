#include "wal/segment_name.h"

#include "wal/lsn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MIB (UINT32_C(1) << 20)

struct name_case {
	const char *name;
	uint32_t segment_size;
	uint32_t timeline;
	uint64_t number;
};

static const struct name_case cases[] = {
	{"000000010000000000000001", 16 * MIB, 1, 1},
	{"0000000100000000000000FF", 16 * MIB, 1, 0xFF},
	{"000000010000000100000000", 16 * MIB, 1, 0x100},
	{"00000001000000000000000F", 256 * MIB, 1, 0xF},
	{"000000010000000100000000", 256 * MIB, 1, 0x10},
	{"000000AB0000000100000FFF", MIB, 0xAB, 0x1FFF},
	{"000000020000000700000003", 1024 * MIB, 2, 0x1F},
	{"FFFFFFFFFFFFFFFF000000FF", 16 * MIB, UINT32_MAX,
		UINT64_C(0xFFFFFFFFFF)},
};

static void
test_names_of_all_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct name_case *c = &cases[i];
		char name[SEGMENT_NAME_LEN + 1];
		uint32_t timeline = 0;
		uint64_t number = 0;

		segment_name_format(
			name, c->timeline, c->number, c->segment_size);
		assert_string_equal(name, c->name);
		assert_true(segment_name_parse(
			name, c->segment_size, &timeline, &number));
		assert_int_equal(timeline, c->timeline);
		assert_true(number == c->number);
	}
}

static void
test_every_size_counts_up_over_4_gib(void **state)
{
	(void)state;
	for (uint32_t size = WAL_SEGMENT_SIZE_MIN; size <= WAL_SEGMENT_SIZE_MAX;
		size *= 2) {
		uint64_t last = lsn_segment_number(UINT32_MAX, size);

		for (uint64_t number = last - 1; number <= last + 1; number++) {
			char name[SEGMENT_NAME_LEN + 1];
			uint32_t timeline;
			uint64_t found;

			segment_name_format(name, 7, number, size);
			assert_int_equal(name[15], number > last ? '1' : '0');
			assert_true(segment_name_parse(
				name, size, &timeline, &found));
			assert_true(found == number);
		}
	}
}

static void
test_what_follows_the_name_is_not_read(void **state)
{
	uint32_t timeline = 0;
	uint64_t number = 0;

	(void)state;
	assert_true(segment_name_parse("000000010000000000000001.gz.partial",
		16 * MIB, &timeline, &number));
	assert_true(number == 1);
}

static void
test_other_names(void **state)
{
	static const char *const wrong[] = {"", "00000001",
		"00000001000000000000000", "00000001000000000000000g",
		"00000001000000000000000a", "000000010000000000000100",
		"000000000000000000000001", "00000001 00000000000001",
		"00000001.history", ".walfetch.lock",
		"+00000010000000000000001"};
	uint32_t timeline = 42;
	uint64_t number = 43;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(segment_name_parse(
			wrong[i], 16 * MIB, &timeline, &number));
	assert_int_equal(timeline, 42);
	assert_true(number == 43);
}

static void
test_history_names(void **state)
{
	static const char *const wrong[] = {"", "00000002",
		"00000002.history.gz", "00000002.histor", "0000000a.history",
		"00000000.history", "000000002.history", "00000002.HISTORY",
		"000000010000000000000001"};
	char name[HISTORY_NAME_LEN + 1];
	uint32_t timeline = 0;

	(void)state;
	history_name_format(name, 0xAB12);
	assert_string_equal(name, "0000AB12.history");
	assert_true(history_name_parse(name, &timeline));
	assert_int_equal(timeline, 0xAB12);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(history_name_parse(wrong[i], &timeline));
	assert_int_equal(timeline, 0xAB12);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_all_sizes),
		cmocka_unit_test(test_every_size_counts_up_over_4_gib),
		cmocka_unit_test(test_what_follows_the_name_is_not_read),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_history_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
