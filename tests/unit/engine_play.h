/*
 * engine_play.h - plays the server, the disk and the clock for an engine.
 *
 * Life cycle: play_init -> change config, located, slot, ... -> play_begin ->
 * play_until, play_answer, ... -> play_end.
 * Guarantee: every status update is checked: no flush position above what the
 * disk has, and none below an earlier one unless may_go_back says so; an engine
 * that turns in circles fails the test.
 */
#ifndef ENGINE_PLAY_H
#define ENGINE_PLAY_H

#include "receive/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PLAY_SEGMENT (UINT32_C(1) << 20)
#define PLAY_SYSTEM UINT64_C(7100000000000000001)
#define PLAY_AT ((lsn)0x300000)
#define PLAY_MESSAGE_MAX (25 + 4 * (size_t)PLAY_SEGMENT)
#define PLAY_STEPS_MAX 5000

struct play {
	struct engine engine;
	struct engine_config config;
	int64_t now_us;
	struct engine_action action; /* the last one */

	/* What the server and the archive say. */
	struct server_identity identity;
	struct archive_position located;
	struct server_slot slot;
	const char *history; /* of the target */
	enum replication_start start_answer;
	lsn more; /* bytes that it has beyond the WAL it sends */

	/* The disk. */
	bool disk_works; /* makes durable at once what is asked for */
	size_t room;	 /* bytes that the workers still take */
	lsn appended;
	lsn durable;
	lsn asked; /* to be durable */
	bool idle;

	/* What was seen. */
	unsigned count[ACTION_EXIT + 1];
	struct standby_status status;
	lsn highest_flush;
	bool may_go_back;
	enum finisher_closing closing;
	enum engine_action_kind last[3]; /* newest first, without WAIT */
	uint32_t fetched[8];		 /* timelines, of GET_HISTORY */
	unsigned fetched_count;
	unsigned char *message;
};

/* A server on timeline 1 whose WAL is at PLAY_AT, an empty archive, no slot. */
void play_init(struct play *play);
void play_begin(struct play *play);
void play_end(struct play *play);

/* The next action, counted, not answered. */
enum engine_action_kind play_next(struct play *play);

/* Answer it as a server and a disk that work; a WAIT lasts to its deadline. */
void play_answer(struct play *play);

/* Go on until an action of this kind, which is not answered. */
void play_until(struct play *play, enum engine_action_kind kind);

/* Go on until the engine is in this state, before its next action. */
void play_to_state(struct play *play, enum engine_state state);

/* Go on until a WAIT, which is not answered. */
void play_quiet(struct play *play);

/* From a WAIT: let time pass, and go on until the next WAIT. */
void play_sleep(struct play *play, int64_t duration_us);

/* The last action is RECEIVE, or a WAIT for the socket: here it comes. */
void play_wal(struct play *play, lsn start, const void *data, size_t len);
void play_zeros(struct play *play, lsn start, size_t len);
void play_keepalive(struct play *play, bool reply_wanted);

/* The disk has made everything durable that was asked for, or up to LSN at. */
void play_disk(struct play *play);
void play_durable(struct play *play, lsn at);

/* The last action failed, or the connection did. */
void play_fail(struct play *play, enum error_code code, bool connection_lost);

/* A full disk, or a broken one (errno). */
void play_fail_disk(struct play *play, int sys_errno);

/* Go on to the end; false: engine->failure has this code. */
bool play_to_exit(struct play *play, enum error_code *code);

#endif
