#include "prune/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE WAL_SEGMENT_SIZE_MIN
#define SYSTEM UINT64_C(7434233512381919234)

/* "0/00A00000", the start of segment 10 of 1 MB. */
#define AT(number) ((lsn)(number)*SIZE)

/* An inventory as it would be read and measured. */
struct fixture {
	struct inventory inventory;
	struct inventory_timeline rows[5];
	struct inventory_file files[64];
	struct prune_backup backups[3];
	struct prune_rules rules;
	struct prune_plan plan;
	struct error error;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	f->inventory.identity = (struct wal_identity){
		.system_identifier = SYSTEM, .segment_size = SIZE};
	f->inventory.timelines = f->rows;
	f->inventory.files = f->files;
	f->rules.backups = f->backups;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	prune_plan_free(&f->plan);
	for (size_t i = 0; i < f->inventory.timeline_count; i++)
		timeline_history_free(&f->rows[i].history);
	free(f);
	return 0;
}

/*
 * A timeline with the complete segments first to last and, behind them, an open
 * one, all written at the same time. history NULL: there is none to be had.
 */
static void
add_timeline(struct fixture *f, uint32_t timeline, const char *history,
	const int range[2], int64_t written)
{
	struct inventory *inventory = &f->inventory;
	struct inventory_timeline *row = &f->rows[inventory->timeline_count++];

	row->timeline = timeline;
	row->first = inventory->file_count;
	timeline_history_init(&row->history);
	if (history != NULL)
		assert_true(timeline_history_parse(&row->history, timeline,
			history, strlen(history), &f->error));
	for (int number = range[0]; number <= range[1] + 1; number++)
		f->files[inventory->file_count++] = (struct inventory_file){
			.name = {number > range[1] ? NAME_PARTIAL
						   : NAME_SEGMENT,
				timeline, (uint64_t)number, CODEC_NONE},
			.stored = SIZE,
			.modified = written};
	row->count = inventory->file_count - row->first;
}

#define add_timeline(f, timeline, history, first, last, written) \
	(add_timeline)(                                          \
		f, timeline, history, (const int[2]){first, last}, written)

static void
keep(struct fixture *f, uint32_t timeline, lsn at)
{
	f->backups[f->rules.backup_count++] = (struct prune_backup){
		"a backup", {.timeline = timeline, .at = at}};
}

static void
make(struct fixture *f)
{
	prune_plan_free(&f->plan);
	assert_true(
		prune_plan_make(&f->plan, &f->inventory, &f->rules, &f->error));
}

/* So many files of the timeline go, and that is why no more do. */
static void
assert_going(const struct fixture *f, uint32_t timeline, size_t going,
	enum prune_reason reason)
{
	for (size_t i = 0; i < f->inventory.timeline_count; i++)
		if (f->rows[i].timeline == timeline) {
			assert_int_equal(f->plan.timelines[i].going, going);
			assert_int_equal(f->plan.timelines[i].reason, reason);
			return;
		}
	fail_msg("there is no timeline %u", timeline);
}

static void
test_no_rule(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 9, 100);
	make(f);
	assert_int_equal(f->plan.going, 0);
	assert_going(f, 1, 0, PRUNE_NONE_STAYS);
}

static void
test_an_empty_archive(void **state)
{
	struct fixture *f = *state;

	f->inventory.identity = (struct wal_identity){.segment_size = 0};
	f->inventory.timeline_count = 1;
	f->rows[0].timeline = 2;
	keep(f, 1, AT(5));
	make(f);
	assert_int_equal(f->plan.going, 0);
}

/* The oldest of several on one timeline counts. */
static void
test_backups(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 9, 100);
	keep(f, 1, AT(7) + 40);
	make(f);
	assert_going(f, 1, 6, PRUNE_BACKUP);
	assert_int_equal(f->plan.going_bytes, AT(6));
	keep(f, 1, AT(4));
	keep(f, 1, AT(8));
	make(f);
	assert_going(f, 1, 3, PRUNE_BACKUP);
}

static void
test_the_newest_complete_segment_stays(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 9, 100);
	keep(f, 1, AT(10) + 40);
	make(f);
	assert_going(f, 1, 8, PRUNE_NEWEST);
}

static void
test_only_an_open_segment(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 5, 4, 100);
	f->rules.by_time = true;
	f->rules.since = 1000;
	make(f);
	assert_going(f, 1, 0, PRUNE_NEWEST);
}

/* A segment goes only when every rule lets it go. */
static void
test_rules_together(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 9, 100);
	f->files[5].modified = 200;
	f->rules.by_time = true;
	f->rules.since = 200;
	make(f);
	assert_going(f, 1, 5, PRUNE_TIME);
	f->rules.by_segment = true;
	f->rules.from = 4;
	make(f);
	assert_going(f, 1, 3, PRUNE_SEGMENT);
	keep(f, 1, AT(2));
	make(f);
	assert_going(f, 1, 1, PRUNE_BACKUP);
}

/* Old files behind a newer one stay: no gap in the middle. */
static void
test_times_out_of_order(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 9, 100);
	f->files[2].modified = 200;
	f->rules.by_time = true;
	f->rules.since = 150;
	make(f);
	assert_going(f, 1, 2, PRUNE_TIME);
}

/* 1 goes on to 2 in segment 6. */
static void
test_a_backup_before_a_switch(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 5, 100);
	add_timeline(f, 2, "1\t0/600100\tx\n", 6, 9, 200);
	keep(f, 1, AT(3));
	make(f);
	assert_going(f, 1, 2, PRUNE_BACKUP);
	assert_going(f, 2, 0, PRUNE_BACKUP);
}

/* What a timeline was left with goes as a whole, its open segment, too. */
static void
test_a_backup_behind_a_switch(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 5, 100);
	add_timeline(f, 2, "1\t0/600100\tx\n", 6, 9, 200);
	keep(f, 2, AT(8));
	make(f);
	assert_going(f, 1, 6, PRUNE_NONE_STAYS);
	assert_going(f, 2, 2, PRUNE_BACKUP);
}

/* A receiver that goes back to timeline 1 needs its end; 2 follows that. */
static void
test_a_timeline_that_is_still_written_to(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 5, 200);
	add_timeline(f, 2, "1\t0/600100\tx\n", 6, 9, 200);
	keep(f, 2, AT(8));
	make(f);
	assert_going(f, 1, 4, PRUNE_NEWEST);
	assert_going(f, 2, 0, PRUNE_ANCESTOR);
}

/* Timeline 2 has nothing complete: a receiver may need the end of 1 yet. */
static void
test_a_timeline_that_has_just_begun(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 5, 100);
	add_timeline(f, 2, "1\t0/600100\tx\n", 6, 5, 200);
	keep(f, 2, AT(6) + 0x200);
	make(f);
	assert_going(f, 1, 4, PRUNE_NEWEST);
	assert_going(f, 2, 0, PRUNE_NEWEST);
}

/* 2 left 1 in segment 3, before the backup; 3 left 1 in segment 6, behind. */
static void
test_forks(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 9, 100);
	add_timeline(f, 2, "1\t0/300100\tx\n", 3, 7, 200);
	add_timeline(f, 3, "1\t0/600100\tx\n", 6, 9, 300);
	keep(f, 1, AT(5));
	make(f);
	assert_going(f, 1, 4, PRUNE_BACKUP);
	assert_going(f, 2, 0, PRUNE_FORK);
	assert_going(f, 3, 0, PRUNE_BACKUP);

	/* A backup on 3 tells that 2 is not in use; 1 still is needed. */
	keep(f, 3, AT(7));
	make(f);
	assert_going(f, 1, 4, PRUNE_BACKUP);
	assert_going(f, 2, 6, PRUNE_NONE_STAYS);
	assert_going(f, 3, 0, PRUNE_BACKUP);
}

/* Before the start of the backup, in the very segment of it, and behind. */
static void
test_where_a_fork_begins(void **state)
{
	static const struct {
		const char *history;
		enum prune_reason reason;
	} forks[] = {
		{"1\t0/500027\tx\n", PRUNE_FORK},
		{"1\t0/500028\tx\n", PRUNE_FORK},
		{"1\t0/500029\tx\n", PRUNE_BACKUP},
	};

	for (size_t i = 0; i < 3; i++) {
		struct fixture *f = *state;

		f->inventory.timeline_count = 0;
		f->inventory.file_count = 0;
		f->rules.backup_count = 0;
		add_timeline(f, 1, "", 1, 9, 100);
		add_timeline(f, 2, forks[i].history, 5, 7, 200);
		keep(f, 1, AT(5) + 0x28);
		make(f);
		assert_going(f, 2, 0, forks[i].reason);
		timeline_history_free(&f->rows[0].history);
		timeline_history_free(&f->rows[1].history);
	}
}

/* What cannot be ruled out stays. */
static void
test_a_timeline_without_history(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 9, 100);
	add_timeline(f, 2, NULL, 3, 7, 200);
	add_timeline(f, 3, "1\t0/600100\tx\n", 6, 9, 300);
	keep(f, 1, AT(5));
	keep(f, 3, AT(7));
	make(f);
	assert_going(f, 2, 0, PRUNE_BACKUP);
}

/* Other rules: the first part of each timeline, parents before children. */
static void
test_time_over_a_switch(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 5, 100);
	add_timeline(f, 2, "1\t0/600100\tx\n", 6, 9, 200);
	f->files[8].modified = 300;
	f->rules.by_time = true;
	f->rules.since = 300;
	make(f);
	assert_going(f, 1, 6, PRUNE_NONE_STAYS);
	assert_going(f, 2, 2, PRUNE_TIME);
	f->files[0].modified = 300;
	make(f);
	assert_going(f, 1, 0, PRUNE_TIME);
	assert_going(f, 2, 0, PRUNE_ANCESTOR);
}

/* The tail of 1 behind the switch is in nobody's way. */
static void
test_a_tail_behind_a_switch(void **state)
{
	struct fixture *f = *state;

	add_timeline(f, 1, "", 1, 8, 100);
	add_timeline(f, 2, "1\t0/300100\tx\n", 3, 9, 200);
	f->rules.by_segment = true;
	f->rules.from = 6;
	make(f);
	assert_going(f, 1, 5, PRUNE_SEGMENT);
	assert_going(f, 2, 3, PRUNE_SEGMENT);
}

static void
test_backups_that_are_refused(void **state)
{
	struct fixture *f = *state;
	struct prune_backup backup = {"p", {1, AT(5), 0}};
	bool lacks = true;

	add_timeline(f, 1, "", 3, 9, 100);
	assert_true(
		prune_check_backup(&backup, &f->inventory, &lacks, &f->error));
	assert_false(lacks);
	backup.start.at = AT(2);
	assert_true(
		prune_check_backup(&backup, &f->inventory, &lacks, &f->error));
	assert_true(lacks);
	backup.start.at = AT(11);
	assert_false(
		prune_check_backup(&backup, &f->inventory, &lacks, &f->error));
	assert_int_equal(f->error.code, ERR_GAP);
	backup.start = (struct backup_start){2, AT(5), 0};
	assert_false(
		prune_check_backup(&backup, &f->inventory, &lacks, &f->error));
	assert_int_equal(f->error.code, ERR_GAP);
	backup.start = (struct backup_start){1, AT(5), SYSTEM + 1};
	assert_false(
		prune_check_backup(&backup, &f->inventory, &lacks, &f->error));
	assert_int_equal(f->error.code, ERR_DIVERGED);
	backup.start.system_identifier = SYSTEM;
	assert_true(
		prune_check_backup(&backup, &f->inventory, &lacks, &f->error));
}

#define plan_test(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		plan_test(test_no_rule),
		plan_test(test_an_empty_archive),
		plan_test(test_backups),
		plan_test(test_the_newest_complete_segment_stays),
		plan_test(test_only_an_open_segment),
		plan_test(test_rules_together),
		plan_test(test_times_out_of_order),
		plan_test(test_a_backup_before_a_switch),
		plan_test(test_a_backup_behind_a_switch),
		plan_test(test_a_timeline_that_is_still_written_to),
		plan_test(test_a_timeline_that_has_just_begun),
		plan_test(test_forks),
		plan_test(test_where_a_fork_begins),
		plan_test(test_a_timeline_without_history),
		plan_test(test_time_over_a_switch),
		plan_test(test_a_tail_behind_a_switch),
		plan_test(test_backups_that_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
