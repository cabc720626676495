#include "receive/task.h"

#include <stdlib.h>

bool
task_create(struct task **result, struct workshop *workshop,
	const struct archive_position *position, struct error *error)
{
	const struct finisher_config *config = &workshop->config;
	uint32_t size = config->segment_size;
	lsn at = position->at;
	struct segment_spec spec = {
		.directory = config->directory,
		.timeline = position->timeline,
		.number = lsn_segment_number(at, size),
		.segment_size = size,
		.begin = at,
		.held = position->held,
		.codec = config->codec,
		.level = config->level,
	};
	struct task *task = calloc(1, sizeof(*task));

	if (task == NULL)
		return error_set_memory(error);
	if (!segment_open(&task->segment, &spec, error)) {
		free(task);
		return false;
	}
	task->workshop = workshop;
	task->timeline = spec.timeline;
	task->number = spec.number;
	task->start = lsn_segment_start(at, size);
	task->end = task->start + size;
	task->whole = size == workshop->pool.window_size && at == task->start;
	task->filled = at;
	task->written = at;
	task->durable = at;
	*result = task;
	return true;
}

static bool
is_encoded(const struct task *task)
{
	return task->workshop->config.codec != CODEC_NONE;
}

/* Do its windows stay until it is published? */
static bool
stays_in_memory(const struct task *task)
{
	return is_encoded(task) && task->whole;
}

static bool
has_full_window(const struct task *task)
{
	return task->filled - task->written >= task->workshop->pool.window_size;
}

static enum step_kind
next_step_kind(const struct task *task, const struct task_view *view)
{
	if (task->ahead)
		return STEP_FILL;
	if (task->prepared)
		return view->oldest ? STEP_PUBLISH : STEP_NONE;
	/* Space that a later segment took may be what the oldest waits for. */
	if (task->workshop->config.min_free > 0 && !view->oldest)
		return STEP_NONE;
	if (task->closing == CLOSING_ABANDON ||
		task->closing == CLOSING_SUSPEND)
		return view->oldest ? STEP_CLOSE : STEP_NONE;
	/* What a reader of the archive finds as .partial has no hole before. */
	if (task->target > task->durable && view->durable_before)
		return STEP_PERSIST;
	if (task->closing == CLOSING_FULL)
		return view->may_encode || !is_encoded(task) ? STEP_PREPARE
							     : STEP_NONE;
	if (!stays_in_memory(task) && has_full_window(task))
		return STEP_WRITE;
	return STEP_NONE;
}

struct step
task_next_step(const struct task *task, const struct task_view *view)
{
	struct step step = {
		.kind = next_step_kind(task, view),
		.upto = task->filled,
		.closing = task->closing,
	};

	if (step.kind == STEP_PERSIST)
		step.upto = task->target;
	return step;
}

bool
task_encodes(const struct task *task, const struct step *step)
{
	return step->kind == STEP_PREPARE && is_encoded(task);
}

/*
 * After a write up to LSN at: give back the windows below it, unless the
 * segment is to be compressed from them.
 */
static void
release_written(struct task *task, lsn at)
{
	struct workshop *workshop = task->workshop;
	bool released = false;

	workshop_lock(workshop);
	task->written = at;
	if (!stays_in_memory(task))
		released = window_list_release(
			&task->windows, &workshop->pool, at);
	workshop_unlock(workshop);
	if (released)
		workshop_wake(workshop);
}

/* Write the bytes from LSN at on that are in one window; how many. */
static size_t
write_window(struct task *task, lsn at, lsn upto, struct error *error)
{
	struct workshop *workshop = task->workshop;
	struct window *window;
	size_t len;

	workshop_lock(workshop);
	window = window_list_find(&task->windows, &workshop->pool, at);
	workshop_unlock(workshop);
	len = (size_t)(window->start + workshop->pool.window_size - at);
	if (len > upto - at)
		len = (size_t)(upto - at);
	if (!segment_write(task->segment, window->data + (at - window->start),
		    len, error))
		return 0;
	return len;
}

/* Write the windows' bytes up to LSN upto to the raw file. */
static bool
write_windows(struct task *task, lsn upto, struct error *error)
{
	lsn at = segment_written(task->segment);

	if (at < upto && at == segment_durable(task->segment))
		workshop_wait_for_space(task->workshop);
	while (at < upto) {
		size_t len = write_window(task, at, upto, error);

		if (len == 0)
			return false;
		at += len;
		release_written(task, at);
	}
	return true;
}

/*
 * Only a convenience: without it the segment's first write makes the file. Not
 * where space counts.
 */
static void
step_fill(struct task *task)
{
	struct error ignored;

	if (task->workshop->config.min_free == 0)
		(void)segment_fill(task->segment, &ignored);
}

static bool
step_persist(struct task *task, lsn upto, struct error *error)
{
	return write_windows(task, upto, error) &&
		segment_persist(task->segment, error);
}

static bool
step_prepare(struct task *task, struct error *error)
{
	const void *whole = NULL;

	if (stays_in_memory(task)) {
		workshop_wait_for_space(task->workshop);
		whole = task->windows.first->data;
	} else if (!write_windows(task, task->end, error)) {
		return false;
	}
	return segment_prepare(task->segment, whole, error);
}

static bool
step_close(struct task *task, const struct step *step, struct error *error)
{
	if (!step_persist(task, step->upto, error))
		return false;
	return step->closing == CLOSING_SUSPEND ||
		segment_abandon(task->segment, error);
}

bool
task_carry_out(struct task *task, const struct step *step, struct error *error)
{
	switch (step->kind) {
	case STEP_NONE:
		return true;
	case STEP_FILL:
		step_fill(task);
		return true;
	case STEP_WRITE:
		return write_windows(task, step->upto, error);
	case STEP_PERSIST:
		return step_persist(task, step->upto, error);
	case STEP_PREPARE:
		return step_prepare(task, error);
	case STEP_PUBLISH:
		return segment_publish(task->segment, error);
	case STEP_CLOSE:
		return step_close(task, step, error);
	}
	return true;
}

void
task_step_done(struct task *task, const struct step *step)
{
	task->written = segment_written(task->segment);
	task->durable = segment_durable(task->segment);
	if (step->kind == STEP_PREPARE)
		task->prepared = true;
}

void
task_release(struct task *task)
{
	(void)window_list_release(
		&task->windows, &task->workshop->pool, LSN_MAX);
	segment_free(task->segment);
	task->segment = NULL;
}

void
task_free(struct task *task)
{
	if (task == NULL)
		return;
	task_release(task);
	free(task);
}

void
task_queue_add(struct task_queue *queue, struct task *task)
{
	task->next = NULL;
	if (queue->last != NULL)
		queue->last->next = task;
	else
		queue->first = task;
	queue->last = task;
}

struct task *
task_queue_take(struct task_queue *queue)
{
	struct task *task = queue->first;

	if (task == NULL)
		return NULL;
	queue->first = task->next;
	if (queue->first == NULL)
		queue->last = NULL;
	return task;
}

void
task_queue_free(struct task_queue *queue)
{
	struct task *task;

	while ((task = task_queue_take(queue)) != NULL)
		task_free(task);
}
