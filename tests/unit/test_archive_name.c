#include "archive/archive_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIZE (UINT32_C(16) << 20)

struct example {
	const char *name;
	struct archive_name parsed;
};

static const struct example examples[] = {
	{"00000001000000020000000A", {NAME_SEGMENT, 1, 0x20A, CODEC_NONE}},
	{"00000001000000020000000A.gz", {NAME_SEGMENT, 1, 0x20A, CODEC_GZIP}},
	{"00000001000000020000000A.lz4", {NAME_SEGMENT, 1, 0x20A, CODEC_LZ4}},
	{"00000001000000020000000A.zst", {NAME_SEGMENT, 1, 0x20A, CODEC_ZSTD}},
	{"FFFFFFFF00000000000000FF.partial",
		{NAME_PARTIAL, UINT32_MAX, 0xFF, CODEC_NONE}},
	{"0000001000000000000000FF.gz.partial",
		{NAME_PARTIAL, 16, 0xFF, CODEC_GZIP}},
	{"0000001000000000000000FF.lz4.partial",
		{NAME_PARTIAL, 16, 0xFF, CODEC_LZ4}},
	{"0000001000000000000000FF.zst.partial",
		{NAME_PARTIAL, 16, 0xFF, CODEC_ZSTD}},
};

static void
assert_kind(const char *name, enum archive_name_kind kind)
{
	struct archive_name parsed;

	archive_name_parse(&parsed, name, SIZE);
	if (parsed.kind != kind)
		fail_msg("\"%s\" is of kind %d, not %d", name, parsed.kind,
			kind);
}

static void
test_segments_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *example = &examples[i];
		struct archive_name parsed;
		char name[ARCHIVE_NAME_MAX];

		archive_name_parse(&parsed, example->name, SIZE);
		assert_int_equal(parsed.kind, example->parsed.kind);
		assert_int_equal(parsed.timeline, example->parsed.timeline);
		assert_true(parsed.number == example->parsed.number);
		assert_int_equal(parsed.codec, example->parsed.codec);
		archive_name_format(name, &example->parsed, SIZE);
		assert_string_equal(name, example->name);
	}
}

static void
test_history(void **state)
{
	struct archive_name parsed;

	(void)state;
	archive_name_parse(&parsed, "0000000B.history", SIZE);
	assert_int_equal(parsed.kind, NAME_HISTORY);
	assert_int_equal(parsed.timeline, 11);
	assert_kind("0000000B.history.gz", NAME_OTHER);
	assert_kind("0000000B.history.partial", NAME_OTHER);
}

static void
test_segment_size_counts(void **state)
{
	struct archive_name parsed;

	(void)state;
	/* 256 segments of 16 MiB make 4 GiB, 4096 of 1 MiB. */
	assert_kind("000000010000000000000100", NAME_OTHER);
	archive_name_parse(
		&parsed, "000000010000000000000FFF", UINT32_C(1) << 20);
	assert_int_equal(parsed.kind, NAME_SEGMENT);
	assert_true(parsed.number == 0xFFF);
}

static void
test_other_names(void **state)
{
	static const char *const others[] = {"", ".", "..", ".partial", ".tmp",
		"..tmp", "README", "00000001000000020000000",
		"00000001000000020000000A0", "00000001000000020000000A.",
		"00000001000000020000000A.bz2", "00000001000000020000000A.gz2",
		"00000001000000020000000A.gz.lz4",
		"00000001000000020000000A.partial.gz",
		"00000001000000020000000A.partial2",
		"00000001000000020000000A.00000028.backup",
		"00000001000000020000000a", ".00000001000000020000000A.gz.bad",
		".walfetch.lock", ".walfetch.status", ".walfetch.tmp"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_kind(others[i], NAME_OTHER);
}

static void
test_temporary_names(void **state)
{
	char temporary[ARCHIVE_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		archive_name_temporary(temporary, examples[i].name);
		assert_kind(temporary, NAME_TEMPORARY);
	}
	archive_name_temporary(temporary, "00000002.history");
	assert_string_equal(temporary, ".00000002.history.tmp");
	assert_kind(temporary, NAME_TEMPORARY);
	archive_name_temporary(temporary, ".walfetch.status");
	assert_kind(temporary, NAME_TEMPORARY);
	assert_kind("00000002.history.tmp", NAME_OTHER);
}

static void
test_temporary_names_of_others(void **state)
{
	char name[2 * ARCHIVE_NAME_MAX];

	(void)state;
	assert_kind(".profile.tmp", NAME_OTHER);
	assert_kind(".00000001000000020000000A.gz.tmp.x", NAME_OTHER);
	memset(name, 'A', sizeof(name));
	name[0] = '.';
	memcpy(name + sizeof(name) - 5, ".tmp", 5);
	assert_kind(name, NAME_OTHER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments_both_ways),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_segment_size_counts),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_temporary_names),
		cmocka_unit_test(test_temporary_names_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
