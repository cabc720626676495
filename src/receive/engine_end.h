/*
 * receive/engine_end.h - the engine's part that leaves: why and where to, the
 * workers waited for, the goodbye, the back-off. Private to the engine.
 *
 * A state is left with engine_leave or its like, which lead through
 * ENGINE_CLOSE and ENGINE_FAREWELL to what was the reason: IDENTIFY (a timeline
 * ended), RETRY or EXIT.
 */
#ifndef RECEIVE_ENGINE_END_H
#define RECEIVE_ENGINE_END_H

#include "receive/engine.h"

/* Begin with the first back-off. */
void engine_end_init(struct engine *engine);

/* The connection brought something: the attempts before count no more. */
void engine_forget_attempts(struct engine *engine);

/* Leave what we are doing; state is IDENTIFY, RETRY or EXIT. */
void engine_leave(struct engine *engine, enum engine_state state);

/* The same with engine->failure as the reason, which says where to. */
void engine_leave_for_failure(struct engine *engine);

/* The same at the end of a timeline: ask the server anew where it is. */
void engine_leave_timeline(struct engine *engine);

/* The next actions of ENGINE_CLOSE, ENGINE_FAREWELL and ENGINE_RETRY. */
void engine_next_close(
	struct engine *engine, int64_t now_us, struct engine_action *action);
void engine_next_farewell(
	struct engine *engine, int64_t now_us, struct engine_action *action);
void engine_next_retry(
	struct engine *engine, int64_t now_us, struct engine_action *action);

#endif
