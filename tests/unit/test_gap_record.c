#include "archive/gap_record.h"

#include "archive_files.h"

static const struct gap first = {1, 0x1200000100, 0x1200400000};
static const struct gap later = {1, 0x1300000000, 0x1300000008};

static void
add(const struct directory *directory, const struct gap *gap)
{
	struct error error;

	if (!gap_record_add(directory, gap, &error))
		fail_msg("%s", error.message);
}

static bool
is_accepted(const struct directory *directory, uint32_t timeline, lsn at)
{
	struct error error;
	bool accepted;

	if (!gap_record_find(directory, timeline, at, &accepted, &error))
		fail_msg("%s", error.message);
	return accepted;
}

static void
assert_content(const struct directory *directory, const char *expected)
{
	assert_plain(directory, GAP_FILE_NAME, CODEC_NONE, expected,
		strlen(expected));
}

static void
test_without_a_file(void **state)
{
	assert_false(is_accepted(*state, 1, 0x1200000100));
	assert_names(*state, "");
}

static void
test_an_empty_file(void **state)
{
	file_store(*state, GAP_FILE_NAME, "", 0);
	assert_false(is_accepted(*state, 1, 0x1200000100));
	add(*state, &first);
	assert_content(*state, "1 12/00000100 12/00400000\n");
}

static void
test_both_ends(void **state)
{
	add(*state, &first);
	assert_false(is_accepted(*state, 1, first.begin - 1));
	assert_true(is_accepted(*state, 1, first.begin));
	assert_true(is_accepted(*state, 1, first.end - 1));
	assert_false(is_accepted(*state, 1, first.end));
	assert_false(is_accepted(*state, 1, LSN_NONE));
	assert_names(*state, GAP_FILE_NAME);
}

static void
test_adding_again(void **state)
{
	const struct gap part = {1, first.begin + 8, first.end - 8};
	const struct gap more = {1, first.begin + 8, first.end + 8};
	ino_t number;

	add(*state, &first);
	add(*state, &later);
	assert_content(*state,
		"1 12/00000100 12/00400000\n1 13/00000000 13/00000008\n");
	number = file_number(*state, GAP_FILE_NAME);
	add(*state, &first);
	add(*state, &later);
	add(*state, &part);
	assert_int_equal(file_number(*state, GAP_FILE_NAME), number);
	add(*state, &more);
	assert_content(*state,
		"1 12/00000100 12/00400000\n1 13/00000000 13/00000008\n"
		"1 12/00000108 12/00400008\n");
	assert_true(is_accepted(*state, 1, first.begin));
	assert_true(is_accepted(*state, 1, first.end));
	assert_true(is_accepted(*state, 1, later.begin));
	assert_false(is_accepted(*state, 1, first.end + 8));
}

/* The line of timeline 1 is the end of that of timeline 11. */
static void
test_several_timelines(void **state)
{
	const struct gap eleventh = {11, first.begin, first.end};
	const struct gap last = {UINT32_MAX, later.begin, later.end};

	add(*state, &eleventh);
	assert_false(is_accepted(*state, 1, first.begin));
	assert_true(is_accepted(*state, 11, first.begin));
	add(*state, &first);
	assert_true(is_accepted(*state, 1, first.begin));
	assert_true(is_accepted(*state, 11, first.begin));
	assert_false(is_accepted(*state, 2, first.begin));
	add(*state, &last);
	assert_true(is_accepted(*state, UINT32_MAX, later.begin));
	assert_false(is_accepted(*state, 11, later.begin));
	assert_content(*state,
		"11 12/00000100 12/00400000\n1 12/00000100 12/00400000\n"
		"4294967295 13/00000000 13/00000008\n");
}

/* Neither function takes the file, and neither changes it. */
static void
assert_refused(
	const struct directory *directory, const char *content, size_t len)
{
	struct error error = {.code = ERR_NONE};
	bool accepted = true;

	file_store(directory, GAP_FILE_NAME, content, len);
	if (gap_record_find(directory, 1, later.begin, &accepted, &error))
		fail_msg("\"%s\" was taken", content);
	assert_int_equal(error.code, ERR_DAMAGED);
	assert_true(accepted);
	assert_non_null(strstr(error.message, GAP_FILE_NAME));

	error.code = ERR_NONE;
	assert_false(gap_record_add(directory, &later, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	assert_plain(directory, GAP_FILE_NAME, CODEC_NONE, content, len);
}

static void
test_garbage(void **state)
{
	static const char *const lines[] = {
		"garbage",
		"garbage\n",
		"\n",
		"1\n",
		"1 12/100\n",
		"1 12/100 12/\n",
		"1 12/100 12/200 \n",
		"1 12/100 12/200 12/300\n",
		"1 12/100 12/200x\n",
		"1 12/100 12/200",
		"x 12/100 12/200\n",
		"0 12/100 12/200\n",
		"-1 12/100 12/200\n",
		"4294967296 12/100 12/200\n",
		"1 12/100 12/100000000\n",
		"1 13/00000000 13/00000008\n\n",
		"1 13/00000000 13/00000008\ngarbage\n",
	};
	static const char long_line[] =
		"00000000000000000000000000000000000"
		"00000000000001 12/00000100 12/00400000\n";
	static const char with_nul[] = "1 12/100 12/200\0x\n";

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_refused(*state, lines[i], strlen(lines[i]));
	assert_refused(*state, long_line, strlen(long_line));
	assert_refused(*state, with_nul, sizeof(with_nul) - 1);
	assert_refused(*state, with_nul + 15, 1);
}

/* More than anybody would accept: not read at all. */
static void
test_a_file_that_is_too_long(void **state)
{
	size_t len = ((size_t)1 << 20) + 1;
	char *content = malloc(len);

	assert_non_null(content);
	memset(content, '1', len);
	assert_refused(*state, content, len);
	free(content);
}

static void
test_a_file_that_cannot_be_read(void **state)
{
	const struct directory *directory = *state;
	struct error error;
	bool accepted;

	assert_int_equal(mkdirat(directory->fd, GAP_FILE_NAME, S_IRWXU), 0);
	assert_false(gap_record_find(directory, 1, 1, &accepted, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_false(gap_record_add(directory, &first, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_without_a_file),
		directory_test(test_an_empty_file),
		directory_test(test_both_ends),
		directory_test(test_adding_again),
		directory_test(test_several_timelines),
		directory_test(test_garbage),
		directory_test(test_a_file_that_is_too_long),
		directory_test(test_a_file_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
