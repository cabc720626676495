#include "base/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
test_numbers(void **state)
{
	static const struct {
		const char *string;
		int64_t value;
	} rows[] = {
		{"0", 0},
		{"10", 10},
		{"-5", -5},
		{"007", 7},
		{"9223372036854775807", INT64_MAX},
		{"-9223372036854775808", INT64_MIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error error;
		int64_t value = 42;

		assert_true(number_parse(rows[i].string, "-s", INT64_MIN,
			INT64_MAX, &value, &error));
		assert_true(value == rows[i].value);
	}
}

static void
test_not_numbers(void **state)
{
	static const char *const strings[] = {
		"", "x", "1x", "1 ", "0x10", "1.5", "-", "1e3"};

	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct error error;
		int64_t value = 42;

		assert_false(number_parse(strings[i], "-s", INT64_MIN,
			INT64_MAX, &value, &error));
		assert_int_equal(error.code, ERR_USAGE);
		assert_true(value == 42);
	}
}

static void
test_number_messages(void **state)
{
	struct error error;
	int64_t value = 42;

	(void)state;
	assert_false(number_parse("x", "-Z/--zip", 1, 9, &value, &error));
	assert_string_equal(
		error.message, "invalid value \"x\" for option -Z/--zip");
	assert_false(number_parse("10", "-Z/--zip", 1, 9, &value, &error));
	assert_string_equal(error.message, "-Z/--zip must be in range 1..9");
}

static void
test_ranges(void **state)
{
	static const struct {
		const char *string;
		bool fits;
	} rows[] = {
		{"0", false},
		{"1", true},
		{"9", true},
		{"10", false},
		{"-1", false},
		{"99999999999999999999", false},
		{"-99999999999999999999", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error error;
		int64_t value = 42;

		assert_int_equal(number_parse(rows[i].string, "-s", 1, 9,
					 &value, &error),
			rows[i].fits);
		assert_int_equal(value == 42, !rows[i].fits);
	}
}

static void
test_sizes(void **state)
{
	static const struct {
		const char *string;
		uint64_t bytes;
	} rows[] = {
		{"0", 0},
		{"1024", 1024},
		{"12B", 12},
		{"12 B", 12},
		{"1kB", 1024},
		{"64MB", UINT64_C(64) << 20},
		{"64 MB", UINT64_C(64) << 20},
		{"3GB", UINT64_C(3) << 30},
		{"2TB", UINT64_C(2) << 40},
		{"18446744073709551615", UINT64_MAX},
		{"16777215TB", UINT64_C(16777215) << 40},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error error;
		uint64_t bytes = 42;

		assert_true(
			size_parse(rows[i].string, "--memory", &bytes, &error));
		assert_true(bytes == rows[i].bytes);
	}
}

static void
test_not_sizes(void **state)
{
	static const char *const strings[] = {"", "MB", "-1", "-1MB", " 1",
		"1  MB", "1mb", "1KB", "1M", "1 MB ", "1.5GB", "1PB", "1MBx",
		"18446744073709551616", "16777216TB", "99999999999999999999kB"};

	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct error error;
		uint64_t bytes = 42;

		assert_false(
			size_parse(strings[i], "--memory", &bytes, &error));
		assert_int_equal(error.code, ERR_USAGE);
		assert_true(error.hint[0] != '\0');
		assert_true(bytes == 42);
	}
}

static void
test_size_texts(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{0, "0 B"},
		{1, "1 B"},
		{999, "999 B"},
		{1000, "1.0 kB"},
		{1024, "1.0 kB"},
		{1536, "1.5 kB"},
		{102348, "99.9 kB"},
		{102349, "100 kB"},
		{1023487, "999 kB"},
		{1023488, "1.0 MB"},
		{UINT64_C(16) << 20, "16.0 MB"},
		{UINT64_C(1536) << 20, "1.5 GB"},
		{UINT64_C(1) << 40, "1.0 TB"},
		{UINT64_C(1) << 50, "1024 TB"},
		{UINT64_MAX, "16777216 TB"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[SIZE_TEXT_MAX];

		size_format(text, rows[i].bytes);
		assert_string_equal(text, rows[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_not_numbers),
		cmocka_unit_test(test_number_messages),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_not_sizes),
		cmocka_unit_test(test_size_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
