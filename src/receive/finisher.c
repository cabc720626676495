#include "receive/finisher.h"

#include "archive/segment.h"
#include "base/clock.h"
#include "base/condition.h"
#include "base/worker_pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A segment up to this size is kept in memory until it is finished. */
#define WINDOW_SIZE_MAX (UINT32_C(16) << 20)
#define WINDOW_SIZE_MIN (UINT32_C(1) << 20)

/* Of the memory allowed, what is not windows: libraries, codecs, buffers. */
#define MEMORY_RESERVE (UINT64_C(24) << 20)
#define MEMORY_RESERVE_A_JOB (UINT64_C(2) << 20)
#define WINDOWS_MIN 2

/* How often to look whether --min-free bytes are free again. */
#define SPACE_INTERVAL_US USECS_PER_SEC

struct window {
	struct window *next;
	lsn start;
	unsigned char *data;
};

/* What a worker can do for a segment next. */
enum step {
	STEP_NONE,
	STEP_FILL,    /* make the raw file before there are bytes for it */
	STEP_WRITE,   /* full windows to the raw file, to free them */
	STEP_PERSIST, /* everything up to the target durable as .partial */
	STEP_PREPARE, /* make the complete file under a temporary name */
	STEP_PUBLISH, /* give it its final name */
	STEP_CLOSE    /* leave it open on disk: abandon or suspend */
};

/* One segment in work. A worker has it while scheduled is set. */
struct task {
	struct work work; /* first: a pointer to it is one to the task */
	struct finisher *finisher;
	struct task *next; /* the segment after this one */
	struct segment *segment;
	uint32_t timeline;
	uint64_t number;
	lsn start;
	lsn end;
	bool whole; /* the windows hold the segment from its first byte on */
	bool ahead; /* not due yet; its file is to be made */

	/* Under the finisher's mutex. */
	struct window *windows; /* oldest first */
	struct window *last_window;
	lsn filled; /* the windows hold bytes up to here */
	lsn target; /* persist up to here */
	lsn written;
	lsn durable;
	enum finisher_closing closing;
	bool prepared;
	bool scheduled;
};

struct finisher {
	struct finisher_config config;
	uint32_t window_size;
	struct worker_pool *pool;

	/* Of the stream thread alone. */
	uint32_t timeline;
	lsn end;  /* of what was appended */
	lsn held; /* see struct archive_position */

	pthread_mutex_t mutex;
	pthread_cond_t space_wanted; /* signalled when waiting must end */
	struct task *first;	     /* oldest segment in work */
	struct task *last;
	struct task *ahead;	/* of the segment after the last; NULL: none */
	struct task *completed; /* published, not yet told */
	struct task **completed_end;
	struct window *free_windows;
	unsigned windows_left; /* that may still be allocated */
	unsigned encoding;     /* tasks that compress now */
	lsn durable;	       /* of what is no longer in work */
	bool space_short;
	bool closing; /* finisher_close was called */
	bool ending;
	struct error failure; /* the first one */
};

static void run_task(struct work *work);

static void
set_memory(struct finisher *finisher)
{
	const struct finisher_config *config = &finisher->config;
	uint64_t reserve = MEMORY_RESERVE + config->jobs * MEMORY_RESERVE_A_JOB;
	uint64_t usable = 0;
	uint32_t size = WINDOW_SIZE_MAX;
	uint64_t windows;

	if (config->memory > reserve)
		usable = config->memory - reserve;
	if (size > config->segment_size)
		size = config->segment_size;
	while (size > WINDOW_SIZE_MIN && usable / size < 2 * WINDOWS_MIN)
		size /= 2;
	windows = usable / size;
	if (windows < WINDOWS_MIN)
		windows = WINDOWS_MIN;
	finisher->window_size = size;
	finisher->windows_left = (unsigned)windows;
}

/* One more window; NULL: the limit is reached, or there is no memory. */
static struct window *
allocate_window(struct finisher *finisher)
{
	struct window *window;

	if (finisher->windows_left == 0)
		return NULL;
	window = malloc(sizeof(*window));
	if (window == NULL)
		return NULL;
	window->data = malloc(finisher->window_size);
	if (window->data == NULL) {
		free(window);
		return NULL;
	}
	finisher->windows_left--;
	return window;
}

/* With these any archive can be received, if slowly: later, none is missed. */
static bool
allocate_least(struct finisher *finisher, struct error *error)
{
	for (int i = 0; i < WINDOWS_MIN; i++) {
		struct window *window = allocate_window(finisher);

		if (window == NULL)
			return error_set_memory(error);
		window->next = finisher->free_windows;
		finisher->free_windows = window;
	}
	return true;
}

bool
finisher_create(struct finisher **result, const struct finisher_config *config,
	struct error *error)
{
	struct finisher *finisher = calloc(1, sizeof(*finisher));

	if (finisher == NULL)
		return error_set_memory(error);
	finisher->config = *config;
	finisher->completed_end = &finisher->completed;
	(void)pthread_mutex_init(&finisher->mutex, NULL);
	condition_init(&finisher->space_wanted);
	set_memory(finisher);
	/* One more than may compress: the open segment never waits for them. */
	if (!allocate_least(finisher, error) ||
		!worker_pool_create(&finisher->pool, config->jobs + 1, error)) {
		finisher_destroy(finisher);
		return false;
	}
	*result = finisher;
	return true;
}

static void
lock(struct finisher *finisher)
{
	(void)pthread_mutex_lock(&finisher->mutex);
}

static void
unlock(struct finisher *finisher)
{
	(void)pthread_mutex_unlock(&finisher->mutex);
}

static void
wake_stream_thread(struct finisher *finisher)
{
	/* The pipe does not block; when it is full, a byte is there to read. */
	while (write(finisher->config.wake_fd, "", 1) < 0 && errno == EINTR)
		continue;
}

/* Remember the first failure; no step is begun after it. Mutex held. */
static void
fail(struct finisher *finisher, const struct error *error)
{
	if (finisher->failure.code == ERR_NONE)
		finisher->failure = *error;
}

static bool
is_encoded(const struct finisher *finisher)
{
	return finisher->config.codec != CODEC_NONE;
}

/* True if the windows of a task stay until it is published. Mutex held. */
static bool
stays_in_memory(const struct task *task)
{
	return is_encoded(task->finisher) && task->whole;
}

static const struct task *
predecessor(const struct finisher *finisher, const struct task *task)
{
	const struct task *before = NULL;

	for (const struct task *t = finisher->first; t != task; t = t->next)
		before = t;
	return before;
}

/*
 * A .partial may appear only when every byte before it is durable: what a
 * reader of the archive finds then has no hole. Mutex held.
 */
static bool
may_persist(const struct finisher *finisher, const struct task *task)
{
	const struct task *before = predecessor(finisher, task);

	return before == NULL || before->durable == before->end;
}

/* What can be done for a task now. Mutex held. */
static enum step
next_step(const struct finisher *finisher, const struct task *task)
{
	bool oldest = task == finisher->first;

	if (finisher->failure.code != ERR_NONE || finisher->ending)
		return STEP_NONE;
	if (task->ahead)
		return STEP_FILL;
	if (task->prepared)
		return oldest ? STEP_PUBLISH : STEP_NONE;
	if (task->closing == CLOSING_ABANDON ||
		task->closing == CLOSING_SUSPEND)
		return oldest ? STEP_CLOSE : STEP_NONE;
	if (task->target > task->durable && may_persist(finisher, task))
		return STEP_PERSIST;
	if (task->closing == CLOSING_FULL) {
		if (is_encoded(finisher) &&
			finisher->encoding >= finisher->config.jobs)
			return STEP_NONE;
		return STEP_PREPARE;
	}
	if (!stays_in_memory(task) &&
		task->filled - task->written >= finisher->window_size)
		return STEP_WRITE;
	return STEP_NONE;
}

/* Give every task with something to do to the workers. Mutex held. */
static void
schedule(struct finisher *finisher)
{
	for (struct task *t = finisher->first; t != NULL; t = t->next) {
		if (t->scheduled || next_step(finisher, t) == STEP_NONE)
			continue;
		t->scheduled = true;
		worker_pool_submit(finisher->pool, &t->work);
	}
}

static void
free_window(struct finisher *finisher, struct window *window)
{
	window->next = finisher->free_windows;
	finisher->free_windows = window;
}

static void
free_windows(struct finisher *finisher, struct task *task)
{
	while (task->windows != NULL) {
		struct window *window = task->windows;

		task->windows = window->next;
		free_window(finisher, window);
	}
	task->last_window = NULL;
}

/* The window that holds LSN at. Mutex held. */
static struct window *
find_window(const struct task *task, lsn at)
{
	uint32_t size = task->finisher->window_size;
	struct window *window = task->windows;

	while (at - window->start >= size)
		window = window->next;
	return window;
}

/*
 * After a write up to LSN at: give back the windows below it, unless the
 * segment is to be compressed from them.
 */
static void
release_written(struct task *task, lsn at)
{
	struct finisher *finisher = task->finisher;
	bool released = false;

	lock(finisher);
	task->written = at;
	while (!stays_in_memory(task) && task->windows != NULL &&
		at - task->windows->start >= finisher->window_size) {
		struct window *window = task->windows;

		task->windows = window->next;
		if (task->windows == NULL)
			task->last_window = NULL;
		free_window(finisher, window);
		released = true;
	}
	unlock(finisher);
	if (released)
		wake_stream_thread(finisher);
}

static bool
space_is_short(const struct finisher *finisher)
{
	uint64_t available;

	return finisher->config.min_free > 0 &&
		directory_free_bytes(finisher->config.directory, &available) &&
		available < finisher->config.min_free;
}

/* Tell the stream thread whether a worker waits for space. */
static void
set_space_short(struct finisher *finisher, bool space_short)
{
	bool changed;

	lock(finisher);
	changed = finisher->space_short != space_short;
	finisher->space_short = space_short;
	unlock(finisher);
	if (changed)
		wake_stream_thread(finisher);
}

/* Wait a second; true if the end is near, which uses what space is left. */
static bool
pause_for_space(struct task *task)
{
	struct finisher *finisher = task->finisher;
	bool ending;

	lock(finisher);
	ending = finisher->ending || finisher->closing;
	if (!ending)
		condition_wait(&finisher->space_wanted, &finisher->mutex,
			SPACE_INTERVAL_US);
	unlock(finisher);
	return ending;
}

static void
wait_for_space(struct task *task)
{
	struct finisher *finisher = task->finisher;

	while (space_is_short(finisher)) {
		set_space_short(finisher, true);
		if (pause_for_space(task))
			break;
	}
	set_space_short(finisher, false);
}

/* Write the windows' bytes up to LSN upto to the raw file. */
static bool
write_windows(struct task *task, lsn upto, struct error *error)
{
	struct finisher *finisher = task->finisher;
	lsn at = segment_written(task->segment);

	if (at < upto && at == segment_durable(task->segment))
		wait_for_space(task);
	while (at < upto) {
		struct window *window;
		size_t len;

		lock(finisher);
		window = find_window(task, at);
		unlock(finisher);
		len = (size_t)(window->start + finisher->window_size - at);
		if (len > upto - at)
			len = (size_t)(upto - at);
		if (!segment_write(task->segment,
			    window->data + (at - window->start), len, error))
			return false;
		at += len;
		release_written(task, at);
	}
	return true;
}

/* Only a convenience: without it the segment's first write makes the file. */
static void
step_fill(struct task *task)
{
	struct error ignored;

	if (!space_is_short(task->finisher))
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
		wait_for_space(task);
		whole = task->windows->data;
	} else if (!write_windows(task, task->end, error)) {
		return false;
	}
	return segment_prepare(task->segment, whole, error);
}

static bool
step_close(struct task *task, enum finisher_closing closing, lsn filled,
	struct error *error)
{
	if (!step_persist(task, filled, error))
		return false;
	return closing == CLOSING_SUSPEND ||
		segment_abandon(task->segment, error);
}

/* Take the oldest task, which is done, out of the list. Mutex held. */
static void
retire(struct finisher *finisher, struct task *task)
{
	assert(task == finisher->first);
	finisher->durable = segment_durable(task->segment);
	finisher->first = task->next;
	if (finisher->first == NULL)
		finisher->last = NULL;
	free_windows(finisher, task);
	segment_free(task->segment);
	task->segment = NULL;
	if (task->closing != CLOSING_FULL) {
		free(task);
		return;
	}
	task->next = NULL;
	*finisher->completed_end = task;
	finisher->completed_end = &task->next;
}

/* Publish what a step has done. Mutex held. */
static void
end_step(struct finisher *finisher, struct task *task, enum step step,
	const struct error *error)
{
	task->scheduled = false;
	if (step == STEP_PREPARE && is_encoded(finisher))
		finisher->encoding--;
	if (error->code != ERR_NONE) {
		fail(finisher, error);
		return;
	}
	task->written = segment_written(task->segment);
	task->durable = segment_durable(task->segment);
	if (step == STEP_PREPARE)
		task->prepared = true;
	if (step == STEP_PUBLISH || step == STEP_CLOSE)
		retire(finisher, task);
}

static bool
carry_out(struct task *task, enum step step, const struct task *seen,
	struct error *error)
{
	switch (step) {
	case STEP_NONE:
		return true;
	case STEP_FILL:
		step_fill(task);
		return true;
	case STEP_WRITE:
		return write_windows(task, seen->filled, error);
	case STEP_PERSIST:
		return step_persist(task, seen->target, error);
	case STEP_PREPARE:
		return step_prepare(task, error);
	case STEP_PUBLISH:
		return segment_publish(task->segment, error);
	case STEP_CLOSE:
		return step_close(task, seen->closing, seen->filled, error);
	}
	return true;
}

/* Do the next step for a task that is scheduled. */
static void
advance(struct task *task)
{
	struct finisher *finisher = task->finisher;
	struct error error = {.code = ERR_NONE};
	struct task seen;
	enum step step;

	lock(finisher);
	step = next_step(finisher, task);
	if (step == STEP_PREPARE && is_encoded(finisher))
		finisher->encoding++;
	seen = *task;
	unlock(finisher);

	(void)carry_out(task, step, &seen, &error);

	lock(finisher);
	end_step(finisher, task, step, &error);
	schedule(finisher);
	unlock(finisher);
}

static void
run_task(struct work *work)
{
	struct task *task = (struct task *)work;
	struct finisher *finisher = task->finisher;

	advance(task);
	wake_stream_thread(finisher);
}

/* The file made ahead is of no use for where we go on. */
static void
discard_ahead(struct finisher *finisher)
{
	if (finisher->ahead == NULL)
		return;
	segment_free(finisher->ahead->segment);
	free(finisher->ahead);
	finisher->ahead = NULL;
}

void
finisher_begin(
	struct finisher *finisher, const struct archive_position *position)
{
	assert(finisher->first == NULL);
	discard_ahead(finisher);
	finisher->timeline = position->timeline;
	finisher->end = position->at;
	finisher->held = position->held;
	finisher->durable = position->at;
	finisher->closing = false;
}

/* A task for the segment that LSN at belongs to. */
static struct task *
create_task(const struct finisher *finisher, lsn at, struct error *error)
{
	uint32_t size = finisher->config.segment_size;
	struct segment_spec spec = {
		.directory = finisher->config.directory,
		.timeline = finisher->timeline,
		.number = lsn_segment_number(at, size),
		.segment_size = size,
		.begin = at,
		.held = finisher->held,
		.codec = finisher->config.codec,
		.level = finisher->config.level,
	};
	struct task *task = calloc(1, sizeof(*task));

	if (task == NULL) {
		error_set_memory(error);
		return NULL;
	}
	if (!segment_open(&task->segment, &spec, error)) {
		free(task);
		return NULL;
	}
	task->work.run = run_task;
	task->timeline = spec.timeline;
	task->number = spec.number;
	task->start = lsn_segment_start(at, size);
	task->end = task->start + size;
	task->whole = size == finisher->window_size && at == task->start;
	task->filled = at;
	task->written = at;
	task->durable = at;
	return task;
}

/* Let a worker make the file of the segment after task. Mutex held. */
static void
look_ahead(struct finisher *finisher, const struct task *task)
{
	struct error ignored;
	struct task *ahead;

	if (!finisher->config.fill_ahead)
		return;
	ahead = create_task(finisher, task->end, &ignored);
	if (ahead == NULL)
		return;
	ahead->finisher = finisher;
	ahead->ahead = true;
	ahead->scheduled = true;
	finisher->ahead = ahead;
	worker_pool_submit(finisher->pool, &ahead->work);
}

/* The task that the next byte belongs to; NULL: failed. Mutex held. */
static struct task *
open_task(struct finisher *finisher)
{
	struct task *task = finisher->last;
	struct error error;

	if (task != NULL && task->closing == CLOSING_NOT)
		return task;
	task = finisher->ahead;
	finisher->ahead = NULL;
	if (task == NULL)
		task = create_task(finisher, finisher->end, &error);
	if (task == NULL) {
		fail(finisher, &error);
		return NULL;
	}
	task->finisher = finisher;
	task->ahead = false;
	if (finisher->last != NULL)
		finisher->last->next = task;
	else
		finisher->first = task;
	finisher->last = task;
	look_ahead(finisher, task);
	return task;
}

/* A window that is not in use; NULL: there is none now. Mutex held. */
static struct window *
take_window(struct finisher *finisher)
{
	struct window *window = finisher->free_windows;

	if (window == NULL)
		return allocate_window(finisher);
	finisher->free_windows = window->next;
	return window;
}

/* The window that the next byte goes to; NULL: no memory now. Mutex held. */
static struct window *
open_window(struct finisher *finisher, struct task *task)
{
	uint32_t size = finisher->window_size;
	struct window *window = task->last_window;

	if (window != NULL && finisher->end - window->start < size)
		return window;
	window = take_window(finisher);
	if (window == NULL)
		return NULL;
	window->next = NULL;
	window->start = lsn_segment_start(finisher->end, size);
	if (task->last_window != NULL)
		task->last_window->next = window;
	else
		task->windows = window;
	task->last_window = window;
	return window;
}

/* Where the next byte goes; *room: up to the end of its window. */
static unsigned char *
find_room(struct finisher *finisher, size_t *room)
{
	struct window *window = NULL;
	struct task *task;

	lock(finisher);
	task = open_task(finisher);
	if (task != NULL)
		window = open_window(finisher, task);
	unlock(finisher);
	if (window == NULL)
		return NULL;
	*room = (size_t)(window->start + finisher->window_size - finisher->end);
	return window->data + (finisher->end - window->start);
}

/* A window is full, and perhaps its segment too. */
static void
hand_over(struct finisher *finisher)
{
	struct task *task;

	lock(finisher);
	task = finisher->last;
	task->filled = finisher->end;
	if (finisher->end == task->end)
		task->closing = CLOSING_FULL;
	schedule(finisher);
	unlock(finisher);
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
	if (finisher->last != NULL && finisher->last->closing == CLOSING_NOT)
		finisher->last->filled = finisher->end;
	for (struct task *t = finisher->first; t != NULL; t = t->next)
		t->target = t->filled;
}

void
finisher_persist(struct finisher *finisher)
{
	lock(finisher);
	set_targets(finisher);
	schedule(finisher);
	unlock(finisher);
}

void
finisher_persist_here(struct finisher *finisher)
{
	struct task *task;
	bool free_to_do;

	lock(finisher);
	set_targets(finisher);
	task = finisher->last;
	/* To wait for space is nothing for this thread. */
	free_to_do = task != NULL && !task->scheduled &&
		finisher->config.min_free == 0 &&
		next_step(finisher, task) == STEP_PERSIST;
	if (free_to_do)
		task->scheduled = true;
	schedule(finisher);
	unlock(finisher);
	if (free_to_do)
		advance(task);
}

void
finisher_close(struct finisher *finisher, enum finisher_closing closing)
{
	struct task *task;

	lock(finisher);
	task = finisher->last;
	/* A resumed segment that got no byte yet is still to be put in form. */
	if (task == NULL && closing == CLOSING_ABANDON &&
		finisher->held > lsn_segment_start(finisher->end,
					 finisher->config.segment_size))
		task = open_task(finisher);
	if (task != NULL && task->closing == CLOSING_NOT) {
		task->filled = finisher->end;
		task->closing = closing;
	}
	finisher->closing = true;
	(void)pthread_cond_broadcast(&finisher->space_wanted);
	schedule(finisher);
	unlock(finisher);
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

	lock(finisher);
	progress->durable = finisher->durable;
	progress->written = finisher->durable;
	progress->idle = finisher->first == NULL &&
		(finisher->ahead == NULL || !finisher->ahead->scheduled);
	progress->space_short = finisher->space_short;
	for (task = finisher->first; task != NULL; task = task->next) {
		progress->durable = durable_of(task);
		if (progress->durable < task->end)
			break;
	}
	for (task = finisher->first; task != NULL; task = task->next) {
		progress->written = task->written;
		if (task->written < task->end)
			break;
	}
	unlock(finisher);
}

bool
finisher_failed(struct finisher *finisher, struct error *error)
{
	bool failed;

	lock(finisher);
	failed = finisher->failure.code != ERR_NONE;
	if (failed)
		*error = finisher->failure;
	unlock(finisher);
	return failed;
}

bool
finisher_completed(
	struct finisher *finisher, uint32_t *timeline, uint64_t *number)
{
	struct task *task;

	lock(finisher);
	task = finisher->completed;
	if (task != NULL) {
		finisher->completed = task->next;
		if (finisher->completed == NULL)
			finisher->completed_end = &finisher->completed;
	}
	unlock(finisher);
	if (task == NULL)
		return false;
	*timeline = task->timeline;
	*number = task->number;
	free(task);
	return true;
}

/* Free tasks that no worker has any more, and the windows they hold. */
static void
free_tasks(struct finisher *finisher, struct task *task)
{
	while (task != NULL) {
		struct task *next = task->next;

		free_windows(finisher, task);
		segment_free(task->segment);
		free(task);
		task = next;
	}
}

void
finisher_destroy(struct finisher *finisher)
{
	if (finisher == NULL)
		return;
	lock(finisher);
	finisher->ending = true;
	(void)pthread_cond_broadcast(&finisher->space_wanted);
	unlock(finisher);
	worker_pool_destroy(finisher->pool);

	discard_ahead(finisher);
	free_tasks(finisher, finisher->first);
	free_tasks(finisher, finisher->completed);
	while (finisher->free_windows != NULL) {
		struct window *window = finisher->free_windows;

		finisher->free_windows = window->next;
		free(window->data);
		free(window);
	}
	(void)pthread_cond_destroy(&finisher->space_wanted);
	(void)pthread_mutex_destroy(&finisher->mutex);
	free(finisher);
}
