#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void
test_set(void **state)
{
	struct error error;

	(void)state;
	memset(&error, 0xA5, sizeof(error));
	assert_false(error_set(&error, ERR_GAP, "WAL %s is gone", "0/1"));
	assert_int_equal(error.code, ERR_GAP);
	assert_int_equal(error.sys_errno, 0);
	assert_string_equal(error.message, "WAL 0/1 is gone");
	assert_string_equal(error.hint, "");
}

static void
test_set_errno(void **state)
{
	struct error error;

	(void)state;
	memset(&error, 0xA5, sizeof(error));
	errno = EACCES;
	assert_false(error_set_errno(&error, "could not open \"%s\"", "x"));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_int_equal(error.sys_errno, EACCES);
	assert_string_equal(
		error.message, "could not open \"x\": Permission denied");
	assert_string_equal(error.hint, "");
}

static void
test_set_memory(void **state)
{
	struct error error;

	(void)state;
	assert_false(error_set_memory(&error));
	assert_int_equal(error.code, ERR_MEMORY);
	assert_string_equal(error.message, "out of memory");
}

static void
test_hint_goes_with_the_next_error(void **state)
{
	struct error error;

	(void)state;
	error_set(&error, ERR_LOCKED, "locked");
	assert_false(error_set_hint(&error, "Wait for %d.", 42));
	assert_int_equal(error.code, ERR_LOCKED);
	assert_string_equal(error.message, "locked");
	assert_string_equal(error.hint, "Wait for 42.");
	error_set(&error, ERR_USAGE, "other");
	assert_string_equal(error.hint, "");
}

static void
test_clear(void **state)
{
	struct error error;

	(void)state;
	errno = EIO;
	error_set_errno(&error, "could not read");
	error_set_hint(&error, "Buy a new disk.");
	error_clear(&error);
	assert_int_equal(error.code, ERR_NONE);
	assert_int_equal(error.sys_errno, 0);
	assert_string_equal(error.message, "");
	assert_string_equal(error.hint, "");
}

/* Longer text is cut, and ends where the struct does. */
static void
test_long_text(void **state)
{
	struct error error;
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&error, ERR_USAGE, "%s", text);
	assert_int_equal(strlen(error.message), sizeof(error.message) - 1);
	error_set_hint(&error, "%s", text);
	assert_int_equal(strlen(error.hint), sizeof(error.hint) - 1);
	errno = EIO;
	error_set_errno(&error, "%s", text);
	assert_int_equal(strlen(error.message), sizeof(error.message) - 1);
	assert_int_equal(error.sys_errno, EIO);
}

static void
test_classes(void **state)
{
	static const struct {
		enum error_code code;
		int exit_status;
		bool transient;
	} rows[] = {
		{ERR_NONE, 0, false},
		{ERR_USAGE, 1, false},
		{ERR_SYSTEM, 1, false},
		{ERR_MEMORY, 1, false},
		{ERR_STOPPED, 0, false},
		{ERR_NOT_FOUND, 1, false},
		{ERR_PROTOCOL, 2, true},
		{ERR_UNREACHABLE, 2, true},
		{ERR_REFUSED, 2, false},
		{ERR_LOCKED, 3, false},
		{ERR_GAP, 4, false},
		{ERR_DAMAGED, 5, false},
		{ERR_DIVERGED, 6, false},
	};

	(void)state;
	assert_int_equal(sizeof(rows) / sizeof(rows[0]), ERR_CODES);
	for (int i = 0; i < ERR_CODES; i++) {
		struct error error;

		error_set(&error, rows[i].code, "x");
		assert_int_equal(rows[i].code, i);
		assert_int_equal(
			error_exit_status(rows[i].code), rows[i].exit_status);
		assert_int_equal(error_is_transient(&error), rows[i].transient);
	}
}

static void
test_a_full_disk_is_transient(void **state)
{
	static const struct {
		int number;
		bool transient;
	} rows[] = {
		{ENOSPC, true},
		{EDQUOT, true},
		{EIO, false},
		{EROFS, false},
		{0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error error;

		errno = rows[i].number;
		error_set_errno(&error, "x");
		assert_int_equal(error_is_transient(&error), rows[i].transient);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_errno),
		cmocka_unit_test(test_set_memory),
		cmocka_unit_test(test_hint_goes_with_the_next_error),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_a_full_disk_is_transient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
