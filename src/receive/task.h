/*
 * receive/task.h - one segment in work: what can be done for it next, and the
 * steps that do it. Private to the finisher.
 *
 * The stream thread fills the segment's windows; a worker carries out one step
 * at a time. Which one is a pure decision, made under the workshop's mutex; the
 * step itself works on the files without it.
 *
 * Life cycle: task_create -> (task_next_step -> task_carry_out ->
 * task_step_done)* -> task_release -> task_free.
 * Guarantee: no step shows a segment's name, nor calls a byte durable, while
 * one is missing before it.
 */
#ifndef RECEIVE_TASK_H
#define RECEIVE_TASK_H

#include "archive/segment.h"
#include "base/worker_pool.h"
#include "receive/workshop.h"

enum step_kind {
	STEP_NONE,
	STEP_FILL,    /* make the raw file before there are bytes for it */
	STEP_WRITE,   /* full windows to the raw file, to free them */
	STEP_PERSIST, /* everything up to the target durable as .partial */
	STEP_PREPARE, /* make the complete file under a temporary name */
	STEP_PUBLISH, /* give it its final name */
	STEP_CLOSE    /* leave it open on disk: abandon or suspend */
};

struct step {
	enum step_kind kind;
	lsn upto;		       /* WRITE, PERSIST, CLOSE */
	enum finisher_closing closing; /* CLOSE */
};

struct task {
	struct work work; /* first: a pointer to it is one to the task */
	struct finisher *finisher; /* whose it is */
	struct workshop *workshop;
	struct task *next; /* the segment after this one */
	struct segment *segment;
	uint32_t timeline;
	uint64_t number;
	lsn start;
	lsn end;
	bool whole; /* the windows hold the segment from its first byte on */
	bool ahead; /* not due yet; its file is to be made */

	/* Under the mutex. */
	struct window_list windows;
	lsn filled; /* the windows hold bytes up to here */
	lsn target; /* persist up to here */
	lsn written;
	lsn durable;
	enum finisher_closing closing;
	bool prepared;
	bool scheduled; /* a thread has it, or will */
};

/* Linked by next, oldest first; all NULL: empty. */
struct task_queue {
	struct task *first;
	struct task *last;
};

/* What a task cannot see of itself. */
struct task_view {
	bool oldest;	     /* no segment before it is in work */
	bool durable_before; /* every byte before the segment is durable */
	bool may_encode;     /* one more may compress */
};

/*
 * A task for the segment that position->at belongs to; its windows are still
 * empty. Errors: ERR_MEMORY.
 */
bool task_create(struct task **task, struct workshop *workshop,
	const struct archive_position *position, struct error *error);

/* What can be done for the task now. Pure. */
struct step task_next_step(
	const struct task *task, const struct task_view *view);

/* Do a step, without the mutex. Errors: segment.h's; they are final. */
bool task_carry_out(
	struct task *task, const struct step *step, struct error *error);

/* Note what a step that succeeded has done. The mutex is held. */
void task_step_done(struct task *task, const struct step *step);

/* Does this step take one of the places of those that compress? */
bool task_encodes(const struct task *task, const struct step *step);

/* Give back the windows and close the segment. The mutex is held. */
void task_release(struct task *task);

/* Release and free; no thread has it any more. NULL is fine. */
void task_free(struct task *task);

void task_queue_add(struct task_queue *queue, struct task *task);

/* Take the oldest out; NULL: the queue is empty. */
struct task *task_queue_take(struct task_queue *queue);

/* Free all its tasks; no thread has one any more. */
void task_queue_free(struct task_queue *queue);

#endif
