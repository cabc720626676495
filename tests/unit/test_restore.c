/*
 * Whole calls on archives of all shapes.
 */
#include "restore/restore.h"

#include "archive/gap_record.h"
#include "archive_files.h"
#include "wal_builder.h"

#define NUMBER 5
#define BASE ((lsn)NUMBER * WAL_BUILDER_SEGMENT)
#define SEGMENT "000000010000000000000005"
#define NEXT "000000010000000000000006"

/* What a receiver writes while the open segment is looked at. */
static struct beside {
	const struct directory *archive;
	const char *name; /* NULL: nothing */
	const unsigned char *bytes;
} beside;

bool __real_open_end_check(const struct directory *directory, const char *name,
	const struct record_verifier *verifier, bool *damaged,
	struct error *error);
bool __wrap_open_end_check(const struct directory *directory, const char *name,
	const struct record_verifier *verifier, bool *damaged,
	struct error *error);

bool
__wrap_open_end_check(const struct directory *directory, const char *name,
	const struct record_verifier *verifier, bool *damaged,
	struct error *error)
{
	bool success = __real_open_end_check(
		directory, name, verifier, damaged, error);

	if (beside.name != NULL)
		file_store(beside.archive, beside.name, beside.bytes,
			WAL_BUILDER_SEGMENT);
	return success;
}

struct call {
	const struct directory *archive;
	struct restore_config config;
	char path[512];
	FILE *messages;
	struct log log;
	struct error error;
	bool found;
};

static void
call_init(struct call *call, const struct directory *archive)
{
	memset(call, 0, sizeof(*call));
	call->archive = archive;
	(void)snprintf(
		call->path, sizeof(call->path), "%s/target", archive->path);
	call->config = (struct restore_config){
		.directory = archive->path,
		.name = SEGMENT,
		.path = call->path,
		.partial = true,
		.verify = true,
	};
	call->messages = tmpfile();
	assert_non_null(call->messages);
	log_init(&call->log, call->messages, "test");
}

static void
call_end(struct call *call)
{
	assert_int_equal(fclose(call->messages), 0);
}

static bool
run(struct call *call)
{
	(void)unlinkat(call->archive->fd, "target", 0);
	return restore_file(
		&call->config, &call->log, &call->found, &call->error);
}

static void
assert_served(struct call *call, const unsigned char *bytes)
{
	if (!run(call))
		fail_msg("%s", call->error.message);
	assert_true(call->found);
	assert_plain(call->archive, "target", CODEC_NONE, bytes,
		WAL_BUILDER_SEGMENT);
}

static void
assert_not_there(struct call *call)
{
	if (!run(call))
		fail_msg("%s", call->error.message);
	assert_false(call->found);
	assert_int_not_equal(
		faccessat(call->archive->fd, "target", F_OK, 0), 0);
}

static void
assert_fault(struct call *call, enum error_code code)
{
	assert_false(run(call));
	assert_int_equal(call->error.code, code);
	assert_int_not_equal(
		faccessat(call->archive->fd, "target", F_OK, 0), 0);
	assert_int_not_equal(
		faccessat(call->archive->fd, ".target.tmp", F_OK, 0), 0);
}

static size_t
message_len(struct call *call)
{
	(void)fflush(call->messages);
	return (size_t)ftell(call->messages);
}

/* Two segments and more; expected: the first up to len, then zeros. */
static unsigned char *
build(struct wal_builder *b, size_t len, unsigned char *expected)
{
	wal_builder_init(b, BASE);
	wal_builder_add_many(b, 5 * WAL_BUILDER_SEGMENT / 2);
	memset(expected, 0, WAL_BUILDER_SEGMENT);
	memcpy(expected, b->bytes, len);
	return b->bytes;
}

static unsigned char *
new_segment(void)
{
	unsigned char *bytes = malloc(WAL_BUILDER_SEGMENT);

	assert_non_null(bytes);
	return bytes;
}

static void
the_plain_form_wins(void **state)
{
	unsigned char *expected = new_segment();
	unsigned char *bytes;
	struct wal_builder b;
	struct call call;

	bytes = build(&b, WAL_BUILDER_SEGMENT, expected);
	call_init(&call, *state);
	file_encode(
		*state, SEGMENT ".gz", CODEC_GZIP, bytes, WAL_BUILDER_SEGMENT);
	assert_served(&call, expected);

	/* Bytes that nobody checks tell one from the other. */
	bytes[WAL_BUILDER_SEGMENT - 1] ^= 1;
	file_encode(*state, SEGMENT, CODEC_NONE, bytes, WAL_BUILDER_SEGMENT);
	call.config.verify = false;
	assert_served(&call, bytes);
	call_end(&call);
	wal_builder_free(&b);
	free(expected);
}

static void
a_sound_form_makes_up_for_a_damaged_one(void **state)
{
	unsigned char *expected = new_segment();
	unsigned char *bytes;
	struct wal_builder b;
	struct call call;

	bytes = build(&b, WAL_BUILDER_SEGMENT, expected);
	bytes[9000] ^= 1;
	call_init(&call, *state);
	file_encode(*state, SEGMENT, CODEC_NONE, bytes, WAL_BUILDER_SEGMENT);
	assert_fault(&call, ERR_DAMAGED);
	/* The open one is no way round a damaged complete one. */
	file_encode(*state, SEGMENT ".partial", CODEC_NONE, expected,
		WAL_BUILDER_SEGMENT);
	assert_fault(&call, ERR_DAMAGED);
	assert_int_equal(message_len(&call), 0);
	file_encode(*state, SEGMENT ".lz4", CODEC_LZ4, expected,
		WAL_BUILDER_SEGMENT);
	assert_served(&call, expected);
	assert_true(message_len(&call) > 0);
	call_end(&call);
	wal_builder_free(&b);
	free(expected);
}

static void
the_open_form_with_most_is_served(void **state)
{
	size_t len = WAL_BUILDER_SEGMENT / 2;
	unsigned char *expected = new_segment();
	unsigned char *bytes;
	struct wal_builder b;
	struct call call;

	bytes = build(&b, len, expected);
	call_init(&call, *state);
	file_encode(*state, SEGMENT ".gz.partial", CODEC_GZIP, bytes, len);
	assert_served(&call, expected);
	call.config.partial = false;
	assert_not_there(&call);
	call.config.partial = true;

	/* Less, in the form that wins otherwise, and nothing at all. */
	memset(expected + len / 2, 0, WAL_BUILDER_SEGMENT - len / 2);
	file_encode(*state, SEGMENT ".partial", CODEC_NONE, expected,
		WAL_BUILDER_SEGMENT);
	file_store(*state, SEGMENT ".lz4.partial", "", 0);
	memcpy(expected, bytes, len);
	assert_served(&call, expected);
	call_end(&call);
	wal_builder_free(&b);
	free(expected);
}

static void
an_open_one_without_wal_is_not_there(void **state)
{
	unsigned char *zeros = new_segment();
	struct call call;

	memset(zeros, 0, WAL_BUILDER_SEGMENT);
	call_init(&call, *state);
	file_store(*state, SEGMENT ".partial", "", 0);
	assert_not_there(&call);
	file_store(*state, SEGMENT ".partial", zeros, WAL_BUILDER_SEGMENT);
	assert_not_there(&call);
	call_end(&call);
	free(zeros);
}

static void
a_damaged_open_one_is_a_fault(void **state)
{
	size_t len = WAL_BUILDER_SEGMENT / 2;
	unsigned char *expected = new_segment();
	unsigned char *bytes;
	struct wal_builder b;
	struct call call;

	bytes = build(&b, len, expected);
	call_init(&call, *state);
	expected[9000] ^= 1;
	file_store(*state, SEGMENT ".partial", expected, WAL_BUILDER_SEGMENT);
	assert_fault(&call, ERR_DAMAGED);
	call.config.verify = false;
	assert_served(&call, expected);
	call.config.verify = true;

	file_cut(*state, SEGMENT ".partial", WAL_BUILDER_SEGMENT / 3);
	assert_fault(&call, ERR_DAMAGED);
	(void)unlinkat(call.archive->fd, SEGMENT ".partial", 0);
	file_encode(*state, SEGMENT ".gz.partial", CODEC_GZIP, bytes, len);
	file_cut(*state, SEGMENT ".gz.partial",
		file_size(*state, SEGMENT ".gz.partial") - 20);
	assert_fault(&call, ERR_DAMAGED);
	call_end(&call);
	wal_builder_free(&b);
	free(expected);
}

/* Not the one that can be read but holds less. */
static void
a_damaged_open_one_that_held_more_is_a_fault(void **state)
{
	size_t len = WAL_BUILDER_SEGMENT / 2;
	unsigned char *quarter = new_segment();
	const unsigned char *bytes;
	struct wal_builder b;
	struct call call;

	bytes = build(&b, len / 2, quarter);
	call_init(&call, *state);
	file_encode(*state, SEGMENT ".gz.partial", CODEC_GZIP, bytes, len);
	file_cut(*state, SEGMENT ".gz.partial",
		file_size(*state, SEGMENT ".gz.partial") - 20);
	file_store(*state, SEGMENT ".partial", quarter, WAL_BUILDER_SEGMENT);
	assert_fault(&call, ERR_DAMAGED);
	assert_non_null(strstr(call.error.message, ".gz.partial"));
	file_encode(*state, SEGMENT ".partial", CODEC_NONE, bytes,
		WAL_BUILDER_SEGMENT);
	assert_served(&call, bytes);
	call_end(&call);
	wal_builder_free(&b);
	free(quarter);
}

/*
 * Pages of a record that is not whole came while the file was copied, a later
 * one before an earlier one: that is no damage.
 */
static void
pages_that_come_meanwhile(void **state)
{
	const size_t page = (size_t)20 * WAL_PAGE_SIZE;
	unsigned char *torn = new_segment();
	struct wal_builder b;
	struct call call;

	wal_builder_init(&b, BASE);
	wal_builder_add_many(&b, page - WAL_PAGE_SIZE);
	(void)wal_builder_add_unfinished(
		&b, (size_t)20 * WAL_PAGE_SIZE, (size_t)8 * WAL_PAGE_SIZE);
	memcpy(torn, b.bytes, WAL_BUILDER_SEGMENT);
	memset(torn + page + (size_t)3 * WAL_PAGE_SIZE, 0, WAL_PAGE_SIZE);
	call_init(&call, *state);
	file_store(*state, SEGMENT ".partial", torn, WAL_BUILDER_SEGMENT);
	assert_fault(&call, ERR_DAMAGED);

	beside = (struct beside){*state, SEGMENT ".partial", b.bytes};
	assert_served(&call, b.bytes);
	beside.name = NULL;
	call_end(&call);
	wal_builder_free(&b);
	free(torn);
}

/* What lies behind it on its timeline. */
static void
an_open_one_below_the_newest_must_be_full(void **state)
{
	size_t len = WAL_BUILDER_SEGMENT / 2;
	unsigned char *half = new_segment();
	const unsigned char *bytes;
	struct wal_builder b;
	struct call call;
	struct gap gap = {1, BASE, BASE + WAL_BUILDER_SEGMENT};
	struct error error;

	bytes = build(&b, len, half);
	call_init(&call, *state);
	file_store(*state, SEGMENT ".partial", half, WAL_BUILDER_SEGMENT);
	file_encode(*state, NEXT ".gz.partial", CODEC_GZIP,
		bytes + WAL_BUILDER_SEGMENT, len);
	assert_fault(&call, ERR_GAP);

	file_store(*state, SEGMENT ".partial", bytes, WAL_BUILDER_SEGMENT);
	assert_served(&call, bytes);

	/* Without its rest, the last record cannot be told from one cut off. */
	memcpy(half, bytes, WAL_BUILDER_SEGMENT);
	memset(half + WAL_BUILDER_SEGMENT - 8, 0, 8);
	file_store(*state, SEGMENT ".partial", half, WAL_BUILDER_SEGMENT);
	assert_fault(&call, ERR_GAP);

	memcpy(half, bytes, len);
	memset(half + len, 0, WAL_BUILDER_SEGMENT - len);
	file_store(*state, SEGMENT ".partial", half, WAL_BUILDER_SEGMENT);
	assert_true(gap_record_add(*state, &gap, &error));
	assert_served(&call, half);
	call_end(&call);
	wal_builder_free(&b);
	free(half);
}

/* Its last record goes on in the newest segment, and is not whole there. */
static void
a_full_one_whose_last_record_is_not_whole(void **state)
{
	unsigned char *newest = new_segment();
	struct wal_builder b;
	struct call call;

	wal_builder_init(&b, BASE);
	while (b.at < BASE + WAL_BUILDER_SEGMENT - WAL_PAGE_SIZE)
		wal_builder_add(&b, 500);
	wal_builder_add(&b, (size_t)4 * WAL_PAGE_SIZE);
	memset(newest, 0, WAL_BUILDER_SEGMENT);
	memcpy(newest, b.bytes + WAL_BUILDER_SEGMENT,
		(size_t)2 * WAL_PAGE_SIZE);
	call_init(&call, *state);
	file_store(*state, SEGMENT ".partial", b.bytes, WAL_BUILDER_SEGMENT);
	file_store(*state, NEXT ".partial", newest, WAL_BUILDER_SEGMENT);
	assert_served(&call, b.bytes);

	/* What is there of the next one is not the rest of that record. */
	newest[16] ^= 8;
	file_store(*state, NEXT ".partial", newest, WAL_BUILDER_SEGMENT);
	assert_fault(&call, ERR_GAP);
	call_end(&call);
	wal_builder_free(&b);
	free(newest);
}

static void
other_timelines_do_not_matter(void **state)
{
	size_t len = WAL_BUILDER_SEGMENT / 2;
	unsigned char *half = new_segment();
	const unsigned char *bytes;
	struct wal_builder b;
	struct call call;

	bytes = build(&b, len, half);
	call_init(&call, *state);
	file_store(*state, SEGMENT ".partial", half, WAL_BUILDER_SEGMENT);
	file_store(*state, "000000020000000000000007", bytes, 100);
	assert_served(&call, half);
	call_end(&call);
	wal_builder_free(&b);
	free(half);
}

/* A segment that is not there is not the end where others are behind it. */
static void
a_hole_is_not_the_end(void **state)
{
	const struct gap gap = {1, BASE + 8, BASE + WAL_BUILDER_SEGMENT};
	unsigned char *expected = new_segment();
	char folder[] = "/tmp/walfetch-test-XXXXXX";
	const char *elsewhere;
	const unsigned char *bytes;
	struct wal_builder b;
	struct error error;
	struct call call;

	bytes = build(&b, WAL_BUILDER_SEGMENT, expected);
	call_init(&call, *state);
	file_encode(*state, NEXT ".gz", CODEC_GZIP, bytes + WAL_BUILDER_SEGMENT,
		WAL_BUILDER_SEGMENT);
	assert_not_there(&call);
	file_store(*state, "000000020000000000000004", "x", 1);
	assert_not_there(&call);
	assert_int_equal(message_len(&call), 0);
	file_store(*state, "000000010000000000000004", "x", 1);
	assert_fault(&call, ERR_GAP);
	assert_non_null(strstr(call.error.message, NEXT ".gz"));

	/* Unless the server has it itself. */
	elsewhere = mkdtemp(folder);
	assert_non_null(elsewhere);
	(void)snprintf(call.path, sizeof(call.path), "%s/" SEGMENT, elsewhere);
	assert_int_equal(close(open(call.path, O_CREAT | O_WRONLY, 0600)), 0);
	(void)snprintf(call.path, sizeof(call.path), "%s/target", elsewhere);
	assert_not_there(&call);
	(void)snprintf(call.path, sizeof(call.path), "%s/" SEGMENT, elsewhere);
	assert_int_equal(unlink(call.path), 0);
	assert_int_equal(rmdir(elsewhere), 0);
	(void)snprintf(
		call.path, sizeof(call.path), "%s/target", call.archive->path);

	/* A standby can go on to streaming, but is told. */
	call.config.partial = false;
	assert_not_there(&call);
	assert_true(message_len(&call) > 0);

	/* One that is open, with another behind it, is only not complete. */
	call.config.partial = true;
	(void)unlinkat(call.archive->fd, NEXT ".gz", 0);
	file_store(*state, NEXT ".partial", bytes + WAL_BUILDER_SEGMENT,
		WAL_BUILDER_SEGMENT);
	assert_fault(&call, ERR_GAP);
	call.config.partial = false;
	call_end(&call);
	call.messages = tmpfile();
	log_init(&call.log, call.messages, "test");
	file_store(*state, SEGMENT ".partial", bytes, WAL_BUILDER_SEGMENT);
	assert_not_there(&call);
	assert_int_equal(message_len(&call), 0);

	(void)unlinkat(call.archive->fd, SEGMENT ".partial", 0);
	call.config.partial = true;
	assert_true(gap_record_add(*state, &gap, &error));
	assert_not_there(&call);
	call_end(&call);
	wal_builder_free(&b);
	free(expected);
}

/* Or the server would begin another timeline of that number. */
static void
a_history_is_missed_where_its_wal_is(void **state)
{
	struct call call;

	call_init(&call, *state);
	call.config.name = "00000002.history";
	file_store(*state, "000000020000000000000005.partial", "", 0);
	assert_not_there(&call);
	file_store(*state, SEGMENT, "x", 1);
	assert_fault(&call, ERR_GAP);
	call.config.partial = false;
	assert_fault(&call, ERR_GAP);
	call.config.name = "00000003.history";
	assert_not_there(&call);
	call.config.name = "00000001.history";
	assert_not_there(&call);
	call_end(&call);
}

static void
an_empty_folder_is_no_archive(void **state)
{
	struct call call;

	call_init(&call, *state);
	assert_fault(&call, ERR_SYSTEM);
	file_store(*state, "readme", "x", 1);
	assert_fault(&call, ERR_SYSTEM);
	call.config.name = "00000002.history";
	assert_fault(&call, ERR_SYSTEM);
	file_store(*state, NEXT, "x", 1);
	assert_not_there(&call);
	call.config.name = SEGMENT;
	assert_not_there(&call);
	call.config.directory = "/nonexistent";
	assert_fault(&call, ERR_SYSTEM);
	call_end(&call);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(the_plain_form_wins),
		directory_test(a_sound_form_makes_up_for_a_damaged_one),
		directory_test(the_open_form_with_most_is_served),
		directory_test(an_open_one_without_wal_is_not_there),
		directory_test(a_damaged_open_one_is_a_fault),
		directory_test(a_damaged_open_one_that_held_more_is_a_fault),
		directory_test(pages_that_come_meanwhile),
		directory_test(an_open_one_below_the_newest_must_be_full),
		directory_test(a_full_one_whose_last_record_is_not_whole),
		directory_test(other_timelines_do_not_matter),
		directory_test(a_hole_is_not_the_end),
		directory_test(a_history_is_missed_where_its_wal_is),
		directory_test(an_empty_folder_is_no_archive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
