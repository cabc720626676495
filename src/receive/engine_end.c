#include "receive/engine_end.h"

#include "base/clock.h"
#include "receive/engine_stream.h"

#define BACKOFF_FIRST_US (USECS_PER_SEC / 2)
#define BACKOFF_LAST_US (30 * USECS_PER_SEC)

/* A promotion ends a timeline once without WAL, but not again and again. */
#define EMPTY_ENDS_MAX 3

void
engine_end_init(struct engine *engine)
{
	engine->random = engine->config.seed;
	engine->backoff_us = BACKOFF_FIRST_US;
}

void
engine_forget_attempts(struct engine *engine)
{
	engine->attempts = 0;
	engine->gap_passed = false;
	engine->backoff_us = BACKOFF_FIRST_US;
}

void
engine_leave(struct engine *engine, enum engine_state state)
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

void
engine_leave_for_failure(struct engine *engine)
{
	engine_leave(engine, after_failure(engine));
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
	if (error->code == ERR_STOPPED) {
		engine_stop(engine);
		return;
	}
	if (engine->state >= ENGINE_CLOSE) {
		fail_leaving(engine, error, connection_lost);
		return;
	}
	/* The first one is the reason. */
	if (engine->failure.code == ERR_NONE) {
		engine->failure = *error;
		explain_gap(engine);
	}
	engine_leave_for_failure(engine);
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
		engine_leave(engine, ENGINE_EXIT);
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
engine_leave_timeline(struct engine *engine)
{
	engine->ended_timeline = engine->position.timeline;
	engine->ended_at = engine->received;
	if (engine->received > engine->position.at)
		engine->empty_ends = 0;
	else
		engine->empty_ends++;
	if (engine->empty_ends <= EMPTY_ENDS_MAX) {
		engine_leave(engine, ENGINE_IDENTIFY);
		return;
	}
	error_set(&engine->failure, ERR_PROTOCOL,
		"the server ended timeline %u at " LSN_FORMAT
		" without saying where it goes on",
		engine->position.timeline, LSN_ARGS(engine->received));
	engine_leave_for_failure(engine);
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
void
engine_next_close(
	struct engine *engine, int64_t now_us, struct engine_action *action)
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
void
engine_next_farewell(
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

void
engine_next_retry(
	struct engine *engine, int64_t now_us, struct engine_action *action)
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

bool
engine_result(const struct engine *engine, struct error *error)
{
	if (engine->failure.code == ERR_NONE)
		return true;
	*error = engine->failure;
	return false;
}
