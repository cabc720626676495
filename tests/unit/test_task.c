#include "receive/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MB ((lsn)1 << 20)
#define START (16 * MB)

static const struct task_view first = {true, true, true};
static const struct task_view behind = {false, true, true};
static const struct task_view hole_before = {false, false, true};
static const struct task_view no_place = {true, true, false};

struct bench {
	struct workshop workshop;
	struct task *task;
};

/* A task whose windows are as large as memory allows; no file is touched. */
static void
set_up(struct bench *bench, enum codec codec, lsn at, uint64_t memory)
{
	const struct finisher_config config = {
		.segment_size = 4 * MB,
		.codec = codec,
		.jobs = 1,
		.memory = memory,
	};
	const struct archive_position position = {
		.timeline = 1, .at = at, .held = at};
	struct error error;

	assert_true(workshop_init(&bench->workshop, &config, &error));
	assert_true(
		task_create(&bench->task, &bench->workshop, &position, &error));
}

static void
tear_down(struct bench *bench)
{
	task_free(bench->task);
	workshop_free(&bench->workshop);
}

static void
expect(const struct bench *bench, const struct task_view *view,
	enum step_kind kind, lsn upto)
{
	struct step step = task_next_step(bench->task, view);

	assert_int_equal(step.kind, kind);
	if (kind != STEP_NONE)
		assert_int_equal(step.upto, upto);
}

/* In windows of a quarter of a segment, or without a codec. */
static void
full_windows_are_written(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, CODEC_GZIP, START, 0);
	assert_int_equal(b.workshop.pool.window_size, MB);
	expect(&b, &first, STEP_NONE, 0);
	b.task->filled = START + MB - 1;
	expect(&b, &first, STEP_NONE, 0);
	b.task->filled = START + MB;
	expect(&b, &first, STEP_WRITE, START + MB);
	expect(&b, &hole_before, STEP_WRITE, START + MB);
	tear_down(&b);
}

/* What is compressed from memory has no need to be. */
static void
whole_segments_stay(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, CODEC_GZIP, START, 1024 * MB);
	b.task->filled = b.task->end;
	expect(&b, &first, STEP_NONE, 0);
	b.task->closing = CLOSING_FULL;
	expect(&b, &first, STEP_PREPARE, b.task->end);
	expect(&b, &hole_before, STEP_PREPARE, b.task->end);
	expect(&b, &no_place, STEP_NONE, 0);
	tear_down(&b);

	/* Its beginning is in a file already. */
	set_up(&b, CODEC_GZIP, START + 100, 1024 * MB);
	b.task->written = START;
	b.task->filled = b.task->end;
	expect(&b, &first, STEP_WRITE, b.task->end);
	tear_down(&b);
}

static void
names_in_order(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, CODEC_NONE, START, 1024 * MB);
	b.task->filled = b.task->end;
	b.task->closing = CLOSING_FULL;
	expect(&b, &no_place, STEP_PREPARE, b.task->end);
	b.task->prepared = true;
	expect(&b, &behind, STEP_NONE, 0);
	expect(&b, &first, STEP_PUBLISH, b.task->end);
	tear_down(&b);
}

static void
durable_in_order(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, CODEC_LZ4, START, 1024 * MB);
	b.task->filled = START + 700;
	b.task->target = START + 500;
	expect(&b, &hole_before, STEP_NONE, 0);
	expect(&b, &behind, STEP_PERSIST, START + 500);
	b.task->durable = START + 500;
	expect(&b, &behind, STEP_NONE, 0);
	/* What is full may still have to become durable first. */
	b.task->target = b.task->end;
	b.task->closing = CLOSING_FULL;
	expect(&b, &first, STEP_PERSIST, b.task->end);
	expect(&b, &hole_before, STEP_PREPARE, START + 700);
	tear_down(&b);
}

static void
closed_when_oldest(void **state)
{
	static const enum finisher_closing closings[] = {
		CLOSING_ABANDON, CLOSING_SUSPEND};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct step step;
		struct bench b;

		set_up(&b, CODEC_LZ4, START, 1024 * MB);
		b.task->filled = START + 700;
		b.task->target = START + 700;
		b.task->closing = closings[i];
		expect(&b, &behind, STEP_NONE, 0);
		expect(&b, &first, STEP_CLOSE, START + 700);
		step = task_next_step(b.task, &first);
		assert_int_equal(step.closing, closings[i]);
		tear_down(&b);
	}
}

static void
ahead(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, CODEC_LZ4, START, 1024 * MB);
	b.task->ahead = true;
	expect(&b, &hole_before, STEP_FILL, START);
	tear_down(&b);
}

static void
places_to_compress(void **state)
{
	const struct step prepare = {.kind = STEP_PREPARE};
	const struct step publish = {.kind = STEP_PUBLISH};
	struct bench b;

	(void)state;
	set_up(&b, CODEC_LZ4, START, 0);
	assert_true(task_encodes(b.task, &prepare));
	assert_false(task_encodes(b.task, &publish));
	tear_down(&b);
	set_up(&b, CODEC_NONE, START, 0);
	assert_false(task_encodes(b.task, &prepare));
	tear_down(&b);
}

/* With --min-free a later segment takes no space before the oldest has its. */
static void
in_order_where_space_counts(void **state)
{
	const struct task_view oldest = {
		.oldest = true, .durable_before = true, .may_encode = true};
	const struct task_view later = {
		.durable_before = true, .may_encode = true};
	struct bench bench;

	(void)state;
	set_up(&bench, CODEC_NONE, 4 * MB, 64 * MB);
	bench.task->filled = bench.task->end;
	bench.task->closing = CLOSING_FULL;
	expect(&bench, &later, STEP_PREPARE, bench.task->end);
	bench.workshop.config.min_free = MB;
	expect(&bench, &later, STEP_NONE, 0);
	expect(&bench, &oldest, STEP_PREPARE, bench.task->end);
	tear_down(&bench);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_where_space_counts),
		cmocka_unit_test(full_windows_are_written),
		cmocka_unit_test(whole_segments_stay),
		cmocka_unit_test(names_in_order),
		cmocka_unit_test(durable_in_order),
		cmocka_unit_test(closed_when_oldest),
		cmocka_unit_test(ahead),
		cmocka_unit_test(places_to_compress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
