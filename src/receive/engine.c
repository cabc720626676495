#include "receive/engine.h"

#include "base/clock.h"
#include "receive/engine_end.h"
#include "receive/engine_start.h"
#include "receive/engine_stream.h"

#include <string.h>

/* A stream that lasted so long was worth connecting for. */
#define WORTHWHILE_US (30 * USECS_PER_SEC)

void
engine_init(struct engine *engine, const struct engine_config *config)
{
	memset(engine, 0, sizeof(*engine));
	engine->config = *config;
	engine->state = ENGINE_CONNECT;
	engine->end = config->end;
	engine_end_init(engine);
	timeline_history_init(&engine->history);
}

void
engine_free(struct engine *engine)
{
	timeline_history_free(&engine->history);
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
		engine_leave_timeline(engine);
		return;
	}
}

void
engine_on_message(
	struct engine *engine, const void *data, size_t len, int64_t now_us)
{
	if (now_us - engine->began_us >= WORTHWHILE_US)
		engine_forget_attempts(engine);
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
	engine->caught_up = false;
}

void
engine_on_progress(
	struct engine *engine, const struct finisher_progress *progress)
{
	engine->progress = *progress;
	engine->blocked = false;
	/* What is held already is no progress. */
	if (progress->durable > engine->position.held)
		engine_forget_attempts(engine);
}

void
engine_on_copy_finished(struct engine *engine)
{
	engine->in_copy = false;
	if (engine->state == ENGINE_END_COPY)
		engine_leave_timeline(engine);
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
		engine_leave_for_failure(engine);
	else
		engine_leave(engine, ENGINE_EXIT);
	engine_next(engine, now_us, action);
}

void
engine_set_end(struct engine *engine, lsn end)
{
	engine->config.end = end;
	engine->end = end;
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
		engine_next_history(engine, action);
		break;
	case ENGINE_LOCATE:
		action->kind = ACTION_LOCATE;
		break;
	case ENGINE_SLOT:
		engine_next_slot(engine, action);
		break;
	case ENGINE_START:
		engine_next_start(engine, now_us, action);
		break;
	case ENGINE_STREAM:
		next_stream(engine, now_us, action);
		break;
	case ENGINE_END_COPY:
		action->kind = ACTION_FINISH_COPY;
		break;
	case ENGINE_CLOSE:
		engine_next_close(engine, now_us, action);
		break;
	case ENGINE_FAREWELL:
		engine_next_farewell(engine, now_us, action);
		break;
	case ENGINE_RETRY:
		engine_next_retry(engine, now_us, action);
		break;
	case ENGINE_EXIT:
		break;
	}
}
