#include "receive/finisher.h"

#include "receive/task.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct finisher {
	struct workshop workshop;
	struct worker_pool *workers;

	/* Of the stream thread alone. */
	uint32_t timeline;
	lsn end;  /* of what was appended */
	lsn held; /* see struct archive_position */

	/* Under the workshop's mutex. */
	struct task_queue queue; /* the segments in work */
	struct task *ahead;	 /* of the segment after the last; NULL: none */
	struct task_queue completed; /* published, not yet told */
	unsigned encoding;	     /* tasks that compress now */
	lsn durable;		     /* of what is no longer in work */
	lsn archived;		     /* of what has its final name */
	bool ending;
	struct error failure; /* the first one */
};

/* Remember the first failure; no step is begun after it. Mutex held. */
static void
fail(struct finisher *finisher, const struct error *error)
{
	if (finisher->failure.code == ERR_NONE)
		finisher->failure = *error;
}

static const struct task *
predecessor(const struct finisher *finisher, const struct task *task)
{
	const struct task *before = NULL;

	for (const struct task *t = finisher->queue.first; t != task;
		t = t->next)
		before = t;
	return before;
}

/* What can be done for a task now. Mutex held. */
static struct step
next_step(const struct finisher *finisher, const struct task *task)
{
	struct task_view view = {
		.may_encode =
			finisher->encoding < finisher->workshop.config.jobs,
	};

	if (finisher->failure.code != ERR_NONE || finisher->ending)
		return (struct step){.kind = STEP_NONE};
	if (!task->ahead) {
		const struct task *before = predecessor(finisher, task);

		view.oldest = before == NULL;
		view.durable_before =
			before == NULL || before->durable == before->end;
	}
	return task_next_step(task, &view);
}

/* Give every task with something to do to the workers. Mutex held. */
static void
schedule(struct finisher *finisher)
{
	for (struct task *t = finisher->queue.first; t != NULL; t = t->next) {
		if (t->scheduled || next_step(finisher, t).kind == STEP_NONE)
			continue;
		t->scheduled = true;
		worker_pool_submit(finisher->workers, &t->work);
	}
}

/* Take the oldest task, which is done, out of the queue. Mutex held. */
static void
retire(struct finisher *finisher, struct task *task)
{
	assert(task == finisher->queue.first);
	finisher->durable = task->durable;
	(void)task_queue_take(&finisher->queue);
	if (task->closing != CLOSING_FULL) {
		task_free(task);
		return;
	}
	finisher->archived = task->end;
	/* The rest of it is for finisher_completed. */
	task_release(task);
	task_queue_add(&finisher->completed, task);
}

/* Publish what a step has done. Mutex held. */
static void
end_step(struct finisher *finisher, struct task *task, const struct step *step,
	const struct error *error)
{
	task->scheduled = false;
	if (task_encodes(task, step))
		finisher->encoding--;
	if (error->code != ERR_NONE) {
		fail(finisher, error);
		return;
	}
	task_step_done(task, step);
	if (step->kind == STEP_PUBLISH || step->kind == STEP_CLOSE)
		retire(finisher, task);
}

/* Do the next step for a task that is scheduled. */
static void
advance(struct task *task)
{
	struct finisher *finisher = task->finisher;
	struct error error = {.code = ERR_NONE};
	struct step step;

	workshop_lock(&finisher->workshop);
	step = next_step(finisher, task);
	if (task_encodes(task, &step))
		finisher->encoding++;
	workshop_unlock(&finisher->workshop);

	(void)task_carry_out(task, &step, &error);

	workshop_lock(&finisher->workshop);
	end_step(finisher, task, &step, &error);
	schedule(finisher);
	workshop_unlock(&finisher->workshop);
}

/* What a worker does with a task. */
static void
run_task(struct work *work)
{
	struct task *task = (struct task *)work;
	struct finisher *finisher = task->finisher;

	advance(task);
	workshop_wake(&finisher->workshop);
}

bool
finisher_create(struct finisher **result, const struct finisher_config *config,
	struct error *error)
{
	struct finisher *finisher = calloc(1, sizeof(*finisher));

	if (finisher == NULL)
		return error_set_memory(error);
	/* One more than may compress: the open segment never waits for them. */
	if (!workshop_init(&finisher->workshop, config, error) ||
		!worker_pool_create(
			&finisher->workers, config->jobs + 1, error)) {
		finisher_destroy(finisher);
		return false;
	}
	*result = finisher;
	return true;
}

/* The file made ahead is of no use for where we go on. */
static void
discard_ahead(struct finisher *finisher)
{
	task_free(finisher->ahead);
	finisher->ahead = NULL;
}

void
finisher_begin(
	struct finisher *finisher, const struct archive_position *position)
{
	assert(finisher->queue.first == NULL);
	discard_ahead(finisher);
	finisher->timeline = position->timeline;
	finisher->end = position->at;
	finisher->held = position->held;
	finisher->durable = position->at;
	finisher->workshop.hurry = false;
}

/* A task for the segment that LSN at belongs to. */
static bool
create_task(struct finisher *finisher, lsn at, struct task **task,
	struct error *error)
{
	struct archive_position position = {
		.timeline = finisher->timeline,
		.at = at,
		.held = finisher->held,
	};

	if (!task_create(task, &finisher->workshop, &position, error))
		return false;
	(*task)->finisher = finisher;
	(*task)->work.run = run_task;
	return true;
}

/*
 * Let a worker make the file of the segment after task. A segment that fills
 * before a part of it is to be durable needs none. Mutex held.
 */
static void
look_ahead(struct finisher *finisher, const struct task *task)
{
	struct error ignored;
	struct task *ahead;

	if (!finisher->workshop.config.fill_ahead || finisher->ahead != NULL ||
		!create_task(finisher, task->end, &ahead, &ignored))
		return;
	ahead->ahead = true;
	ahead->scheduled = true;
	finisher->ahead = ahead;
	worker_pool_submit(finisher->workers, &ahead->work);
}

/* The task of the next segment: the one made ahead, if there is one. */
static bool
take_task(struct finisher *finisher, struct task **task, struct error *error)
{
	if (finisher->ahead == NULL)
		return create_task(finisher, finisher->end, task, error);
	*task = finisher->ahead;
	(*task)->ahead = false;
	finisher->ahead = NULL;
	return true;
}

/* The task that the next byte belongs to; NULL: failed. Mutex held. */
static struct task *
open_task(struct finisher *finisher)
{
	struct task *task = finisher->queue.last;
	struct error error;

	if (task != NULL && task->closing == CLOSING_NOT)
		return task;
	if (!take_task(finisher, &task, &error)) {
		fail(finisher, &error);
		return NULL;
	}
	task_queue_add(&finisher->queue, task);
	return task;
}

/* Where the next byte goes; *room: up to the end of its window. */
static unsigned char *
find_room(struct finisher *finisher, size_t *room)
{
	struct window_pool *pool = &finisher->workshop.pool;
	struct window *window = NULL;
	struct task *task;

	workshop_lock(&finisher->workshop);
	task = open_task(finisher);
	if (task != NULL)
		window = window_list_open(&task->windows, pool, finisher->end);
	workshop_unlock(&finisher->workshop);
	if (window == NULL)
		return NULL;
	*room = (size_t)(window->start + pool->window_size - finisher->end);
	return window->data + (finisher->end - window->start);
}

/* A window is full, and perhaps its segment too. */
static void
hand_over(struct finisher *finisher)
{
	struct task *task;

	workshop_lock(&finisher->workshop);
	task = finisher->queue.last;
	task->filled = finisher->end;
	if (finisher->end == task->end)
		task->closing = CLOSING_FULL;
	schedule(finisher);
	workshop_unlock(&finisher->workshop);
}

size_t
finisher_append(struct finisher *finisher, const void *data, size_t len)
{
	const unsigned char *bytes = data;
	size_t taken = 0;

	while (taken < len) {
		size_t room;
		unsigned char *place = find_room(finisher, &room);
		size_t piece = len - taken;

		if (place == NULL)
			break;
		if (piece > room)
			piece = room;
		memcpy(place, bytes + taken, piece);
		taken += piece;
		finisher->end += piece;
		if (piece == room)
			hand_over(finisher);
	}
	return taken;
}

/* All that was appended is wanted durable. Mutex held. */
static void
set_targets(struct finisher *finisher)
{
	struct task *open = finisher->queue.last;

	if (open != NULL && open->closing == CLOSING_NOT) {
		open->filled = finisher->end;
		look_ahead(finisher, open);
	}
	for (struct task *t = finisher->queue.first; t != NULL; t = t->next)
		t->target = t->filled;
}

void
finisher_persist(struct finisher *finisher)
{
	workshop_lock(&finisher->workshop);
	set_targets(finisher);
	schedule(finisher);
	workshop_unlock(&finisher->workshop);
}

void
finisher_persist_here(struct finisher *finisher)
{
	struct task *task;
	bool free_to_do;

	workshop_lock(&finisher->workshop);
	set_targets(finisher);
	task = finisher->queue.last;
	/* To wait for space is nothing for this thread. */
	free_to_do = task != NULL && !task->scheduled &&
		finisher->workshop.config.min_free == 0 &&
		next_step(finisher, task).kind == STEP_PERSIST;
	if (free_to_do)
		task->scheduled = true;
	schedule(finisher);
	workshop_unlock(&finisher->workshop);
	if (free_to_do)
		advance(task);
}

void
finisher_close(struct finisher *finisher, enum finisher_closing closing)
{
	struct task *task;

	workshop_lock(&finisher->workshop);
	task = finisher->queue.last;
	/* A resumed segment that got no byte yet is still to be put in form. */
	if (task == NULL && closing == CLOSING_ABANDON &&
		finisher->held >
			lsn_segment_start(finisher->end,
				finisher->workshop.config.segment_size))
		task = open_task(finisher);
	if (task != NULL && task->closing == CLOSING_NOT) {
		task->filled = finisher->end;
		task->closing = closing;
	}
	workshop_hurry(&finisher->workshop);
	schedule(finisher);
	workshop_unlock(&finisher->workshop);
}

/*
 * A full segment that bears only its .partial name looks, to who finds it
 * after a crash, like one whose last byte may be missing, until the next
 * segment is there too. Mutex held.
 */
static lsn
durable_of(const struct task *task)
{
	const struct task *next = task->next;

	if (task->durable < task->end)
		return task->durable;
	if (next != NULL && next->durable > next->start)
		return task->end;
	return task->end - 1;
}

void
finisher_progress(struct finisher *finisher, struct finisher_progress *progress)
{
	const struct task *task;

	workshop_lock(&finisher->workshop);
	progress->durable = finisher->durable;
	progress->written = finisher->durable;
	progress->archived = finisher->archived;
	progress->in_work = 0;
	for (task = finisher->queue.first; task != NULL; task = task->next)
		progress->in_work++;
	progress->idle = finisher->queue.first == NULL &&
		(finisher->ahead == NULL || !finisher->ahead->scheduled);
	progress->space_short = finisher->workshop.space_short;
	for (task = finisher->queue.first; task != NULL; task = task->next) {
		progress->durable = durable_of(task);
		if (progress->durable < task->end)
			break;
	}
	for (task = finisher->queue.first; task != NULL; task = task->next) {
		progress->written = task->written;
		if (task->written < task->end)
			break;
	}
	workshop_unlock(&finisher->workshop);
}

bool
finisher_failed(struct finisher *finisher, struct error *error)
{
	bool failed;

	workshop_lock(&finisher->workshop);
	failed = finisher->failure.code != ERR_NONE;
	if (failed)
		*error = finisher->failure;
	workshop_unlock(&finisher->workshop);
	return failed;
}

bool
finisher_completed(
	struct finisher *finisher, uint32_t *timeline, uint64_t *number)
{
	struct task *task;

	workshop_lock(&finisher->workshop);
	task = task_queue_take(&finisher->completed);
	workshop_unlock(&finisher->workshop);
	if (task == NULL)
		return false;
	*timeline = task->timeline;
	*number = task->number;
	free(task);
	return true;
}

void
finisher_destroy(struct finisher *finisher)
{
	if (finisher == NULL)
		return;
	workshop_lock(&finisher->workshop);
	finisher->ending = true;
	workshop_hurry(&finisher->workshop);
	workshop_unlock(&finisher->workshop);
	worker_pool_destroy(finisher->workers);

	discard_ahead(finisher);
	task_queue_free(&finisher->queue);
	task_queue_free(&finisher->completed);
	workshop_free(&finisher->workshop);
	free(finisher);
}
