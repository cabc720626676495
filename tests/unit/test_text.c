#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool out_of_memory;

void *__wrap_realloc(void *memory, size_t size);
void *__real_realloc(void *memory, size_t size);

void *
__wrap_realloc(void *memory, size_t size)
{
	if (out_of_memory) {
		errno = ENOMEM;
		return NULL;
	}
	return __real_realloc(memory, size);
}

static void
test_empty(void **state)
{
	struct text text;

	(void)state;
	text_init(&text);
	assert_string_equal(text.string, "");
	assert_int_equal(text.len, 0);
	assert_false(text.failed);
	text_clear(&text);
	assert_string_equal(text.string, "");
	text_append(&text, "x", 0);
	assert_string_equal(text.string, "");
	text_free(&text);
	assert_string_equal(text.string, "");
	text_free(&text);
}

/* Every length, so that every end of the room is met. */
static void
test_append(void **state)
{
	char expected[400];

	(void)state;
	for (size_t piece = 1; piece <= 130; piece++) {
		struct text text;
		size_t len = 0;

		text_init(&text);
		while (len + piece < sizeof(expected)) {
			memset(expected + len, 'a' + (int)(len % 26), piece);
			text_append(&text, expected + len, piece);
			len += piece;
			expected[len] = '\0';
			assert_int_equal(text.len, len);
			assert_true(text.room > text.len);
			assert_string_equal(text.string, expected);
		}
		assert_false(text.failed);
		text_free(&text);
	}
}

static void
test_bytes_of_any_kind(void **state)
{
	struct text text;

	(void)state;
	text_init(&text);
	text_append(&text, "a\0b", 3);
	text_append(&text, "c", 1);
	assert_int_equal(text.len, 4);
	assert_memory_equal(text.string, "a\0bc", 5);
	text_free(&text);
}

static void
test_printf(void **state)
{
	struct text text;
	char expected[5000] = "";

	(void)state;
	text_init(&text);
	text_printf(&text, "%s", "");
	assert_string_equal(text.string, "");
	for (int i = 0; i < 300; i++) {
		char number[16];

		text_printf(&text, "%d, ", i * 1000);
		(void)snprintf(number, sizeof(number), "%d, ", i * 1000);
		strcat(expected, number);
		assert_string_equal(text.string, expected);
		assert_int_equal(text.len, strlen(expected));
	}
	text_free(&text);
}

static void
test_truncate(void **state)
{
	struct text text;

	(void)state;
	text_init(&text);
	text_truncate(&text, 0);
	text_append(&text, "abcdef", 6);
	text_truncate(&text, 7);
	text_truncate(&text, 6);
	assert_string_equal(text.string, "abcdef");
	text_truncate(&text, 2);
	assert_string_equal(text.string, "ab");
	assert_int_equal(text.len, 2);
	text_append(&text, "x", 1);
	assert_string_equal(text.string, "abx");
	text_free(&text);
}

static void
test_clear_keeps_the_memory(void **state)
{
	struct text text;
	size_t room;

	(void)state;
	text_init(&text);
	text_printf(&text, "%200s", "x");
	room = text.room;
	text_clear(&text);
	assert_string_equal(text.string, "");
	assert_int_equal(text.len, 0);
	assert_int_equal(text.room, room);
	text_append(&text, "new", 3);
	assert_string_equal(text.string, "new");
	text_free(&text);
}

static void
test_cut(void **state)
{
	struct text text;

	(void)state;
	text_init(&text);
	text_truncate(&text, 0);
	assert_string_equal(text.string, "");
	text_append(&text, "walfetch", 8);
	text_truncate(&text, 9);
	text_truncate(&text, 8);
	assert_string_equal(text.string, "walfetch");
	text_truncate(&text, 3);
	assert_string_equal(text.string, "wal");
	text_append(&text, "!", 1);
	assert_string_equal(text.string, "wal!");
	text_free(&text);
}

static void
test_failure_stays(void **state)
{
	struct text text;

	(void)state;
	text_init(&text);
	text_append(&text, "kept", 4);
	out_of_memory = true;
	text_printf(&text, "%1000s", "lost");
	out_of_memory = false;
	assert_true(text.failed);
	text_append(&text, "!", 1);
	text_printf(&text, "%d", 1);
	assert_string_equal(text.string, "kept");
	assert_int_equal(text.len, 4);
	text_free(&text);
	assert_false(text.failed);
}

static void
test_failure_of_the_first(void **state)
{
	struct text text;

	(void)state;
	text_init(&text);
	out_of_memory = true;
	text_append(&text, "x", 1);
	out_of_memory = false;
	assert_true(text.failed);
	assert_string_equal(text.string, "");
	text_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_bytes_of_any_kind),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_truncate),
		cmocka_unit_test(test_clear_keeps_the_memory),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_failure_stays),
		cmocka_unit_test(test_failure_of_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
