#include "archive/history_file.h"

#include "archive_files.h"

#define NAME "00000002.history"
#define CONTENT "1\t0/3000000\tno recovery target specified\n"

/* Any bytes as a text; the caller frees it. */
static struct text
make_text(size_t len, int byte)
{
	struct text text;
	char *bytes = malloc(len + 1);

	assert_non_null(bytes);
	memset(bytes, byte, len);
	text_init(&text);
	text_append(&text, bytes, len);
	free(bytes);
	return text;
}

static bool
store(const struct directory *directory, const char *content,
	struct error *error)
{
	struct text text;
	bool success;

	text_init(&text);
	text_append(&text, content, strlen(content));
	success = history_file_store(directory, 2, &text, error);
	text_free(&text);
	return success;
}

static void
test_missing(void **state)
{
	struct error error;
	struct text text;

	text_init(&text);
	assert_false(history_file_read(*state, 2, &text, &error));
	assert_int_equal(error.code, ERR_NOT_FOUND);
	assert_string_equal(error.message, "file \"" NAME "\" does not exist");
	assert_int_equal(text.len, 0);
	text_free(&text);
}

static void
test_store_and_read(void **state)
{
	struct error error;
	struct text text;
	struct stat status;
	const struct directory *directory = *state;

	assert_true(store(directory, CONTENT, &error));
	assert_names(directory, NAME);
	assert_int_equal(fstatat(directory->fd, NAME, &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_plain(directory, NAME, CODEC_NONE, CONTENT, strlen(CONTENT));

	text_init(&text);
	text_append(&text, "before ", 7);
	assert_true(history_file_read(directory, 2, &text, &error));
	assert_string_equal(text.string, "before " CONTENT);
	text_free(&text);
}

static void
test_timelines_have_files_of_their_own(void **state)
{
	struct text text = make_text(5, 'x');
	struct error error;

	assert_true(history_file_store(*state, 10, &text, &error));
	assert_true(history_file_store(*state, 0xFFFFFFFF, &text, &error));
	assert_names(*state, "0000000A.history FFFFFFFF.history");
	text_free(&text);
}

static void
test_the_same_again(void **state)
{
	struct error error;
	ino_t number;

	assert_true(store(*state, CONTENT, &error));
	number = file_number(*state, NAME);
	assert_true(store(*state, CONTENT, &error));
	assert_int_equal(file_number(*state, NAME), number);
	assert_names(*state, NAME);
}

static void
test_another_content(void **state)
{
	static const char *const contents[] = {"", "1\t0/3000000\tno",
		CONTENT "2\t0/4000000\tx\n",
		"1\t0/3000001\tno recovery target specified\n"};
	struct error error;

	assert_true(store(*state, CONTENT, &error));
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		assert_false(store(*state, contents[i], &error));
		assert_int_equal(error.code, ERR_DIVERGED);
		assert_non_null(strstr(error.message, NAME));
		assert_true(error.hint[0] != '\0');
		assert_plain(
			*state, NAME, CODEC_NONE, CONTENT, strlen(CONTENT));
		assert_names(*state, NAME);
	}
}

static void
test_an_empty_file(void **state)
{
	struct error error;
	struct text text;

	text_init(&text);
	assert_true(store(*state, "", &error));
	assert_true(store(*state, "", &error));
	assert_true(history_file_read(*state, 2, &text, &error));
	assert_int_equal(text.len, 0);
	text_free(&text);
}

static void
test_the_largest(void **state)
{
	struct text text = make_text(HISTORY_FILE_MAX, 'x');
	struct error error;
	struct text got;

	text_init(&got);
	assert_true(history_file_store(*state, 2, &text, &error));
	assert_true(history_file_store(*state, 2, &text, &error));
	assert_true(history_file_read(*state, 2, &got, &error));
	assert_int_equal(got.len, HISTORY_FILE_MAX);
	assert_memory_equal(got.string, text.string, HISTORY_FILE_MAX);
	text_free(&got);
	text_free(&text);
}

static void
test_larger_than_that(void **state)
{
	struct text text = make_text(HISTORY_FILE_MAX + 1, 'x');
	struct error error;

	file_store(*state, NAME, text.string, text.len);
	text_clear(&text);
	assert_false(history_file_read(*state, 2, &text, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	assert_false(store(*state, CONTENT, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	assert_int_equal(file_size(*state, NAME), HISTORY_FILE_MAX + 1);
	text_free(&text);
}

static void
test_not_a_file(void **state)
{
	const struct directory *directory = *state;
	struct error error;
	struct text text;

	text_init(&text);
	assert_int_equal(symlinkat("target", directory->fd, NAME), 0);
	assert_false(history_file_read(directory, 2, &text, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_false(store(directory, CONTENT, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_names(directory, NAME);
	assert_int_equal(mkdirat(directory->fd, "00000003.history", 0700), 0);
	assert_false(history_file_read(directory, 3, &text, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	text_free(&text);
}

static void
test_no_directory(void **state)
{
	const struct directory *directory = *state;
	struct error error;

	assert_int_equal(rmdir(directory->path), 0);
	assert_false(store(directory, CONTENT, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_missing),
		directory_test(test_store_and_read),
		directory_test(test_timelines_have_files_of_their_own),
		directory_test(test_the_same_again),
		directory_test(test_another_content),
		directory_test(test_an_empty_file),
		directory_test(test_the_largest),
		directory_test(test_larger_than_that),
		directory_test(test_not_a_file),
		directory_test(test_no_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
