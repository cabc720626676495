#include "wal/lsn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void
test_parse_reads_both_forms(void **state)
{
	lsn at = LSN_NONE;

	(void)state;
	assert_true(lsn_parse("0/0", &at));
	assert_true(at == LSN_NONE);
	assert_true(lsn_parse("0/15C2D8F8", &at));
	assert_true(at == UINT64_C(0x15C2D8F8));
	assert_true(lsn_parse("1/00000a0B", &at));
	assert_true(at == UINT64_C(0x100000A0B));
	assert_true(lsn_parse("FFFFFFFF/ffffffff", &at));
	assert_true(at == LSN_MAX);
}

static void
test_parse_refuses_the_rest(void **state)
{
	static const char *const wrong[] = {"", "/", "0", "0/", "/0", "0/0 ",
		" 0/0", "0/0/0", "0x1/2", "G/1", "1/G", "000000001/1",
		"1/000000001", "-1/1", "1/-1", "1 /1", "1/1\n"};
	lsn at = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(lsn_parse(wrong[i], &at));
		assert_true(at == 42);
	}
}

static void
test_format_pads_the_lower_half(void **state)
{
	char text[32];

	(void)state;
	(void)snprintf(text, sizeof(text), LSN_FORMAT,
		LSN_ARGS(UINT64_C(0x1200000028)));
	assert_string_equal(text, "12/00000028");
}

static void
test_segment_size(void **state)
{
	(void)state;
	for (uint64_t size = WAL_SEGMENT_SIZE_MIN; size <= WAL_SEGMENT_SIZE_MAX;
		size *= 2) {
		assert_true(wal_segment_size_valid(size));
		assert_false(wal_segment_size_valid(size + 1));
		assert_false(wal_segment_size_valid(size - 1));
	}
	assert_false(wal_segment_size_valid(0));
	assert_false(wal_segment_size_valid(WAL_SEGMENT_SIZE_MIN / 2));
	assert_false(
		wal_segment_size_valid((uint64_t)WAL_SEGMENT_SIZE_MAX * 2));
	assert_false(wal_segment_size_valid(UINT64_C(1) << 40));
}

static void
test_segment_arithmetic(void **state)
{
	const uint32_t size = UINT32_C(1) << 24;
	const lsn at = UINT64_C(0x10000002A);

	(void)state;
	assert_true(lsn_segment_number(at, size) == 0x100);
	assert_int_equal(lsn_segment_offset(at, size), 0x2A);
	assert_true(lsn_segment_start(at, size) == UINT64_C(0x100000000));
	assert_true(lsn_segment_start(LSN_MAX, size) ==
		UINT64_C(0xFFFFFFFFFF000000));
	assert_int_equal(lsn_page_offset(UINT64_C(0x100002001)), 1);
	assert_true(lsn_align(0) == 0);
	assert_true(lsn_align(1) == 8);
	assert_true(lsn_align(8) == 8);
	assert_true(lsn_align(UINT64_C(0xFFFFFFFF9)) == UINT64_C(0x1000000000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_reads_both_forms),
		cmocka_unit_test(test_parse_refuses_the_rest),
		cmocka_unit_test(test_format_pads_the_lower_half),
		cmocka_unit_test(test_segment_size),
		cmocka_unit_test(test_segment_arithmetic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
