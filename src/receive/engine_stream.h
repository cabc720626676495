/*
 * receive/engine_stream.h - the engine's part that is in CopyBoth: messages,
 * WAL on its way to the workers, and reports to the server.
 *
 * Only engine.c calls these; what they rely on is in engine.h.
 */
#ifndef RECEIVE_ENGINE_STREAM_H
#define RECEIVE_ENGINE_STREAM_H

#include "receive/engine.h"

/* The copy begins at engine->position. */
void engine_stream_begin(struct engine *engine, int64_t now_us);

/* The next action of ENGINE_STREAM; false: the stream is to be closed. */
bool engine_stream_next(
	struct engine *engine, int64_t now_us, struct engine_action *action);

/* Take a message. False: engine->failure says what is wrong with it. */
bool engine_stream_message(
	struct engine *engine, const void *data, size_t len, int64_t now_us);

/* A report with all there is to say, at once. */
void engine_stream_report(
	struct engine *engine, int64_t now_us, struct engine_action *action);

/*
 * True if a report is due; also while the workers are waited for. False:
 * action->deadline_us says when one will be.
 */
bool engine_stream_heartbeat(
	struct engine *engine, int64_t now_us, struct engine_action *action);

#endif
