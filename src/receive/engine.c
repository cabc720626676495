#include "receive/engine.h"

#include "base/clock.h"
#include "receive/engine_stream.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define BACKOFF_FIRST_US (USECS_PER_SEC / 2)
#define BACKOFF_LAST_US (30 * USECS_PER_SEC)

/* A stream that lasted so long was worth connecting for. */
#define WORTHWHILE_US (30 * USECS_PER_SEC)

/* A promotion ends a timeline once without WAL, but not again and again. */
#define EMPTY_ENDS_MAX 3

void
engine_init(struct engine *engine, const struct engine_config *config)
{
	memset(engine, 0, sizeof(*engine));
	engine->config = *config;
	engine->state = ENGINE_CONNECT;
	engine->random = config->seed;
	engine->end = config->end;
	engine->backoff_us = BACKOFF_FIRST_US;
	timeline_history_init(&engine->history);
}

void
engine_free(struct engine *engine)
{
	timeline_history_free(&engine->history);
}

static void
forget_attempts(struct engine *engine)
{
	engine->attempts = 0;
	engine->gap_passed = false;
	engine->backoff_us = BACKOFF_FIRST_US;
}

/* Leave what we are doing; state is IDENTIFY, RETRY or EXIT. */
static void
leave_for(struct engine *engine, enum engine_state state)
{
	engine->after_close = state;
	engine->close_asked = false;
	engine->said_goodbye = false;
	engine->state = ENGINE_CLOSE;
}

/* engine->failure is set: is it worth another try? */
static bool
should_retry(const struct engine *engine)
{
	return error_is_transient(&engine->failure) && !engine->stopping &&
		!engine->config.no_loop &&
		engine->attempts < engine->config.max_retries;
}

/* The server names a file at best: say from where on WAL is missing. */
static void
explain_gap(struct engine *engine)
{
	struct error *failure = &engine->failure;
	struct error told = *failure;

	if (failure->code != ERR_GAP || !engine->begun)
		return;
	error_set(failure, ERR_GAP,
		"the server no longer has the WAL from " LSN_FORMAT
		" (timeline %u) on: %.512s",
		LSN_ARGS(engine->received), engine->position.timeline,
		told.message);
	error_set_hint(failure,
		"Copy the missing segments into the archive if they are kept "
		"elsewhere, or take a new base backup and go on with "
		"--allow-gap. A replication slot keeps the server from "
		"removing WAL that is still needed.");
}

/* The missing WAL was said to be acceptable: go on after it. */
static bool
accepts_gap(struct engine *engine)
{
	if (engine->failure.code != ERR_GAP || !engine->config.allow_gap ||
		engine->gap_ahead || engine->gap_passed || !engine->begun)
		return false;
	engine->gap_ahead = true;
	/* What it would advise is what happens. */
	engine->failure.hint[0] = '\0';
	return true;
}

static enum engine_state
after_failure(struct engine *engine)
{
	if (accepts_gap(engine))
		return ENGINE_RETRY;
	if (!should_retry(engine))
		return ENGINE_EXIT;
	engine->attempts++;
	return ENGINE_RETRY;
}

static void
leave_for_failure(struct engine *engine)
{
	leave_for(engine, after_failure(engine));
}

/* A failure while we are leaving for another reason. */
static void
fail_leaving(struct engine *engine, const struct error *error, bool lost)
{
	if (engine->after_close == ENGINE_IDENTIFY) {
		engine->failure = *error;
		engine->after_close = after_failure(engine);
		return;
	}
	/* How the server takes our leave is its own affair. */
	if (lost)
		return;
	if (engine->after_close == ENGINE_EXIT) {
		if (engine->failure.code == ERR_NONE)
			engine->failure = *error;
		return;
	}
	/* A disk that failed for good is not tried again unseen. */
	if (!error_is_transient(error)) {
		engine->failure = *error;
		engine->after_close = ENGINE_EXIT;
	}
}

void
engine_on_failure(
	struct engine *engine, const struct error *error, bool connection_lost)
{
	if (connection_lost)
		engine->in_copy = false;
	/* A stop is no failure. */
	if (error->code == ERR_STOPPED)
		return;
	if (engine->state >= ENGINE_CLOSE) {
		fail_leaving(engine, error, connection_lost);
		return;
	}
	/* The first one is the reason. */
	if (engine->failure.code == ERR_NONE) {
		engine->failure = *error;
		explain_gap(engine);
	}
	leave_for_failure(engine);
}

void
engine_stop(struct engine *engine)
{
	if (engine->stopping)
		return;
	engine->stopping = true;
	switch (engine->state) {
	case ENGINE_CONNECT:
	case ENGINE_IDENTIFY:
	case ENGINE_OPEN:
	case ENGINE_HISTORY:
	case ENGINE_LOCATE:
	case ENGINE_SLOT:
	case ENGINE_START:
	case ENGINE_STREAM:
	case ENGINE_END_COPY:
		/* What would be tried again is not why we end. */
		if (error_is_transient(&engine->failure))
			error_clear(&engine->failure);
		leave_for(engine, ENGINE_EXIT);
		break;
	case ENGINE_CLOSE:
	case ENGINE_FAREWELL:
		if (engine->after_close == ENGINE_RETRY)
			error_clear(&engine->failure);
		engine->after_close = ENGINE_EXIT;
		break;
	case ENGINE_RETRY:
		error_clear(&engine->failure);
		engine->state = ENGINE_EXIT;
		break;
	case ENGINE_EXIT:
		break;
	}
}

void
engine_on_connected(struct engine *engine)
{
	engine->connected = true;
	engine->state = ENGINE_IDENTIFY;
}

void
engine_on_identity(struct engine *engine,
	const struct server_identity *identity, uint32_t segment_size)
{
	engine->identity = *identity;
	engine->segment_size = segment_size;
	if (engine->config.once && engine->end == LSN_NONE)
		engine->end = identity->flushed;
	engine->state = ENGINE_OPEN;
}

void
engine_on_archive_open(struct engine *engine)
{
	timeline_history_free(&engine->history);
	engine->histories_left = 0;
	engine->state = ENGINE_HISTORY;
}

/* The target's history says which others there are. */
static bool
take_target_history(struct engine *engine, const char *text, size_t len)
{
	if (!timeline_history_parse(&engine->history, engine->identity.timeline,
		    text, len, &engine->failure)) {
		leave_for_failure(engine);
		return false;
	}
	engine->histories_left = engine->history.count - 1;
	return true;
}

void
engine_on_history(struct engine *engine, const char *text, size_t len)
{
	if (engine->history.count == 0) {
		if (!take_target_history(engine, text, len))
			return;
	} else {
		engine->histories_left--;
	}
	/* Timeline 1 is never described by a file. */
	while (engine->histories_left > 0 &&
		engine->history.entries[engine->histories_left - 1].timeline ==
			1)
		engine->histories_left--;
	if (engine->histories_left == 0)
		engine->state = ENGINE_LOCATE;
}

/* Ask for the next history file, newest first. */
static void
next_history(struct engine *engine, struct engine_action *action)
{
	size_t left = engine->histories_left;

	action->kind = ACTION_GET_HISTORY;
	if (engine->history.count == 0) {
		action->timeline = engine->identity.timeline;
		action->fetch = true;
	} else {
		action->timeline = engine->history.entries[left - 1].timeline;
	}
}

void
engine_on_located(
	struct engine *engine, const struct archive_position *position)
{
	engine->position = *position;
	engine->begun = false;
	engine->slot_read = false;
	engine->slot_created = false;
	engine->state =
		engine->config.slot != NULL ? ENGINE_SLOT : ENGINE_START;
}

void
engine_on_slot_created(struct engine *engine)
{
	engine->slot_created = true;
}

void
engine_on_begun(struct engine *engine)
{
	engine->begun = true;
	engine->received = engine->position.at;
	engine->progress = (struct finisher_progress){
		.written = engine->position.at,
		.durable = engine->position.at,
		.idle = true,
	};
}

/* Nothing can be streamed with such a slot, gap or no gap. */
static bool
refuse_lost_slot(struct engine *engine)
{
	lsn at = engine->position.at;
	char missing[96] = "";

	if (at != LSN_NONE)
		(void)snprintf(missing, sizeof(missing),
			"; WAL from " LSN_FORMAT " to " LSN_FORMAT
			" may be missing",
			LSN_ARGS(at), LSN_ARGS(engine->identity.flushed));
	error_set(&engine->failure, ERR_GAP,
		"replication slot \"%s\" was invalidated: the server no "
		"longer keeps WAL for it%s",
		engine->config.slot, missing);
	return error_set_hint(&engine->failure,
		"Drop it with --drop-slot -S %s and create it anew; if the WAL "
		"is gone, take a new base backup and go on with --allow-gap. "
		"max_slot_wal_keep_size and idle_replication_slot_timeout say "
		"why the slot was lost.",
		engine->config.slot);
}

static bool
check_slot(struct engine *engine)
{
	const char *name = engine->config.slot;
	const struct server_slot *slot = &engine->slot;

	if (!slot->known)
		return true;
	if (!slot->exists) {
		error_set(&engine->failure, ERR_REFUSED,
			"replication slot \"%s\" does not exist", name);
		return error_set_hint(&engine->failure,
			"Create it with --create-slot, or let --auto-slot do "
			"so.");
	}
	if (!slot->physical)
		return error_set(&engine->failure, ERR_REFUSED,
			"replication slot \"%s\" is not a physical slot", name);
	if (slot->lost)
		return refuse_lost_slot(engine);
	return true;
}

void
engine_on_slot(struct engine *engine, const struct server_slot *slot)
{
	bool missing = !slot->known || !slot->exists;

	engine->slot = *slot;
	engine->slot_read = true;
	if (missing && engine->config.auto_slot && !engine->slot_created)
		return;
	if (check_slot(engine))
		engine->state = ENGINE_START;
	else
		leave_for(engine, ENGINE_EXIT);
}

static void
next_slot(struct engine *engine, struct engine_action *action)
{
	bool create = engine->slot_read && !engine->slot_created;

	/* From here on a stop leaves the open segment in the codec's form. */
	if (engine->position.at != LSN_NONE && !engine->begun) {
		action->kind = ACTION_BEGIN;
		return;
	}
	action->kind = create ? ACTION_CREATE_SLOT : ACTION_READ_SLOT;
}

/* The timeline of the server's history that an LSN lies on. */
static uint32_t
timeline_of(const struct engine *engine, lsn at)
{
	const struct timeline_history *history = &engine->history;

	for (size_t i = 0; i < history->count; i++)
		if (at < history->entries[i].end)
			return history->entries[i].timeline;
	return engine->identity.timeline;
}

/* Begin with the segment that holds LSN at. */
static void
choose_segment(struct engine *engine, uint32_t timeline, lsn at)
{
	lsn start = lsn_segment_start(at, engine->segment_size);

	engine->position = (struct archive_position){
		.timeline = timeline,
		.at = start,
		.held = start,
	};
	engine->begun = false;
}

static void
choose_newest(struct engine *engine)
{
	choose_segment(
		engine, engine->identity.timeline, engine->identity.flushed);
}

/* An archive without WAL begins where the slot does, or where the server is. */
static void
choose_first_position(struct engine *engine)
{
	const struct server_slot *slot = &engine->slot;

	if (engine->slot_read && slot->known && slot->restart != LSN_NONE)
		choose_segment(engine, timeline_of(engine, slot->restart),
			slot->restart);
	else
		choose_newest(engine);
}

/* What the archive holds of a timeline is not begun anew. */
static bool
is_beyond(const struct archive_position *a, const struct archive_position *b)
{
	return a->timeline != b->timeline || a->at > b->at;
}

static void
step_over_gap(struct engine *engine)
{
	const struct archive_position located = engine->position;

	engine->gap_ahead = false;
	engine->gap_passed = true;
	choose_first_position(engine);
	/* What the slot holds back may be just what is gone. */
	if (located.at == LSN_NONE || engine->position.at <= located.at)
		choose_newest(engine);
	if (!is_beyond(&engine->position, &located))
		engine->position = located;
}

/* Is the server where it was when we last heard of it, or beyond? */
static bool
check_server_position(struct engine *engine)
{
	const struct archive_position *position = &engine->position;

	if (position->timeline != engine->identity.timeline ||
		position->at <= engine->identity.flushed)
		return true;
	error_set(&engine->failure,
		engine->identity.leads ? ERR_DIVERGED : ERR_UNREACHABLE,
		"the server is behind the archive: its WAL ends at " LSN_FORMAT
		", the archive's at " LSN_FORMAT " (timeline %u)",
		LSN_ARGS(engine->identity.flushed), LSN_ARGS(position->at),
		position->timeline);
	return error_set_hint(&engine->failure,
		"A standby may catch up. A leader that lost WAL, or was "
		"restored from a backup, has diverged from the archive: use a "
		"new directory for it.");
}

static void
next_start(struct engine *engine, int64_t now_us, struct engine_action *action)
{
	if (engine->gap_ahead)
		step_over_gap(engine);
	else if (engine->position.at == LSN_NONE)
		choose_first_position(engine);
	if (!engine->begun) {
		action->kind = ACTION_BEGIN;
		return;
	}
	if (engine->config.end != LSN_NONE &&
		engine->position.at >= engine->config.end)
		leave_for(engine, ENGINE_EXIT);
	else if (!check_server_position(engine))
		leave_for_failure(engine);
	else if (engine->end != LSN_NONE && engine->position.at >= engine->end)
		leave_for(engine, ENGINE_EXIT);
	else
		action->kind = ACTION_START;
	if (engine->state == ENGINE_CLOSE)
		engine_next(engine, now_us, action);
}

/* A timeline ended: ask the server anew where it is. */
static void
leave_timeline(struct engine *engine)
{
	if (engine->received > engine->position.at)
		engine->empty_ends = 0;
	else
		engine->empty_ends++;
	if (engine->empty_ends <= EMPTY_ENDS_MAX) {
		leave_for(engine, ENGINE_IDENTIFY);
		return;
	}
	error_set(&engine->failure, ERR_PROTOCOL,
		"the server ended timeline %u at " LSN_FORMAT
		" without saying where it goes on",
		engine->position.timeline, LSN_ARGS(engine->received));
	leave_for_failure(engine);
}

void
engine_on_started(
	struct engine *engine, enum replication_start result, int64_t now_us)
{
	switch (result) {
	case REPLICATION_STARTED:
		engine_stream_begin(engine, now_us);
		engine->state = ENGINE_STREAM;
		return;
	case REPLICATION_TIMELINE_ENDED:
		leave_timeline(engine);
		return;
	}
}

void
engine_on_message(
	struct engine *engine, const void *data, size_t len, int64_t now_us)
{
	if (now_us - engine->began_us >= WORTHWHILE_US)
		forget_attempts(engine);
	(void)engine_stream_message(engine, data, len, now_us);
}

void
engine_on_drained(struct engine *engine)
{
	engine->drained = true;
}

void
engine_on_copy_ended(struct engine *engine)
{
	engine->state = ENGINE_END_COPY;
}

void
engine_on_appended(struct engine *engine, size_t len)
{
	engine->blocked = len < engine->pending_len;
	engine->pending += len;
	engine->pending_len -= len;
}

void
engine_on_woken(struct engine *engine)
{
	engine->drained = false;
}

void
engine_on_progress(
	struct engine *engine, const struct finisher_progress *progress)
{
	engine->progress = *progress;
	engine->blocked = false;
	if (progress->durable > engine->position.at)
		forget_attempts(engine);
}

void
engine_on_copy_finished(struct engine *engine)
{
	engine->in_copy = false;
	if (engine->state == ENGINE_END_COPY)
		leave_timeline(engine);
}

/* How the open segment is left on disk. */
static enum finisher_closing
closing_for(const struct engine *engine)
{
	if (engine->after_close == ENGINE_RETRY ||
		engine->failure.code != ERR_NONE)
		return CLOSING_SUSPEND;
	return CLOSING_ABANDON;
}

/* Wait for the workers; keep the server company meanwhile. */
static void
next_close(struct engine *engine, int64_t now_us, struct engine_action *action)
{
	if (!engine->close_asked && engine->begun) {
		engine->close_asked = true;
		engine->progress.idle = false;
		action->kind = ACTION_CLOSE;
		action->closing = closing_for(engine);
		return;
	}
	if (engine->progress.idle || !engine->begun) {
		engine->begun = false;
		engine->state = ENGINE_FAREWELL;
		engine_next(engine, now_us, action);
		return;
	}
	action->deadline_us = CLOCK_NEVER;
	if (engine->in_copy && engine_stream_heartbeat(engine, now_us, action))
		return;
	action->kind = ACTION_WAIT;
	action->for_socket = false;
}

/* xorshift64*: good enough to keep receivers from coming all at once. */
static uint64_t
next_random(struct engine *engine)
{
	uint64_t x = engine->random | 1;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	engine->random = x;
	return x * UINT64_C(2685821657736338717);
}

/* Three quarters to five quarters of the back-off. */
static int64_t
next_delay(struct engine *engine)
{
	int64_t delay_us = engine->backoff_us;
	uint64_t spread_us = (uint64_t)delay_us / 2;

	engine->backoff_us *= 2;
	if (engine->backoff_us > BACKOFF_LAST_US)
		engine->backoff_us = BACKOFF_LAST_US;
	return delay_us - (int64_t)(spread_us / 2) +
		(int64_t)(next_random(engine) % (spread_us + 1));
}

/* The end of a copy, then of the connection, then what comes after. */
static void
next_farewell(
	struct engine *engine, int64_t now_us, struct engine_action *action)
{
	if (engine->in_copy && !engine->said_goodbye) {
		engine->said_goodbye = true;
		engine_stream_report(engine, now_us, action);
		return;
	}
	if (engine->in_copy) {
		engine->in_copy = false;
		action->kind = ACTION_FINISH_COPY;
		return;
	}
	engine->state = engine->after_close;
	if (engine->state == ENGINE_IDENTIFY) {
		engine_next(engine, now_us, action);
		return;
	}
	engine->connected = false;
	action->kind = ACTION_HANG_UP;
	if (engine->state == ENGINE_RETRY)
		engine->retry_at_us = now_us + next_delay(engine);
}

static void
next_retry(struct engine *engine, int64_t now_us, struct engine_action *action)
{
	if (now_us >= engine->retry_at_us) {
		error_clear(&engine->failure);
		engine->state = ENGINE_CONNECT;
		engine_next(engine, now_us, action);
		return;
	}
	action->kind = ACTION_WAIT;
	action->deadline_us = engine->retry_at_us;
	action->for_socket = false;
}

static void
next_stream(struct engine *engine, int64_t now_us, struct engine_action *action)
{
	if (engine_stream_next(engine, now_us, action))
		return;
	/* A server that speaks nonsense, or not at all, gets no goodbye. */
	if (engine->failure.code == ERR_PROTOCOL ||
		engine->failure.code == ERR_UNREACHABLE)
		engine->in_copy = false;
	if (engine->failure.code != ERR_NONE)
		leave_for_failure(engine);
	else
		leave_for(engine, ENGINE_EXIT);
	engine_next(engine, now_us, action);
}

void
engine_next(struct engine *engine, int64_t now_us, struct engine_action *action)
{
	*action = (struct engine_action){.kind = ACTION_EXIT};
	switch (engine->state) {
	case ENGINE_CONNECT:
		action->kind = ACTION_CONNECT;
		break;
	case ENGINE_IDENTIFY:
		action->kind = ACTION_IDENTIFY;
		break;
	case ENGINE_OPEN:
		action->kind = ACTION_OPEN_ARCHIVE;
		break;
	case ENGINE_HISTORY:
		next_history(engine, action);
		break;
	case ENGINE_LOCATE:
		action->kind = ACTION_LOCATE;
		break;
	case ENGINE_SLOT:
		next_slot(engine, action);
		break;
	case ENGINE_START:
		next_start(engine, now_us, action);
		break;
	case ENGINE_STREAM:
		next_stream(engine, now_us, action);
		break;
	case ENGINE_END_COPY:
		action->kind = ACTION_FINISH_COPY;
		break;
	case ENGINE_CLOSE:
		next_close(engine, now_us, action);
		break;
	case ENGINE_FAREWELL:
		next_farewell(engine, now_us, action);
		break;
	case ENGINE_RETRY:
		next_retry(engine, now_us, action);
		break;
	case ENGINE_EXIT:
		break;
	}
}

bool
engine_result(const struct engine *engine, struct error *error)
{
	if (engine->failure.code == ERR_NONE)
		return true;
	*error = engine->failure;
	return false;
}
