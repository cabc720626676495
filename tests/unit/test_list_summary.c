#include "list/summary.h"

#include "archive_files.h"
#include "wal_builder.h"

#define SIZE WAL_BUILDER_SEGMENT

/* Timelines 1 and 3; 2, on the way between them, is missing. */
struct fixture {
	struct inventory inventory;
	struct inventory_timeline rows[2];
	struct inventory_file files[6];
	struct coverage_gap gaps[3];
	struct coverage coverage;
	struct list_summary summary;
};

static struct inventory_file
file_of(enum archive_name_kind kind, uint32_t timeline, uint64_t number,
	enum codec codec)
{
	return (struct inventory_file){.name = {kind, timeline, number, codec},
		.stored = 100,
		.modified = 1000 + (int64_t)number};
}

static void
begin(struct fixture *f)
{
	*f = (struct fixture){.coverage = {.gaps = f->gaps}};
	f->inventory = (struct inventory){
		.identity = {WAL_BUILDER_SYSTEM, SIZE},
		.files = f->files,
		.file_count = 6,
		.timelines = f->rows,
		.timeline_count = 2,
	};
	f->rows[0] = (struct inventory_timeline){.timeline = 1, .count = 5};
	f->rows[1] = (struct inventory_timeline){
		.timeline = 3, .first = 5, .count = 1};
	f->files[0] = file_of(NAME_SEGMENT, 1, 10, CODEC_NONE);
	f->files[1] = file_of(NAME_SEGMENT, 1, 12, CODEC_NONE);
	f->files[2] = file_of(NAME_SEGMENT, 1, 12, CODEC_GZIP);
	f->files[3] = file_of(NAME_PARTIAL, 1, 13, CODEC_NONE);
	f->files[4] = file_of(NAME_PARTIAL, 1, 13, CODEC_GZIP);
	f->files[5] = file_of(NAME_SEGMENT, 3, 20, CODEC_NONE);
	f->gaps[0].range = (struct gap){1, 11 * SIZE, 12 * SIZE};
	f->gaps[1].range = (struct gap){2, 14 * SIZE, 16 * SIZE};
	f->gaps[2].range = (struct gap){2, 17 * SIZE, 18 * SIZE};
	f->coverage.count = 3;
}

/* The open segment in two forms; the compressed one holds more. */
static lsn
store_open(const struct directory *directory)
{
	struct wal_builder builder;
	size_t less;
	lsn end;

	wal_builder_init(&builder, 13 * (lsn)SIZE);
	(void)wal_builder_add(&builder, 500);
	less = wal_builder_len(&builder);
	(void)wal_builder_add(&builder, 700);
	end = builder.at;
	file_encode(directory, "00000001000000000000000D.gz.partial",
		CODEC_GZIP, builder.bytes, wal_builder_len(&builder));
	memset(builder.bytes + less, 0, SIZE - less);
	file_store(directory, "00000001000000000000000D.partial", builder.bytes,
		SIZE);
	wal_builder_free(&builder);
	return end;
}

static void
summarize(struct fixture *f, const struct directory *directory)
{
	struct error error;

	if (!list_summarize(&f->summary, &f->inventory, &f->coverage, directory,
		    &error))
		fail_msg("%s", error.message);
}

static void
test_rows(void **state)
{
	const struct list_timeline *rows;
	struct fixture f;

	begin(&f);
	(void)store_open(*state);
	summarize(&f, *state);
	rows = f.summary.timelines;
	assert_int_equal(f.summary.count, 3);
	assert_int_equal(rows[0].timeline, 1);
	assert_int_equal(rows[0].complete, 2);
	assert_int_equal(rows[0].stored, 300);
	assert_ptr_equal(rows[0].first, &f.files[0]);
	assert_int_equal(rows[0].last->name.number, 12);
	assert_int_equal(rows[0].oldest, 1010);
	assert_int_equal(rows[0].newest, 1013);
	assert_int_equal(rows[0].gap_count, 1);
	assert_int_equal(rows[1].timeline, 2);
	assert_null(rows[1].row);
	assert_int_equal(rows[1].complete, 0);
	assert_ptr_equal(rows[1].gaps, &f.gaps[1]);
	assert_int_equal(rows[1].gap_count, 2);
	assert_int_equal(rows[2].timeline, 3);
	assert_int_equal(rows[2].complete, 1);
	assert_null(rows[2].open);
	assert_int_equal(rows[2].gap_count, 0);
	list_summary_free(&f.summary);
}

static void
test_the_open_segment(void **state)
{
	struct fixture f;
	lsn end = store_open(*state);

	begin(&f);
	summarize(&f, *state);
	assert_ptr_equal(f.summary.timelines[0].open, &f.files[4]);
	assert_true(f.summary.timelines[0].open_read);
	assert_int_equal(f.summary.timelines[0].valid, end);
	list_summary_free(&f.summary);
}

/* A receiver has just completed it. */
static void
test_an_open_segment_that_vanished(void **state)
{
	struct fixture f;

	begin(&f);
	summarize(&f, *state);
	assert_non_null(f.summary.timelines[0].open);
	assert_false(f.summary.timelines[0].open_read);
	list_summary_free(&f.summary);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_rows),
		directory_test(test_the_open_segment),
		directory_test(test_an_open_segment_that_vanished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
