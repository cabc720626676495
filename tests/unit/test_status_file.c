#include "archive/status_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "temporary_directory.h"

#include <sys/stat.h>

static const struct receiver_status full = {
	.pid = 4711,
	.state = RECEIVER_RETRYING,
	.started_us = 1,
	.since_us = INT64_C(817000000000000),
	.updated_us = INT64_C(817000000000001),
	.timeline = 4294967295u,
	.segment_size = 1u << 30,
	.received = UINT64_C(0xffffffff00000001),
	.durable = UINT64_C(0x100000000),
	.archived = 0x5000000,
	.server_end = UINT64_C(0xffffffff00000002),
	.rate = INT64_MAX - 1,
	.lag_us = -5,
	.in_work = 7,
	.synchronous = true,
	.space_short = true,
	.status_interval_us = 10000000,
	.failed_us = 3,
	.failure = "the \"server\" said = no",
	.hint = "Ask again.",
	.server = "/tmp/a b",
	.slot = "1archive",
};

static void
assert_same(const struct receiver_status *a, const struct receiver_status *b)
{
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->state, b->state);
	assert_true(a->started_us == b->started_us &&
		a->since_us == b->since_us && a->updated_us == b->updated_us);
	assert_int_equal(a->timeline, b->timeline);
	assert_int_equal(a->segment_size, b->segment_size);
	assert_int_equal(a->received, b->received);
	assert_int_equal(a->durable, b->durable);
	assert_int_equal(a->archived, b->archived);
	assert_int_equal(a->server_end, b->server_end);
	assert_int_equal(a->rate, b->rate);
	assert_int_equal(a->lag_us, b->lag_us);
	assert_int_equal(a->in_work, b->in_work);
	assert_int_equal(a->synchronous, b->synchronous);
	assert_int_equal(a->space_short, b->space_short);
	assert_int_equal(a->status_interval_us, b->status_interval_us);
	assert_int_equal(a->failed_us, b->failed_us);
	assert_string_equal(a->failure, b->failure);
	assert_string_equal(a->hint, b->hint);
	assert_string_equal(a->server, b->server);
	assert_string_equal(a->slot, b->slot);
}

static void
there_and_back(void **state)
{
	struct directory *directory = *state;
	struct receiver_status read = {.pid = 1};
	struct error error;
	struct stat stat;

	directory->file_mode = 0640;
	assert_true(status_file_write(directory, &full, &error));
	assert_true(status_file_read(directory, &read, &error));
	assert_same(&full, &read);
	assert_int_equal(temporary_directory_count(directory), 1);
	assert_int_equal(fstatat(directory->fd, STATUS_FILE_NAME, &stat, 0), 0);
	assert_int_equal(stat.st_mode & 07777, 0640);
}

static void
every_state(void **state)
{
	struct directory *directory = *state;
	struct receiver_status written = full;
	struct receiver_status read;
	struct error error;

	for (int i = 0; i < RECEIVER_STATES; i++) {
		written.state = (enum receiver_state)i;
		assert_true(status_file_write(directory, &written, &error));
		assert_true(status_file_read(directory, &read, &error));
		assert_int_equal(read.state, i);
	}
}

/* What a server says of itself cannot add lines, nor move a cursor. */
static void
control_characters(void **state)
{
	struct directory *directory = *state;
	struct receiver_status written = full;
	struct receiver_status read;
	struct error error;

	(void)snprintf(
		written.failure, sizeof(written.failure), "a\npid 1\n\033[2Jb");
	assert_true(status_file_write(directory, &written, &error));
	assert_true(status_file_read(directory, &read, &error));
	assert_string_equal(read.failure, "a pid 1  [2Jb");
	assert_int_equal(read.pid, 4711);
}

static bool
read_content(const struct directory *directory, const char *content, size_t len,
	struct receiver_status *status, struct error *error)
{
	assert_true(durable_write_file(
		directory, STATUS_FILE_NAME, content, len, error));
	return status_file_read(directory, status, error);
}

static void
not_there(void **state)
{
	struct receiver_status status = {.pid = 5};
	struct error error;

	assert_false(status_file_read(*state, &status, &error));
	assert_int_equal(error.code, ERR_NOT_FOUND);
	assert_int_equal(status.pid, 5);
}

static void
nonsense(void **state)
{
	static const char *const contents[] = {
		"",
		"\n",
		"walfetch-status 2\n",
		"walfetch-status 1",
		"walfetch-status 1\npid 5",
		"walfetch-status 1\npid\n",
		"walfetch-status 1\npid x\n",
		"walfetch-status 1\npid -3\n",
		"walfetch-status 1\npid 99999999999\n",
		"walfetch-status 1\npid 99999999999999999999999\n",
		"walfetch-status 1\nstate dancing\n",
		"walfetch-status 1\nreceived 16\n",
		"walfetch-status 1\nreceived -1/0\n",
		"walfetch-status 1\ntimeline 4294967296\n",
		"walfetch-status 1\ntimeline -1\n",
		"walfetch-status 1\nrate -1\n",
		"walfetch-status 1\nin_work 1.5\n",
		"walfetch-status 1\nsince_us -\n",
		"walfetch-status 1\nsince_us \n",
	};

	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		struct receiver_status status = {.pid = 5};
		struct error error = {.code = ERR_NONE};

		if (read_content(*state, contents[i], strlen(contents[i]),
			    &status, &error))
			fail_msg("taken: \"%s\"", contents[i]);
		assert_int_equal(error.code, ERR_DAMAGED);
		assert_int_equal(status.pid, 5);
	}
}

/* Of a later walfetch, perhaps; and values that fill more than their place. */
static void
unusual(void **state)
{
	static const char other[] = "walfetch-status 1\nmood good\npid 5\n";
	struct receiver_status status;
	struct error error;
	struct text text;

	assert_true(read_content(
		*state, other, sizeof(other) - 1, &status, &error));
	assert_int_equal(status.pid, 5);
	assert_int_equal(status.received, LSN_NONE);

	text_init(&text);
	text_printf(&text, "walfetch-status 1\nslot %0200d\n", 1);
	assert_true(
		read_content(*state, text.string, text.len, &status, &error));
	assert_int_equal(strlen(status.slot), sizeof(status.slot) - 1);
	text_printf(&text, "hint %020000d\n", 1);
	assert_false(
		read_content(*state, text.string, text.len, &status, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	text_free(&text);

	/* A zero byte ends a value, not the file. */
	assert_true(read_content(*state,
		"walfetch-status 1\nslot a\0b\npid 6\n", 33, &status, &error));
	assert_string_equal(status.slot, "a");
	assert_int_equal(status.pid, 6);
}

static void
cannot_be_written(void **state)
{
	struct directory *directory = *state;
	struct receiver_status status;
	struct error error;

	assert_true(status_file_write(directory, &full, &error));
	/* The temporary name is taken by what cannot be opened. */
	assert_int_equal(
		mkdirat(directory->fd, "." STATUS_FILE_NAME ".tmp", 0700), 0);
	assert_false(status_file_write(directory, &full, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_true(status_file_read(directory, &status, &error));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(there_and_back),
		directory_test(every_state),
		directory_test(control_characters),
		directory_test(not_there),
		directory_test(nonsense),
		directory_test(unusual),
		directory_test(cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
