/*
 * receive/engine_start.h - the engine's part before the stream: what the server
 * and the archive say, and from where to stream. Private to the engine.
 *
 * Sources: PostgreSQL documentation, "Streaming Replication Protocol"
 * (IDENTIFY_SYSTEM, TIMELINE_HISTORY, READ_REPLICATION_SLOT).
 */
#ifndef RECEIVE_ENGINE_START_H
#define RECEIVE_ENGINE_START_H

#include "receive/engine.h"

/* The next actions of ENGINE_HISTORY, ENGINE_SLOT and ENGINE_START. */
void engine_next_history(struct engine *engine, struct engine_action *action);
void engine_next_slot(struct engine *engine, struct engine_action *action);
void engine_next_start(
	struct engine *engine, int64_t now_us, struct engine_action *action);

#endif
