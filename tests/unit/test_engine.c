#include "receive/engine.h"

#include "base/clock.h"
#include "engine_play.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char history_3[] = "1\t0/280000\tno recovery target\n"
				"2\t0/2C0000\tno recovery target\n";

/* As far as a stream in which some WAL has come. */
static void
play_to_stream(struct play *play)
{
	play_to_state(play, ENGINE_STREAM);
	play_quiet(play);
	play_zeros(play, play->engine.received, 1000);
	play_quiet(play);
}

/* Bring the engine to any state, as it comes to it in life. */
static void
drive(struct play *play, enum engine_state state)
{
	if (state < ENGINE_STREAM) {
		play_to_state(play, state);
		return;
	}
	play_to_stream(play);
	if (state == ENGINE_STREAM)
		return;
	if (state == ENGINE_END_COPY)
		engine_on_copy_ended(&play->engine);
	else if (state == ENGINE_EXIT)
		engine_stop(&play->engine);
	else
		play_fail_disk(play, ENOSPC);
	play_to_state(play, state);
}

static void
expect_exit(struct play *play, enum error_code expected)
{
	enum error_code code;

	(void)play_to_exit(play, &code);
	assert_int_equal(code, expected);
}

static void
normal_run(void **state)
{
	static const enum engine_action_kind expected[] = {ACTION_CONNECT,
		ACTION_IDENTIFY, ACTION_OPEN_ARCHIVE, ACTION_GET_HISTORY,
		ACTION_LOCATE, ACTION_BEGIN, ACTION_START, ACTION_SEND_STATUS,
		ACTION_RECEIVE, ACTION_WAIT};
	struct play play;

	(void)state;
	play_init(&play);
	play_begin(&play);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(play_next(&play), expected[i]);
		if (expected[i] != ACTION_WAIT)
			play_answer(&play);
	}
	assert_int_equal(play.fetched[0], 1);
	assert_true(play.action.for_socket);
	assert_int_equal(play.engine.received, PLAY_AT);
	play_zeros(&play, PLAY_AT, 100);
	assert_int_equal(play_next(&play), ACTION_APPEND);
	assert_int_equal(play.action.len, 100);
	play_answer(&play);
	play_quiet(&play);
	engine_stop(&play.engine);
	assert_int_equal(play_next(&play), ACTION_CLOSE);
	assert_int_equal(play.action.closing, CLOSING_ABANDON);
	play_answer(&play);
	assert_int_equal(play_next(&play), ACTION_SEND_STATUS);
	assert_int_equal(play.status.write, PLAY_AT + 100);
	assert_int_equal(play_next(&play), ACTION_FINISH_COPY);
	play_answer(&play);
	assert_int_equal(play_next(&play), ACTION_HANG_UP);
	expect_exit(&play, ERR_NONE);
	play_end(&play);
}

static void
first_position(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.identity.timeline = 3;
	play.history = history_3;
	play.config.slot = "s";
	play.slot.restart = 0x290010;
	play_begin(&play);
	play_until(&play, ACTION_START);
	assert_int_equal(play.engine.position.timeline, 2);
	assert_int_equal(play.engine.position.at, 0x200000);
	play_end(&play);

	play_init(&play);
	play.config.slot = "s";
	play.slot.known = false;
	play.slot.exists = false;
	play_begin(&play);
	play_until(&play, ACTION_START);
	assert_int_equal(play.engine.position.at, PLAY_AT);
	play_end(&play);
}

/* Of an empty archive, whatever the slot says; not of one that holds WAL. */
static void
told_position(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.identity.timeline = 3;
	play.history = history_3;
	play.config.slot = "s";
	play.config.begin = 0x210010;
	play.slot.restart = 0x290010;
	play_begin(&play);
	play_until(&play, ACTION_START);
	assert_int_equal(play.engine.position.timeline, 1);
	assert_int_equal(play.engine.position.at, 0x200000);
	play_end(&play);

	play_init(&play);
	play.config.begin = 0x210010;
	play.located = (struct archive_position){
		.timeline = 1, .at = 0x250000, .held = 0x250000};
	play_begin(&play);
	play_until(&play, ACTION_START);
	assert_int_equal(play.engine.position.at, 0x250000);
	play_end(&play);
}

/* The end becomes known while WAL comes, before or after it was received. */
static void
told_end(void **state)
{
	struct play play;

	(void)state;
	for (int after = 0; after < 2; after++) {
		play_init(&play);
		play.disk_works = true;
		play_begin(&play);
		play_to_stream(&play);
		if (after == 0)
			engine_set_end(&play.engine, PLAY_AT + 3000);
		play_quiet(&play);
		play_zeros(&play, play.engine.received, 3000);
		if (after == 1) {
			play_quiet(&play);
			engine_set_end(&play.engine, PLAY_AT + 3000);
			engine_on_woken(&play.engine);
		}
		expect_exit(&play, ERR_NONE);
		assert_true(play.durable >= PLAY_AT + 3000);
		play_end(&play);
	}
}

static void
archived_position(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.slot = "s";
	play.slot.restart = PLAY_AT;
	play.located = (struct archive_position){
		.timeline = 1, .at = PLAY_AT - 5000, .held = PLAY_AT - 4990};
	play_begin(&play);
	play_until(&play, ACTION_START);
	assert_int_equal(play.count[ACTION_BEGIN], 1);
	assert_int_equal(play.engine.position.at, PLAY_AT - 5000);
	play_answer(&play);
	assert_int_equal(play.engine.received, PLAY_AT - 5000);
	play_end(&play);
}

static void
history_order(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.identity.timeline = 5;
	play.history = "1\t0/100000\n2\t0/180000\n4\t0/200000\n";
	play_begin(&play);
	play_until(&play, ACTION_GET_HISTORY);
	assert_true(play.action.fetch);
	play_answer(&play);
	play_until(&play, ACTION_GET_HISTORY);
	assert_false(play.action.fetch);
	play_answer(&play);
	play_until(&play, ACTION_LOCATE);
	assert_int_equal(play.fetched_count, 3);
	assert_int_equal(play.fetched[0], 5);
	assert_int_equal(play.fetched[1], 4);
	assert_int_equal(play.fetched[2], 2);
	play_end(&play);
}

/* What the archive has of timeline 4 was another server's. */
static void
history_of_an_ancestor(void **state)
{
	static const struct {
		const char *text;
		enum engine_action_kind next;
	} cases[] = {
		{"1\t0/100000\n2\t0/180000\n", ACTION_GET_HISTORY},
		{"2\t0/180000\n", ACTION_GET_HISTORY},
		{"", ACTION_GET_HISTORY},
		{"1\t0/100000\n3\t0/180000\n", ACTION_GET_HISTORY},
		{"not a history\n", ACTION_GET_HISTORY},
		{"1\t0/100000\n2\t0/170000\n", ACTION_EXIT},
		{"1\t0/FFFFF\n", ACTION_EXIT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct play play;

		play_init(&play);
		play.identity.timeline = 5;
		play.history = "1\t0/100000\n2\t0/180000\n4\t0/200000\n";
		play_begin(&play);
		play_until(&play, ACTION_GET_HISTORY);
		play_answer(&play);
		play_until(&play, ACTION_GET_HISTORY);
		assert_int_equal(play.action.timeline, 4);
		engine_on_history(
			&play.engine, cases[i].text, strlen(cases[i].text));
		if (cases[i].next == ACTION_EXIT) {
			expect_exit(&play, ERR_DIVERGED);
			assert_int_equal(play.count[ACTION_LOCATE], 0);
		} else {
			play_until(&play, cases[i].next);
			assert_int_equal(play.action.timeline, 2);
		}
		play_end(&play);
	}
}

static void
malformed_history(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.identity.timeline = 2;
	play.history = "nonsense\n";
	play.config.no_loop = true;
	play_begin(&play);
	expect_exit(&play, ERR_PROTOCOL);
	assert_int_equal(play.count[ACTION_LOCATE], 0);
	play_end(&play);
}

struct slot_case {
	struct server_slot slot;
	bool auto_slot;
	enum error_code code; /* ERR_NONE: it streams */
	unsigned created;
};

static void
slots(void **state)
{
	static const struct slot_case cases[] = {
		{{true, true, true, false, PLAY_AT, 1}, false, ERR_NONE, 0},
		{{true, true, true, false, 0, 0}, true, ERR_NONE, 0},
		{{true, false, false, false, 0, 0}, false, ERR_REFUSED, 0},
		{{true, false, false, false, 0, 0}, true, ERR_NONE, 1},
		{{true, true, false, false, 0, 0}, true, ERR_REFUSED, 0},
		{{true, true, true, true, 0, 0}, true, ERR_GAP, 0},
		{{false, false, false, false, 0, 0}, false, ERR_NONE, 0},
		{{false, false, false, false, 0, 0}, true, ERR_NONE, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct play play;

		play_init(&play);
		play.config.slot = "s";
		play.config.auto_slot = cases[i].auto_slot;
		play.slot = cases[i].slot;
		if (cases[i].created > 0)
			play.slot.physical = true;
		play_begin(&play);
		if (cases[i].code == ERR_NONE)
			play_to_state(&play, ENGINE_STREAM);
		else
			expect_exit(&play, cases[i].code);
		assert_int_equal(
			play.count[ACTION_CREATE_SLOT], cases[i].created);
		assert_true(cases[i].code == ERR_NONE ||
			play.count[ACTION_START] == 0);
		play_end(&play);
	}
}

/* A stop in any state comes to its end, and is no failure. */
static void
stop_in(enum engine_state where, bool with_slot)
{
	struct play play;
	bool in_copy;
	bool begun;

	play_init(&play);
	play.config.slot = with_slot ? "s" : NULL;
	play.located.timeline = 1;
	play.located.at = PLAY_AT;
	play.located.held = PLAY_AT;
	play_begin(&play);
	drive(&play, where);
	in_copy = play.engine.in_copy;
	begun = play.engine.begun && !play.engine.close_asked;
	play.closing = CLOSING_NOT;
	engine_stop(&play.engine);
	engine_stop(&play.engine);
	expect_exit(&play, ERR_NONE);
	assert_int_equal(play.closing, begun ? CLOSING_ABANDON : CLOSING_NOT);
	assert_int_equal(play.last[0], ACTION_EXIT);
	assert_int_equal(play.last[1], ACTION_HANG_UP);
	if (in_copy)
		assert_int_equal(play.last[2], ACTION_FINISH_COPY);
	else if (where < ENGINE_CLOSE)
		assert_int_equal(play.count[ACTION_FINISH_COPY], 0);
	if (in_copy)
		assert_int_equal(play.status.write, PLAY_AT + 1000);
	assert_false(play.engine.in_copy);
	play_end(&play);
}

static void
stop_everywhere(void **state)
{
	(void)state;
	for (int where = ENGINE_CONNECT; where <= ENGINE_EXIT; where++) {
		if (where != ENGINE_SLOT)
			stop_in((enum engine_state)where, false);
		stop_in((enum engine_state)where, true);
	}
}

/* The signal is seen in the middle of a server call: it fails as stopped. */
static void
stop_in_calls(void **state)
{
	(void)state;
	for (int where = ENGINE_CONNECT; where <= ENGINE_END_COPY; where++) {
		struct play play;

		play_init(&play);
		play.config.slot = "s";
		play_begin(&play);
		drive(&play, (enum engine_state)where);
		play_fail(&play, ERR_STOPPED, true);
		engine_stop(&play.engine);
		expect_exit(&play, ERR_NONE);
		assert_int_equal(play.last[1], ACTION_HANG_UP);
		play_end(&play);
	}
}

static void
fail_in(enum engine_state where, enum error_code code, bool no_loop,
	unsigned max_retries)
{
	struct error error = {.code = code};
	struct play play;
	bool again = error_is_transient(&error) && !no_loop && max_retries > 0;

	play_init(&play);
	play.config.slot = "s";
	play.config.no_loop = no_loop;
	play.config.max_retries = max_retries;
	play_begin(&play);
	drive(&play, where);
	memset(play.count, 0, sizeof(play.count));
	play.closing = CLOSING_NOT;
	play_fail(&play, code, true);
	if (again) {
		play_to_state(&play, ENGINE_RETRY);
		assert_false(engine_result(&play.engine, &error));
		assert_int_equal(error.code, code);
		assert_int_equal(play.count[ACTION_SEND_STATUS], 0);
		assert_int_equal(play.count[ACTION_HANG_UP], 1);
		play_to_stream(&play);
	} else {
		expect_exit(&play, code);
		assert_int_equal(play.count[ACTION_SEND_STATUS], 0);
		assert_int_equal(play.count[ACTION_HANG_UP], 1);
	}
	assert_int_equal(play.count[ACTION_FINISH_COPY], 0);
	assert_int_not_equal(play.closing, CLOSING_ABANDON);
	play_end(&play);
}

static void
fail_everywhere(void **state)
{
	static const enum error_code codes[] = {ERR_UNREACHABLE, ERR_PROTOCOL,
		ERR_REFUSED, ERR_SYSTEM, ERR_MEMORY, ERR_LOCKED, ERR_GAP,
		ERR_DAMAGED, ERR_DIVERGED, ERR_USAGE};

	(void)state;
	for (int where = ENGINE_CONNECT; where <= ENGINE_END_COPY; where++)
		for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
			enum engine_state s = (enum engine_state)where;

			fail_in(s, codes[i], false, UINT_MAX);
			fail_in(s, codes[i], true, UINT_MAX);
			fail_in(s, codes[i], false, 0);
		}
}

/* Fail to connect; returns how long the engine waits then. */
static int64_t
fail_to_connect(struct play *play)
{
	play_until(play, ACTION_CONNECT);
	play_fail(play, ERR_UNREACHABLE, true);
	play_quiet(play);
	assert_int_equal(play->engine.state, ENGINE_RETRY);
	assert_false(play->action.for_socket);
	return play->action.deadline_us - play->now_us;
}

static void
back_off(void **state)
{
	struct play play;
	int64_t expected_us = USECS_PER_SEC / 2;
	bool varies = false;

	(void)state;
	play_init(&play);
	play_begin(&play);
	for (int i = 0; i < 12; i++) {
		int64_t delay_us = fail_to_connect(&play);

		assert_in_range(
			delay_us, expected_us / 4 * 3, expected_us / 4 * 5);
		varies = varies || delay_us != expected_us;
		play_answer(&play);
		expected_us *= 2;
		if (expected_us > 30 * USECS_PER_SEC)
			expected_us = 30 * USECS_PER_SEC;
	}
	assert_true(varies);
	/* WAL that is durable begins the count anew. */
	play_to_stream(&play);
	play_keepalive(&play, true);
	play_quiet(&play);
	assert_int_equal(play.engine.attempts, 0);
	play_fail(&play, ERR_UNREACHABLE, true);
	play_quiet(&play);
	assert_in_range(play.action.deadline_us - play.now_us,
		USECS_PER_SEC * 3 / 8, USECS_PER_SEC * 5 / 8);
	play_end(&play);
}

static void
jitter_follows_seed(void **state)
{
	struct play play;
	int64_t delays_us[2];

	(void)state;
	for (uint64_t i = 0; i < 2; i++) {
		play_init(&play);
		play.config.seed = 77 + 2 * i;
		play_begin(&play);
		delays_us[i] = fail_to_connect(&play);
		play_end(&play);
	}
	assert_int_not_equal(delays_us[0], delays_us[1]);
}

static void
retries_end(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.max_retries = 3;
	play_begin(&play);
	for (int i = 0; i < 3; i++) {
		(void)fail_to_connect(&play);
		play_answer(&play);
	}
	play_until(&play, ACTION_CONNECT);
	play_fail(&play, ERR_UNREACHABLE, true);
	expect_exit(&play, ERR_UNREACHABLE);
	play_end(&play);
}

/* A stream that only brought keepalives was worth it when it lasted. */
static void
quiet_stream_counts(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.max_retries = 1;
	play_begin(&play);
	(void)fail_to_connect(&play);
	play_to_state(&play, ENGINE_STREAM);
	play_quiet(&play);
	assert_int_equal(play.engine.attempts, 1);
	play.now_us += 10 * USECS_PER_SEC;
	play_keepalive(&play, false);
	assert_int_equal(play.engine.attempts, 1);
	play_quiet(&play);
	play.now_us += 21 * USECS_PER_SEC;
	play_keepalive(&play, false);
	assert_int_equal(play.engine.attempts, 0);
	play_end(&play);
}

static void
timeline_end(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play_begin(&play);
	play_to_stream(&play);
	engine_on_woken(&play.engine);
	play_until(&play, ACTION_RECEIVE);
	engine_on_copy_ended(&play.engine);
	memset(play.count, 0, sizeof(play.count));
	assert_int_equal(play_next(&play), ACTION_FINISH_COPY);
	play_answer(&play);
	play.identity.timeline = 2;
	play.history = "1\t0/3003E8\n";
	play.located = (struct archive_position){
		.timeline = 2, .at = PLAY_AT, .held = PLAY_AT};
	play_to_state(&play, ENGINE_LOCATE);
	assert_int_equal(play.closing, CLOSING_ABANDON);
	play_until(&play, ACTION_START);
	assert_int_equal(play.count[ACTION_IDENTIFY], 1);
	assert_int_equal(play.count[ACTION_CONNECT], 0);
	assert_int_equal(play.count[ACTION_HANG_UP], 0);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 0);
	assert_int_equal(play.engine.position.timeline, 2);
	assert_int_equal(play.engine.empty_ends, 0);
	play_end(&play);
}

/*
 * The archive counts less of the timeline than was sent: a record given up at
 * its end is no reason to ask again, whole segments that are missing are.
 */
static void
timeline_end_is_not_all_there(void **state)
{
	static const lsn found[] = {PLAY_AT, PLAY_AT - PLAY_SEGMENT};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct play play;

		play_init(&play);
		play_begin(&play);
		play_to_stream(&play);
		engine_on_woken(&play.engine);
		play_until(&play, ACTION_RECEIVE);
		engine_on_copy_ended(&play.engine);
		assert_int_equal(play_next(&play), ACTION_FINISH_COPY);
		play_answer(&play);
		play.identity.timeline = 2;
		play.history = "1\t0/3003E8\n";
		play.located = (struct archive_position){
			.timeline = 1, .at = found[i], .held = found[i]};
		play_until(&play, ACTION_START);
		assert_int_equal(play.engine.position.timeline, 2 - i);
		assert_int_equal(play.engine.position.at, found[i]);
		play_end(&play);
	}
}

/* Bytes that were there before, sent again, are no success. */
static void
held_bytes_are_no_progress(void **state)
{
	struct finisher_progress progress = {.idle = true};
	struct play play;

	(void)state;
	play_init(&play);
	play.located = (struct archive_position){
		.timeline = 1, .at = PLAY_AT - 5000, .held = PLAY_AT - 1000};
	play_begin(&play);
	play_to_stream(&play);
	play.engine.attempts = 7;
	progress.written = progress.durable = PLAY_AT - 1000;
	engine_on_progress(&play.engine, &progress);
	assert_int_equal(play.engine.attempts, 7);
	progress.written = progress.durable = PLAY_AT - 999;
	engine_on_progress(&play.engine, &progress);
	assert_int_equal(play.engine.attempts, 0);
	play_end(&play);
}

static void
timeline_already_ended(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.start_answer = REPLICATION_TIMELINE_ENDED;
	play.config.no_loop = true;
	play_begin(&play);
	play_until(&play, ACTION_START);
	play_answer(&play);
	play_until(&play, ACTION_START);
	assert_int_equal(play.count[ACTION_CONNECT], 1);
	assert_int_equal(play.count[ACTION_IDENTIFY], 2);
	assert_int_equal(play.count[ACTION_FINISH_COPY], 0);
	play_answer(&play);
	expect_exit(&play, ERR_PROTOCOL);
	assert_int_equal(play.count[ACTION_START], 4);
	play_end(&play);
}

/* Told to loop, it goes on with a growing back-off, not at once. */
static void
empty_ends_back_off(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.start_answer = REPLICATION_TIMELINE_ENDED;
	play_begin(&play);
	play_quiet(&play);
	play_answer(&play);
	assert_int_equal(play.count[ACTION_START], 4);
	play_quiet(&play);
	assert_int_equal(play.count[ACTION_START], 5);
	assert_true(
		play.action.deadline_us - play.now_us >= USECS_PER_SEC * 3 / 4);
	play_end(&play);
}

static void
server_behind(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.located = (struct archive_position){
		.timeline = 1, .at = PLAY_AT + 0x9000, .held = PLAY_AT};
	play.located.held = play.located.at;
	play.config.no_loop = true;
	play_begin(&play);
	expect_exit(&play, ERR_UNREACHABLE);
	assert_int_equal(play.count[ACTION_START], 0);
	assert_int_equal(play.closing, CLOSING_SUSPEND);
	play_end(&play);
}

static void
end_before_start(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.end = PLAY_AT;
	play.located = (struct archive_position){
		.timeline = 1, .at = PLAY_AT, .held = PLAY_AT};
	play_begin(&play);
	expect_exit(&play, ERR_NONE);
	assert_int_equal(play.count[ACTION_START], 0);
	assert_int_equal(play.closing, CLOSING_ABANDON);
	play_end(&play);
}

/* Everything flushed when the run began, whatever comes later. */
static void
once(void **state)
{
	struct play play;
	lsn end;

	(void)state;
	play_init(&play);
	play.config.once = true;
	end = play.identity.flushed;
	play_begin(&play);
	play_to_state(&play, ENGINE_STREAM);
	play_quiet(&play);
	play_zeros(&play, PLAY_AT, 0x4000);
	play_quiet(&play);
	play_fail(&play, ERR_UNREACHABLE, true);
	play.identity.flushed += 0x10000;
	play_to_state(&play, ENGINE_STREAM);
	assert_int_equal(play.engine.end, end);
	play_quiet(&play);
	play_zeros(&play, PLAY_AT, 0x8000);
	expect_exit(&play, ERR_NONE);
	assert_int_equal(play.durable, end);
	play_end(&play);
}

static void
expect_begin(struct play *play, lsn at, uint32_t timeline)
{
	play_until(play, ACTION_START);
	assert_int_equal(play->engine.position.at, at);
	assert_int_equal(play->engine.position.held, at);
	assert_int_equal(play->engine.position.timeline, timeline);
}

/* The error comes after CopyBoth, and after WAL: the archive moves first. */
static void
gap_in_stream(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.allow_gap = true;
	play.located = (struct archive_position){
		.timeline = 1, .at = 0x100000, .held = 0x100000};
	play_begin(&play);
	play_to_stream(&play);
	play_fail(&play, ERR_GAP, true);
	play.located.at += 1000;
	play.located.held = play.located.at;
	play_until(&play, ACTION_LOCATE);
	expect_begin(&play, PLAY_AT, 1);
	/* The WAL that it stepped to is gone as well: that is the end. */
	play_answer(&play);
	play_fail(&play, ERR_GAP, true);
	expect_exit(&play, ERR_GAP);
	play_end(&play);
}

/* With the slot's WAL gone too, the newest is what is left. */
static void
gap_behind_slot(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.allow_gap = true;
	play.config.slot = "s";
	play.slot.restart = 0x100010;
	play.identity.timeline = 3;
	play.history = history_3;
	play.located = (struct archive_position){
		.timeline = 1, .at = 0x180000, .held = 0x180000};
	play_begin(&play);
	play_until(&play, ACTION_START);
	play_fail(&play, ERR_GAP, true);
	play_until(&play, ACTION_LOCATE);
	expect_begin(&play, PLAY_AT, 3);
	play_end(&play);
}

/* An accepted gap is stepped over once, and a later one once more. */
static void
gap_again(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.allow_gap = true;
	play.located = (struct archive_position){
		.timeline = 1, .at = 0x100000, .held = 0x100000};
	play_begin(&play);
	play_until(&play, ACTION_START);
	play_fail(&play, ERR_GAP, true);
	play_to_stream(&play);
	play_keepalive(&play, true);
	play_quiet(&play);
	assert_int_equal(play.durable, PLAY_AT + 1000);
	play_fail(&play, ERR_GAP, true);
	play.located.at = PLAY_AT + 1000;
	play.located.held = PLAY_AT + 1000;
	play.identity.flushed += 8 * (lsn)PLAY_SEGMENT;
	play_until(&play, ACTION_LOCATE);
	expect_begin(&play, PLAY_AT + 8 * (lsn)PLAY_SEGMENT, 1);
	play_end(&play);
}

/* What the archive holds of the server's newest segment stays. */
static void
gap_without_way_out(void **state)
{
	struct play play;
	lsn at = PLAY_AT + 0x1000;

	(void)state;
	play_init(&play);
	play.config.allow_gap = true;
	play.located =
		(struct archive_position){.timeline = 1, .at = at, .held = at};
	play_begin(&play);
	play_until(&play, ACTION_START);
	play_fail(&play, ERR_GAP, true);
	play_until(&play, ACTION_LOCATE);
	expect_begin(&play, at, 1);
	play_fail(&play, ERR_GAP, true);
	expect_exit(&play, ERR_GAP);
	play_end(&play);
}

static void
gap_refused(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.located = (struct archive_position){
		.timeline = 1, .at = 0x100000, .held = 0x100000};
	play_begin(&play);
	play_to_stream(&play);
	play_fail(&play, ERR_GAP, true);
	expect_exit(&play, ERR_GAP);
	assert_int_equal(play.count[ACTION_CONNECT], 1);
	play_end(&play);
}

/* A full disk is waited for; the server hears what is durable all the same. */
static void
full_disk(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play_begin(&play);
	play_to_stream(&play);
	play_fail_disk(&play, ENOSPC);
	play_to_state(&play, ENGINE_RETRY);
	assert_int_equal(play.closing, CLOSING_SUSPEND);
	assert_int_equal(play.last[1], ACTION_FINISH_COPY);
	play_to_stream(&play);
	play_end(&play);
}

static void
broken_disk(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play_begin(&play);
	play_to_stream(&play);
	play_fail_disk(&play, EIO);
	expect_exit(&play, ERR_SYSTEM);
	play_end(&play);
}

/* The connection is lost, and then the disk breaks: not to be tried again. */
static void
broken_disk_while_closing(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.disk_works = false;
	play_begin(&play);
	play_to_stream(&play);
	play_fail(&play, ERR_UNREACHABLE, true);
	play_until(&play, ACTION_CLOSE);
	play_answer(&play);
	play_fail_disk(&play, EIO);
	expect_exit(&play, ERR_SYSTEM);
	play_end(&play);
}

/* The disk breaks after a timeline's end, or while we stop. */
static void
broken_disk_at_the_end(void **state)
{
	(void)state;
	for (int stop = 0; stop <= 1; stop++) {
		struct play play;

		play_init(&play);
		play.disk_works = false;
		play_begin(&play);
		play_to_stream(&play);
		if (stop)
			engine_stop(&play.engine);
		else
			engine_on_copy_ended(&play.engine);
		play_until(&play, ACTION_CLOSE);
		play_answer(&play);
		play_fail_disk(&play, EIO);
		expect_exit(&play, ERR_SYSTEM);
		play_end(&play);
	}
}

/* A server that is gone when we say goodbye is no failure. */
static void
lost_at_farewell(void **state)
{
	for (int end = 0; end <= 1; end++) {
		struct play play;

		(void)state;
		play_init(&play);
		if (end)
			play.config.end = PLAY_AT + 1000;
		play_begin(&play);
		if (end) {
			play_to_state(&play, ENGINE_STREAM);
			play_quiet(&play);
			play_zeros(&play, PLAY_AT, 1000);
		} else {
			play_to_stream(&play);
			engine_stop(&play.engine);
		}
		play_to_state(&play, ENGINE_FAREWELL);
		assert_int_equal(play.action.kind, ACTION_SEND_STATUS);
		play_fail(&play, ERR_UNREACHABLE, true);
		memset(play.count, 0, sizeof(play.count));
		expect_exit(&play, ERR_NONE);
		assert_int_equal(play.count[ACTION_FINISH_COPY], 0);
		play_end(&play);
	}
}

/* With no_loop the first loss is the result, and a later stop hides nothing. */
static void
stop_hides_no_failure(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.no_loop = true;
	play.disk_works = false;
	play_begin(&play);
	play_to_stream(&play);
	play_fail(&play, ERR_UNREACHABLE, true);
	play_until(&play, ACTION_CLOSE);
	engine_stop(&play.engine);
	play.disk_works = true;
	play_answer(&play);
	expect_exit(&play, ERR_UNREACHABLE);
	play_end(&play);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normal_run),
		cmocka_unit_test(first_position),
		cmocka_unit_test(told_position),
		cmocka_unit_test(told_end),
		cmocka_unit_test(archived_position),
		cmocka_unit_test(history_order),
		cmocka_unit_test(history_of_an_ancestor),
		cmocka_unit_test(malformed_history),
		cmocka_unit_test(slots),
		cmocka_unit_test(stop_everywhere),
		cmocka_unit_test(stop_in_calls),
		cmocka_unit_test(fail_everywhere),
		cmocka_unit_test(back_off),
		cmocka_unit_test(jitter_follows_seed),
		cmocka_unit_test(retries_end),
		cmocka_unit_test(quiet_stream_counts),
		cmocka_unit_test(timeline_end),
		cmocka_unit_test(timeline_end_is_not_all_there),
		cmocka_unit_test(held_bytes_are_no_progress),
		cmocka_unit_test(timeline_already_ended),
		cmocka_unit_test(empty_ends_back_off),
		cmocka_unit_test(server_behind),
		cmocka_unit_test(end_before_start),
		cmocka_unit_test(once),
		cmocka_unit_test(gap_in_stream),
		cmocka_unit_test(gap_behind_slot),
		cmocka_unit_test(gap_again),
		cmocka_unit_test(gap_without_way_out),
		cmocka_unit_test(gap_refused),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(broken_disk),
		cmocka_unit_test(broken_disk_while_closing),
		cmocka_unit_test(broken_disk_at_the_end),
		cmocka_unit_test(lost_at_farewell),
		cmocka_unit_test(stop_hides_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
