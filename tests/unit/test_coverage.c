#include "archive/coverage.h"

#include "archive_files.h"

#define SIZE WAL_SEGMENT_SIZE_MIN

/* An inventory as it would be read: files in order, rows, their histories. */
struct fixture {
	struct directory *directory;
	struct inventory inventory;
	struct inventory_timeline rows[4];
	struct inventory_file files[32];
	struct coverage coverage;
	struct error error;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *directory;

	if (f == NULL || temporary_directory_setup(&directory) != 0)
		return -1;
	f->directory = directory;
	f->inventory.identity.segment_size = SIZE;
	f->inventory.timelines = f->rows;
	f->inventory.files = f->files;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	void *directory = f->directory;

	coverage_free(&f->coverage);
	for (size_t i = 0; i < f->inventory.timeline_count; i++)
		timeline_history_free(&f->rows[i].history);
	(void)temporary_directory_teardown(&directory);
	free(f);
	return 0;
}

/* A timeline with the segments that numbers lists; -1 ends them. */
static void
add_timeline(struct fixture *f, uint32_t timeline, const char *history,
	const int *numbers)
{
	struct inventory *inventory = &f->inventory;
	struct inventory_timeline *row = &f->rows[inventory->timeline_count++];

	row->timeline = timeline;
	row->first = inventory->file_count;
	timeline_history_init(&row->history);
	assert_true(timeline_history_parse(
		&row->history, timeline, history, strlen(history), &f->error));
	for (; *numbers >= 0; numbers++, row->count++)
		f->files[inventory->file_count++].name = (struct archive_name){
			NAME_SEGMENT, timeline, (uint64_t)*numbers, CODEC_NONE};
}

#define add_timeline(f, timeline, history, ...) \
	(add_timeline)(f, timeline, history, (const int[]){__VA_ARGS__, -1})

static void
accept(struct fixture *f, uint32_t timeline, lsn begin, lsn end)
{
	const struct gap gap = {timeline, begin, end};

	assert_true(gap_record_add(f->directory, &gap, &f->error));
}

static void
find(struct fixture *f, size_t expected)
{
	assert_true(coverage_find(
		&f->coverage, &f->inventory, f->directory, &f->error));
	assert_int_equal(f->coverage.count, expected);
}

/* The gap with this index has these bounds, as segment numbers. */
static void
assert_gap(const struct fixture *f, size_t index, uint32_t timeline,
	uint64_t begin, uint64_t end)
{
	const struct coverage_gap *gap = &f->coverage.gaps[index];

	assert_int_equal(gap->range.timeline, timeline);
	assert_int_equal(gap->range.begin / SIZE, begin);
	assert_int_equal(gap->range.end / SIZE, end);
}

static void
test_whole(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 3, 4, 4, 5);
	find(f, 0);
}

static void
test_inside(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 3, 5, 9);
	find(f, 2);
	assert_gap(f, 0, 1, 4, 5);
	assert_gap(f, 1, 1, 6, 9);
	assert_false(f->coverage.gaps[0].accepted);
}

/* The segment in which a timeline ended need not be there. */
static void
test_switch(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 3, 4);
	add_timeline(f, 2, "1\t0/500010\tx\n", 5, 6);
	find(f, 0);
}

static void
test_switch_at_border(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 3);
	add_timeline(f, 2, "1\t0/500000\tx\n", 5, 6);
	find(f, 1);
	assert_gap(f, 0, 1, 4, 5);
}

static void
test_around_switch(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 3);
	add_timeline(f, 2, "1\t0/500010\tx\n", 7);
	find(f, 2);
	assert_gap(f, 0, 1, 4, 5);
	assert_gap(f, 1, 2, 5, 7);
}

/* A timeline between of which nothing is there, not even its history. */
static void
test_timeline_missing(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 3, 4, 5);
	add_timeline(f, 3, "1\t0/500010\tx\n2\t0/800010\ty\n", 8, 9);
	find(f, 1);
	assert_gap(f, 0, 2, 5, 8);
}

/* What was written on a timeline after the others had left it. */
static void
test_abandoned_end(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 3, 4, 5, 6, 9);
	add_timeline(f, 2, "1\t0/500010\tx\n", 5, 6);
	find(f, 1);
	assert_gap(f, 0, 1, 7, 9);
}

/* The archive begins on a later timeline, or behind the last switch. */
static void
test_before_first(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 2, "1\t0/500010\tx\n", 7, 8);
	find(f, 0);
}

static void
test_accepted(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 3, 5, 9);
	accept(f, 1, 0x480000, 0x500000);
	accept(f, 1, 0x600000, 0x700000);
	accept(f, 1, 0x700000, 0x800000);
	find(f, 2);
	assert_false(f->coverage.gaps[0].accepted); /* only half of it */
	assert_false(f->coverage.gaps[1].accepted);
	coverage_free(&f->coverage);
	accept(f, 1, 0x300000, 0x500000);
	accept(f, 1, 0x800000, 0x900000);
	find(f, 2);
	assert_true(f->coverage.gaps[0].accepted);
	assert_true(f->coverage.gaps[1].accepted);
}

/* On record for the timeline that it began on, and no other. */
static void
test_accepted_across_switch(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 3);
	add_timeline(f, 2, "1\t0/500010\tx\n", 7);
	accept(f, 2, 0x400000, 0x700000);
	find(f, 2);
	assert_false(f->coverage.gaps[0].accepted);
	assert_true(f->coverage.gaps[1].accepted);
	coverage_free(&f->coverage);
	accept(f, 1, 0x400000, 0x700000);
	find(f, 2);
	assert_true(f->coverage.gaps[0].accepted);
}

static void
test_bad_record(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 3);
	file_store(f->directory, GAP_FILE_NAME, "x\n", 2);
	assert_false(coverage_find(
		&f->coverage, &f->inventory, f->directory, &f->error));
	assert_int_equal(f->error.code, ERR_DAMAGED);
}

#define coverage_test(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		coverage_test(test_whole),
		coverage_test(test_inside),
		coverage_test(test_switch),
		coverage_test(test_switch_at_border),
		coverage_test(test_around_switch),
		coverage_test(test_timeline_missing),
		coverage_test(test_abandoned_end),
		coverage_test(test_before_first),
		coverage_test(test_accepted),
		coverage_test(test_accepted_across_switch),
		coverage_test(test_bad_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
