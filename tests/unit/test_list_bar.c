#include "list/bar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SIZE WAL_SEGMENT_SIZE_MIN
#define GAP(from, to, is_accepted)                              \
	{                                                       \
		.range = {1, (lsn)(from)*SIZE, (lsn)(to)*SIZE}, \
		.accepted = is_accepted                         \
	}

/* Segments 10 to 19, of which the last is open. */
struct fixture {
	struct inventory inventory;
	struct inventory_timeline row;
	struct inventory_file files[2];
	struct list_timeline timeline;
};

static void
begin(struct fixture *f)
{
	*f = (struct fixture){.row = {.timeline = 1, .count = 2}};
	f->inventory.identity.segment_size = SIZE;
	f->inventory.files = f->files;
	f->files[0].name =
		(struct archive_name){NAME_SEGMENT, 1, 10, CODEC_NONE};
	f->files[1].name =
		(struct archive_name){NAME_PARTIAL, 1, 19, CODEC_NONE};
	f->timeline.timeline = 1;
	f->timeline.row = &f->row;
	f->timeline.open = &f->files[1];
}

static void
assert_bar(
	const struct fixture *f, size_t width, bool utf8, const char *expected)
{
	const struct list_bar_style style = {width, utf8};
	struct text text;

	text_init(&text);
	list_bar_append(&text, &f->timeline, &f->inventory, &style);
	assert_string_equal(text.string, expected);
	text_free(&text);
}

static void
test_a_cell_for_each_segment(void **state)
{
	static const struct coverage_gap gaps[] = {
		GAP(12, 14, false), GAP(15, 16, true)};
	struct fixture f;

	(void)state;
	begin(&f);
	assert_bar(&f, 60, false, "#########+");
	f.timeline.gaps = gaps;
	f.timeline.gap_count = 2;
	assert_bar(&f, 60, false, "##..#:###+");
	assert_bar(&f, 10, true,
		"\u2588\u2588\u2591\u2591\u2588\u2592\u2588\u2588\u2588"
		"\u2593");
}

/* However many segments a cell stands for, a gap is seen. */
static void
test_a_cell_shows_the_worst(void **state)
{
	static const struct coverage_gap gaps[] = {
		GAP(12, 13, false), GAP(15, 16, true)};
	struct fixture f;

	(void)state;
	begin(&f);
	f.timeline.gaps = gaps;
	f.timeline.gap_count = 2;
	assert_bar(&f, 5, false, "#.:#+");
	assert_bar(&f, 1, false, ".");
	f.files[1].name.number = 10 + ((uint64_t)1 << 40);
	assert_bar(&f, 5, false, ".###+");
}

/* A gap may lie before the first file, or be all that there is. */
static void
test_gaps_at_the_ends(void **state)
{
	static const struct coverage_gap gaps[] = {
		GAP(8, 10, false), GAP(20, 21, false)};
	struct fixture f;

	(void)state;
	begin(&f);
	f.timeline.gaps = gaps;
	f.timeline.gap_count = 2;
	assert_bar(&f, 60, false, "..#########+.");
	f.timeline.row = NULL;
	f.timeline.open = NULL;
	f.timeline.gap_count = 1;
	assert_bar(&f, 60, false, "..");
	f.timeline.gap_count = 0;
	assert_bar(&f, 60, false, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_cell_for_each_segment),
		cmocka_unit_test(test_a_cell_shows_the_worst),
		cmocka_unit_test(test_gaps_at_the_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
