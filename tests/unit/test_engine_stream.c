#include "receive/engine_stream.h"

#include "base/clock.h"
#include "engine_play.h"
#include "wal_builder.h"

#include <stdlib.h>
#include <string.h>

#define SECOND USECS_PER_SEC
#define PATIENCE_US (100 * USECS_PER_MS)

/* In the stream, waiting. */
static void
begin_stream(struct play *play)
{
	play_begin(play);
	play_to_state(play, ENGINE_STREAM);
	play_quiet(play);
	assert_int_equal(play->count[ACTION_SEND_STATUS], 1);
	play->count[ACTION_SEND_STATUS] = 0;
}

/* The same with a disk that is slow: only play_disk makes things durable. */
static void
begin_slowly(struct play *play)
{
	play->disk_works = false;
	begin_stream(play);
}

static void
expect_exit(struct play *play, enum error_code expected)
{
	enum error_code code;

	(void)play_to_exit(play, &code);
	assert_int_equal(code, expected);
}

/* Messages of any length, and across segment borders. */
static void
messages_of_any_length(void **state)
{
	static const size_t lens[] = {1, 0, 7, 8192, PLAY_SEGMENT,
		3 * PLAY_SEGMENT + 5, 2, PLAY_SEGMENT - 1, 131072};
	struct play play;
	lsn at = PLAY_AT;

	(void)state;
	play_init(&play);
	begin_stream(&play);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		play_zeros(&play, at, lens[i]);
		at += lens[i];
		play_quiet(&play);
		assert_int_equal(play.appended, at);
		assert_int_equal(play.engine.received, at);
	}
	play_end(&play);
}

static void
malformed_messages(void **state)
{
	static const char *const messages[] = {"", "w", "w0123456789", "k",
		"k0123456789abcde", "x0123456789abcdefghijklmnop"};

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct play play;

		play_init(&play);
		play.config.no_loop = true;
		begin_stream(&play);
		engine_on_woken(&play.engine);
		play_until(&play, ACTION_RECEIVE);
		engine_on_message(&play.engine, messages[i],
			strlen(messages[i]), play.now_us);
		expect_exit(&play, ERR_PROTOCOL);
		assert_int_equal(play.count[ACTION_FINISH_COPY], 0);
		play_end(&play);
	}
}

static void
wal_out_of_place(void **state)
{
	static const int64_t offsets[] = {1, -1, -100, PLAY_SEGMENT};

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct play play;

		play_init(&play);
		play.config.no_loop = true;
		begin_stream(&play);
		play_zeros(&play, PLAY_AT, 100);
		play_quiet(&play);
		play_zeros(&play, PLAY_AT + 100 + (lsn)offsets[i], 50);
		expect_exit(&play, ERR_PROTOCOL);
		assert_int_equal(play.appended, PLAY_AT + 100);
		play_end(&play);
	}
}

/* Reply requested: persist, answer when durable. */
static void
reply_when_durable(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.slot = "s";
	begin_slowly(&play);
	play_zeros(&play, PLAY_AT, 100);
	play_quiet(&play);
	assert_int_equal(play.count[ACTION_PERSIST], 0);
	play_keepalive(&play, true);
	play_quiet(&play);
	assert_int_equal(play.count[ACTION_PERSIST], 1);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 0);
	assert_int_equal(play.action.deadline_us, play.now_us + PATIENCE_US);
	play.now_us += 1000;
	engine_on_woken(&play.engine);
	play_disk(&play);
	assert_int_equal(play_next(&play), ACTION_SEND_STATUS);
	assert_int_equal(play.status.flush, PLAY_AT + 100);
	assert_int_equal(play.status.write, PLAY_AT + 100);
	assert_false(play.status.reply_wanted);
	play_quiet(&play);
	assert_int_equal(play.count[ACTION_PERSIST], 1);
	play_end(&play);
}

/* The disk is slow: the answer says what there is. */
static void
reply_in_time(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.slot = "s";
	begin_slowly(&play);
	play_zeros(&play, PLAY_AT, 100);
	play_quiet(&play);
	play_keepalive(&play, true);
	play_quiet(&play);
	play_sleep(&play, PATIENCE_US - 1);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 0);
	play_sleep(&play, 1);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 1);
	assert_int_equal(play.status.flush, PLAY_AT);
	play_end(&play);
}

/* Asked again and again by a server that shuts down, with nothing new. */
static void
reply_with_nothing_new(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	begin_stream(&play);
	for (unsigned i = 1; i <= 3; i++) {
		play_keepalive(&play, true);
		assert_int_equal(play_next(&play), ACTION_SEND_STATUS);
		assert_int_equal(play.count[ACTION_SEND_STATUS], i);
		play_quiet(&play);
	}
	play_keepalive(&play, false);
	play_quiet(&play);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 3);
	play_end(&play);
}

/* The server asks, hears that all is durable, and goes. */
static void
server_shutdown(void **state)
{
	for (int error = 0; error <= 1; error++) {
		struct play play;

		(void)state;
		play_init(&play);
		begin_stream(&play);
		play_zeros(&play, PLAY_AT, 5000);
		play_keepalive(&play, true);
		play_quiet(&play);
		assert_int_equal(play.status.write, PLAY_AT + 5000);
		assert_int_equal(play.status.flush, LSN_NONE);
		engine_on_woken(&play.engine);
		play_until(&play, ACTION_RECEIVE);
		if (error)
			play_fail(&play, ERR_UNREACHABLE, true);
		else
			engine_on_copy_ended(&play.engine);
		play_until(&play, error ? ACTION_CONNECT : ACTION_FINISH_COPY);
		if (!error)
			play_fail(&play, ERR_UNREACHABLE, true);
		play_to_state(&play, ENGINE_STREAM);
		play_end(&play);
	}
}

static void
status_interval(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.slot = "s";
	play.config.receive_timeout_us = CLOCK_NEVER;
	begin_stream(&play);
	play_zeros(&play, PLAY_AT, 100);
	play_quiet(&play);
	play_sleep(&play, 10 * SECOND - 1);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 0);
	assert_int_equal(play.count[ACTION_PERSIST], 0);
	play_sleep(&play, 1);
	assert_int_equal(play.count[ACTION_PERSIST], 1);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 1);
	assert_int_equal(play.status.flush, PLAY_AT + 100);
	play_sleep(&play, 30 * SECOND);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 4);
	assert_int_equal(play.count[ACTION_PERSIST], 1);
	play_end(&play);
}

/* The disk hangs: an interval's report is late by the patience at most. */
static void
status_interval_slow_disk(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	begin_slowly(&play);
	play_zeros(&play, PLAY_AT, 100);
	play_quiet(&play);
	play_sleep(&play, 10 * SECOND + PATIENCE_US);
	assert_int_equal(play.count[ACTION_PERSIST], 1);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 1);
	play_sleep(&play, 10 * SECOND + PATIENCE_US);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 2);
	play_end(&play);
}

static void
no_status_interval(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.status_interval_us = 0;
	play.config.receive_timeout_us = CLOCK_NEVER;
	begin_stream(&play);
	play_zeros(&play, PLAY_AT, 100);
	play_quiet(&play);
	assert_true(play.action.deadline_us - play.now_us > 1000000 * SECOND);
	play_keepalive(&play, true);
	play_quiet(&play);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 1);
	assert_int_equal(play.status.write, PLAY_AT + 100);
	play_end(&play);
}

/* A stream that never pauses reports all the same. */
static void
busy_stream_reports(void **state)
{
	struct play play;
	lsn at = PLAY_AT;

	(void)state;
	play_init(&play);
	play.config.slot = "s";
	begin_slowly(&play);
	for (int i = 0; i < 250; i++) {
		play_zeros(&play, at, 64);
		at += 64;
		play.now_us += PATIENCE_US;
		play_until(&play, ACTION_RECEIVE);
	}
	assert_in_range(play.count[ACTION_SEND_STATUS], 2, 3);
	assert_in_range(play.count[ACTION_PERSIST], 2, 8);
	play_end(&play);
}

static void
synchronous(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.synchronous = true;
	begin_slowly(&play);
	play_zeros(&play, PLAY_AT, 100);
	play_until(&play, ACTION_RECEIVE);
	play_zeros(&play, PLAY_AT + 100, 100);
	play_until(&play, ACTION_RECEIVE);
	assert_int_equal(play.count[ACTION_PERSIST], 0);
	play_answer(&play);
	play_until(&play, ACTION_PERSIST);
	play_answer(&play);
	play_quiet(&play);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 0);
	play_durable(&play, PLAY_AT + 150);
	engine_on_woken(&play.engine);
	play_quiet(&play);
	assert_int_equal(play.status.flush, PLAY_AT + 150);
	play_disk(&play);
	engine_on_woken(&play.engine);
	play_quiet(&play);
	assert_int_equal(play.status.flush, PLAY_AT + 200);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 2);
	assert_int_equal(play.count[ACTION_PERSIST], 1);
	play_end(&play);
}

/*
 * Far behind, a synchronous receiver persists parts of segments now and then,
 * not with each message; near the end it is as above.
 */
static void
synchronous_behind(void **state)
{
	struct play play;
	lsn at = PLAY_AT;

	(void)state;
	play_init(&play);
	play.config.synchronous = true;
	begin_slowly(&play);
	play.more = 3 * PLAY_SEGMENT;
	play_zeros(&play, at, 100);
	play_quiet(&play);
	assert_int_equal(play.count[ACTION_PERSIST], 1);
	for (int i = 0; i < 10; i++) {
		at += 100;
		play_zeros(&play, at, 100);
		play_quiet(&play);
	}
	assert_int_equal(play.count[ACTION_PERSIST], 1);
	/* It does not wait for more to come. */
	play_sleep(&play, SECOND / 10);
	assert_int_equal(play.count[ACTION_PERSIST], 2);
	play.more = PLAY_SEGMENT - 100;
	play_zeros(&play, at + 100, 100);
	play_quiet(&play);
	assert_int_equal(play.count[ACTION_PERSIST], 3);
	play_end(&play);
}

/* A server that had no more when it sent this is not asked again in vain. */
static void
caught_up(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.synchronous = true;
	begin_slowly(&play);
	play_until(&play, ACTION_WAIT);
	engine_on_woken(&play.engine);
	play_until(&play, ACTION_RECEIVE);
	assert_false(play.action.at_hand);
	play_zeros(&play, PLAY_AT, 100);
	play_until(&play, ACTION_RECEIVE);
	assert_true(play.action.at_hand);
	play_answer(&play);
	play_until(&play, ACTION_PERSIST);
	play_answer(&play);
	play_quiet(&play);
	/* But to call it silent, the socket is to be looked at. */
	play_keepalive(&play, false);
	play_until(&play, ACTION_RECEIVE);
	assert_true(play.action.at_hand);
	play_answer(&play);
	play.now_us += 90 * SECOND;
	play_until(&play, ACTION_WAIT);
	assert_int_equal(play.engine.state, ENGINE_STREAM);
	engine_on_woken(&play.engine);
	play_until(&play, ACTION_RECEIVE);
	assert_false(play.action.at_hand);
	play.more = 1;
	play_zeros(&play, PLAY_AT + 100, 100);
	play_until(&play, ACTION_RECEIVE);
	assert_false(play.action.at_hand);
	play_end(&play);
}

static void
no_flush_without_slot(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	begin_stream(&play);
	assert_int_equal(play.status.flush, LSN_NONE);
	play_zeros(&play, PLAY_AT, 100);
	play_keepalive(&play, true);
	play_quiet(&play);
	assert_int_equal(play.status.write, PLAY_AT + 100);
	assert_int_equal(play.status.flush, LSN_NONE);
	engine_stop(&play.engine);
	expect_exit(&play, ERR_NONE);
	assert_int_equal(play.status.flush, LSN_NONE);
	play_end(&play);
}

/* Receive len bytes from where the stream is and have them reported. */
static void
receive_and_report(struct play *play, size_t len)
{
	play_zeros(play, play->engine.received, len);
	play_keepalive(play, true);
	play_quiet(play);
}

/* A reconnect begins lower: nothing below what was reported is. */
static void
flush_over_reconnect(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.slot = "s";
	play.slot.restart = PLAY_AT;
	begin_stream(&play);
	receive_and_report(&play, 1000);
	assert_int_equal(play.status.flush, PLAY_AT + 1000);
	play_fail(&play, ERR_UNREACHABLE, true);
	play.located = (struct archive_position){
		.timeline = 1, .at = PLAY_AT + 800, .held = PLAY_AT + 900};
	play_to_state(&play, ENGINE_STREAM);
	play_quiet(&play);
	assert_int_equal(play.status.flush, LSN_NONE);
	receive_and_report(&play, 199);
	assert_int_equal(play.status.flush, LSN_NONE);
	assert_int_equal(play.status.write, PLAY_AT + 999);
	receive_and_report(&play, 2);
	assert_int_equal(play.status.flush, PLAY_AT + 1001);
	play_end(&play);
}

static void
expect_floor(struct play *play, lsn floor)
{
	size_t below = (size_t)(floor - 1 - PLAY_AT);

	play->config.slot = "s";
	begin_stream(play);
	assert_int_equal(play->status.flush, LSN_NONE);
	receive_and_report(play, below);
	assert_int_equal(play->status.flush, LSN_NONE);
	receive_and_report(play, 1);
	assert_int_equal(play->status.flush, floor);
	play_end(play);
}

static void
flush_floors(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.located = (struct archive_position){
		.timeline = 1, .at = PLAY_AT, .held = PLAY_AT + 500};
	play.slot.restart = PLAY_AT;
	expect_floor(&play, PLAY_AT + 500);

	play_init(&play);
	play.located = (struct archive_position){
		.timeline = 1, .at = PLAY_AT, .held = PLAY_AT};
	play.slot.restart = PLAY_AT + 600;
	expect_floor(&play, PLAY_AT + 600);
}

/* What is held beyond the server's end came from another one that was here. */
static void
flush_floor_at_the_server_end(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.synchronous = true;
	play.identity.flushed = PLAY_AT + 540;
	play.located = (struct archive_position){
		.timeline = 1, .at = PLAY_AT, .held = PLAY_AT + 700};
	begin_stream(&play);
	receive_and_report(&play, 500);
	assert_int_equal(play.status.flush, LSN_NONE);
	receive_and_report(&play, 40);
	assert_int_equal(play.status.flush, PLAY_AT + 540);
	play_end(&play);
}

/*
 * Without a slot the archive alone says what an earlier run reported, and not
 * whether zeros were part of it.
 */
static void
flush_floor_over_zeros(void **state)
{
	unsigned char bytes[8] = {0};
	struct play play;

	(void)state;
	play_init(&play);
	play.config.synchronous = true;
	play.located = (struct archive_position){
		.timeline = 1, .at = PLAY_AT, .held = PLAY_AT + 500};
	begin_stream(&play);
	receive_and_report(&play, 500);
	assert_int_equal(play.status.flush, LSN_NONE);
	receive_and_report(&play, 40);
	assert_int_equal(play.status.write, PLAY_AT + 540);
	assert_int_equal(play.status.flush, LSN_NONE);
	bytes[3] = 1;
	play_wal(&play, PLAY_AT + 540, bytes, 3);
	play_quiet(&play);
	assert_int_equal(play.status.flush, LSN_NONE);
	play_wal(&play, PLAY_AT + 543, bytes + 3, 5);
	play_quiet(&play);
	assert_int_equal(play.status.flush, PLAY_AT + 548);
	play_end(&play);

	/* All that the server has may have been reported, and will be. */
	play_init(&play);
	play.config.synchronous = true;
	play.identity.flushed = PLAY_AT + 540;
	play.located = (struct archive_position){
		.timeline = 1, .at = PLAY_AT, .held = PLAY_AT + 500};
	begin_stream(&play);
	receive_and_report(&play, 540);
	assert_int_equal(play.status.flush, PLAY_AT + 540);
	play_end(&play);
}

/* After much was reported, a server with less of it leads a new timeline. */
static void
promote_with_less(struct play *play, lsn restart)
{
	play_init(play);
	play->config.slot = "s";
	begin_stream(play);
	receive_and_report(play, 0x9000);
	assert_int_equal(play->status.flush, PLAY_AT + 0x9000);
	play_fail(play, ERR_UNREACHABLE, true);
	play->identity.timeline = 2;
	play->history = "1\t0/302000\n";
	play->identity.flushed = PLAY_AT + 0x3000;
	if (restart != LSN_NONE)
		play->slot.restart = restart;
	play->located = (struct archive_position){
		.timeline = 2, .at = PLAY_AT, .held = PLAY_AT};
	play->may_go_back = true;
	play_to_state(play, ENGINE_STREAM);
	play_quiet(play);
}

/* It has more than its slot was told: that one is not set back. */
static void
flush_floor_of_slot(void **state)
{
	struct play play;

	(void)state;
	promote_with_less(&play, PLAY_AT + 0x1000);
	assert_int_equal(play.status.flush, LSN_NONE);
	receive_and_report(&play, 0xFFF);
	assert_int_equal(play.status.flush, LSN_NONE);
	receive_and_report(&play, 1);
	assert_int_equal(play.status.flush, PLAY_AT + 0x1000);
	play_end(&play);
}

/* A server that lost WAL itself is told the truth at once. */
static void
flush_floor_dropped(void **state)
{
	struct play play;

	(void)state;
	promote_with_less(&play, LSN_NONE);
	assert_int_equal(play.status.flush, PLAY_AT);
	receive_and_report(&play, 0x3000);
	assert_int_equal(play.status.flush, PLAY_AT + 0x3000);
	play_end(&play);
}

/* WAL whose record at *bad fails its checks. */
static void
build_damaged(struct wal_builder *b, lsn *bad)
{
	wal_builder_init(b, PLAY_AT);
	wal_builder_add_many(b, 20000);
	*bad = wal_builder_add(b, 3000);
	*wal_builder_at(b, *bad + 2000) ^= 1;
	wal_builder_add_many(b, 3000);
}

/* Feed it all, in pieces; stops where the engine does. */
static void
feed_damaged(struct play *play, struct wal_builder *b, size_t piece)
{
	lsn at = b->base;

	while (at < b->at && play->engine.failure.code == ERR_NONE) {
		size_t len = (size_t)(b->at - at);

		if (len > piece)
			len = piece;
		play_wal(play, at, wal_builder_at(b, at), len);
		at += len;
		if (play->engine.failure.code == ERR_NONE)
			play_quiet(play);
	}
	assert_int_equal(play->engine.failure.code, ERR_DAMAGED);
}

static void
damaged_record(void **state)
{
	static const size_t pieces[] = {100, 1024, 8192, 1000000};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct wal_builder b;
		struct play play;
		lsn bad;

		build_damaged(&b, &bad);
		play_init(&play);
		play.config.verify = true;
		play.config.slot = "s";
		begin_stream(&play);
		feed_damaged(&play, &b, pieces[i]);
		expect_exit(&play, ERR_DAMAGED);
		assert_int_equal(error_exit_status(ERR_DAMAGED), 5);
		assert_int_equal(play.status.flush, bad);
		assert_int_equal(play.status.write, bad);
		assert_true(play.appended >= bad);
		assert_true(play.appended < bad + 3000);
		assert_int_equal(play.closing, CLOSING_SUSPEND);
		assert_int_equal(play.last[2], ACTION_FINISH_COPY);
		play_end(&play);
		wal_builder_free(&b);
	}
}

/* Bytes of it were acknowledged before it was known: no step back is said. */
static void
damaged_record_acknowledged(void **state)
{
	struct wal_builder b;
	struct play play;
	lsn bad;
	size_t good;

	(void)state;
	build_damaged(&b, &bad);
	good = (size_t)(bad - PLAY_AT);
	play_init(&play);
	play.config.verify = true;
	play.config.synchronous = true;
	begin_stream(&play);
	play_wal(&play, PLAY_AT, b.bytes, good + 100);
	play_quiet(&play);
	assert_int_equal(play.status.flush, bad + 100);
	play_wal(&play, bad + 100, wal_builder_at(&b, bad + 100), 5000);
	expect_exit(&play, ERR_DAMAGED);
	assert_int_equal(play.status.flush, LSN_NONE);
	assert_int_equal(play.appended, bad + 100);
	play_end(&play);
	wal_builder_free(&b);
}

/* The archive ends at PLAY_AT, inside a record or between two. */
static void
begin_behind(struct play *play, struct wal_builder *b, bool verify)
{
	struct archive_position *located = &play->located;
	struct wal_identity identity = {PLAY_SYSTEM, PLAY_SEGMENT};
	struct error error;

	play_init(play);
	play->config.verify = verify;
	*located = (struct archive_position){
		.timeline = 1,
		.at = PLAY_AT,
		.held = PLAY_AT,
		.follows = true,
	};
	record_verifier_init(&located->verifier, &identity);
	record_verifier_start(&located->verifier, 1, b->base, LSN_NONE);
	assert_true(record_verifier_feed(&located->verifier, b->bytes,
		(size_t)(PLAY_AT - b->base), &error));
	begin_stream(play);
}

/* The server's WAL is sound, but it is not the archive's. */
static void
diverged(void **state)
{
	(void)state;
	for (int verify = 0; verify < 2; verify++) {
		struct wal_builder ours;
		struct wal_builder theirs;
		struct play play;

		wal_builder_init(&ours, PLAY_AT - PLAY_SEGMENT);
		wal_builder_leave_room(&ours, 0);
		wal_builder_add_many(&ours, PLAY_SEGMENT - 9000);
		wal_builder_add(&ours, 60000);
		wal_builder_init(&theirs, PLAY_AT);
		wal_builder_add_many(&theirs, 5000);
		begin_behind(&play, &ours, verify != 0);
		play_wal(
			&play, PLAY_AT, theirs.bytes, wal_builder_len(&theirs));
		expect_exit(&play, ERR_DIVERGED);
		assert_int_equal(play.appended, PLAY_AT);
		assert_non_null(strstr(play.engine.failure.message,
			"does not continue the archive's"));
		play_end(&play);
		wal_builder_free(&ours);
		wal_builder_free(&theirs);
	}
}

/* What continues the archive goes on, and damage later on is damage. */
static void
continued(void **state)
{
	struct wal_builder b;
	struct play play;
	size_t rest;

	(void)state;
	wal_builder_init(&b, PLAY_AT - PLAY_SEGMENT);
	wal_builder_add_many(&b, PLAY_SEGMENT - 9000);
	wal_builder_add(&b, 60000);
	wal_builder_add_many(&b, PLAY_SEGMENT + 80000);
	rest = (size_t)(b.at - PLAY_AT);
	begin_behind(&play, &b, true);
	*wal_builder_at(&b, b.at - 16) ^= 1;
	play_wal(&play, PLAY_AT, wal_builder_at(&b, PLAY_AT), rest);
	expect_exit(&play, ERR_DAMAGED);
	assert_true(play.appended > PLAY_AT + 50000);
	play_end(&play);
	wal_builder_free(&b);
}

static void
not_verified(void **state)
{
	struct wal_builder b;
	struct play play;
	lsn bad;

	(void)state;
	build_damaged(&b, &bad);
	play_init(&play);
	begin_stream(&play);
	play_wal(&play, PLAY_AT, b.bytes, wal_builder_len(&b));
	play_quiet(&play);
	assert_int_equal(play.appended, b.at);
	play_end(&play);
	wal_builder_free(&b);
}

/* A stop while bad WAL waits for memory does not hide it. */
static void
damaged_and_stopped(void **state)
{
	struct wal_builder b;
	struct play play;
	lsn bad;

	(void)state;
	build_damaged(&b, &bad);
	play_init(&play);
	play.config.verify = true;
	begin_stream(&play);
	play.room = 10;
	play_wal(&play, PLAY_AT, b.bytes, wal_builder_len(&b));
	play_until(&play, ACTION_WAIT);
	engine_stop(&play.engine);
	expect_exit(&play, ERR_DAMAGED);
	play_end(&play);
	wal_builder_free(&b);
}

/* Nonsense is worth another try, but not after a stop. */
static void
nonsense_and_stopped(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	begin_stream(&play);
	play_zeros(&play, PLAY_AT + 1, 10);
	engine_stop(&play.engine);
	expect_exit(&play, ERR_NONE);
	assert_int_equal(play.closing, CLOSING_ABANDON);
	play_end(&play);
}

static void
end_in_message(void **state)
{
	static const lsn ends[] = {PLAY_AT + 1, PLAY_AT + 999, PLAY_AT + 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct play play;

		play_init(&play);
		play.config.end = ends[i];
		play.config.slot = "s";
		begin_slowly(&play);
		play_zeros(&play, PLAY_AT, 1000);
		play_quiet(&play);
		assert_int_equal(play.count[ACTION_PERSIST], 1);
		assert_false(play.action.for_socket);
		play_durable(&play, ends[i] - 1);
		engine_on_woken(&play.engine);
		play_quiet(&play);
		assert_int_equal(play.engine.state, ENGINE_STREAM);
		play.disk_works = true;
		play_disk(&play);
		expect_exit(&play, ERR_NONE);
		assert_int_equal(play.status.flush, PLAY_AT + 1000);
		assert_int_equal(play.closing, CLOSING_ABANDON);
		play_end(&play);
	}
}

static void
end_not_reached(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.end = PLAY_AT + 1001;
	begin_stream(&play);
	play_zeros(&play, PLAY_AT, 1000);
	play_quiet(&play);
	assert_true(play.action.for_socket);
	assert_int_equal(play.engine.state, ENGINE_STREAM);
	play_end(&play);
}

/* No memory: nothing is read, everything is reported, for as long as it takes.
 */
static void
blocked_workers(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.slot = "s";
	begin_slowly(&play);
	play.room = 300;
	play_zeros(&play, PLAY_AT, 1000);
	play_quiet(&play);
	assert_int_equal(play.appended, PLAY_AT + 300);
	memset(play.count, 0, sizeof(play.count));
	play_sleep(&play, 200 * SECOND);
	assert_int_equal(play.count[ACTION_RECEIVE], 0);
	assert_false(play.action.for_socket);
	assert_in_range(play.count[ACTION_SEND_STATUS], 150, 200);
	assert_false(play.status.reply_wanted);
	assert_true(play.count[ACTION_APPEND] < 600);
	/* There is memory again: the rest goes in, and the stream goes on. */
	play.room = SIZE_MAX;
	engine_on_woken(&play.engine);
	play_durable(&play, PLAY_AT + 300);
	play_quiet(&play);
	assert_int_equal(play.engine.state, ENGINE_STREAM);
	assert_int_equal(play.appended, PLAY_AT + 1000);
	assert_int_equal(play.count[ACTION_RECEIVE], 1);
	assert_true(play.action.for_socket);
	play_end(&play);
}

/* Everything up to the end is here: the silence while the disk works is ours.
 */
static void
slow_disk_at_end(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.end = PLAY_AT + 1000;
	begin_slowly(&play);
	play_zeros(&play, PLAY_AT, 1000);
	play_quiet(&play);
	play_sleep(&play, 200 * SECOND);
	assert_int_equal(play.engine.state, ENGINE_STREAM);
	assert_in_range(play.count[ACTION_SEND_STATUS], 150, 200);
	play_end(&play);
}

/* We were stopped for a minute ourselves: what came meanwhile counts. */
static void
held_up_ourselves(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	begin_stream(&play);
	play.now_us += 90 * SECOND;
	engine_on_woken(&play.engine);
	play_until(&play, ACTION_RECEIVE);
	play_zeros(&play, PLAY_AT, 10);
	play_quiet(&play);
	assert_int_equal(play.engine.state, ENGINE_STREAM);
	assert_int_equal(play.count[ACTION_CONNECT], 1);
	play_end(&play);
}

static void
receive_timeout(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.no_loop = true;
	play.config.status_interval_us = 0;
	begin_stream(&play);
	play_sleep(&play, 30 * SECOND - 1);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 0);
	play_sleep(&play, 1);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 1);
	assert_true(play.status.reply_wanted);
	play_keepalive(&play, false);
	play_quiet(&play);
	play_sleep(&play, 60 * SECOND - 1);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 2);
	assert_int_equal(play.engine.failure.code, ERR_NONE);
	play_answer(&play);
	expect_exit(&play, ERR_UNREACHABLE);
	assert_int_equal(play.count[ACTION_FINISH_COPY], 0);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 2);
	play_end(&play);
}

static void
receive_timeout_off(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.receive_timeout_us = CLOCK_NEVER;
	begin_stream(&play);
	play_sleep(&play, 100000 * SECOND);
	assert_int_equal(play.engine.state, ENGINE_STREAM);
	assert_false(play.status.reply_wanted);
	play_end(&play);
}

/* The workers need time to close: the server hears of us, in time. */
static void
status_while_closing(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.slot = "s";
	begin_slowly(&play);
	play_zeros(&play, PLAY_AT, 1000);
	play_quiet(&play);
	play_keepalive(&play, true);
	play_quiet(&play);
	engine_stop(&play.engine);
	play_quiet(&play);
	assert_int_equal(play.action.deadline_us, play.now_us + PATIENCE_US);
	play_sleep(&play, PATIENCE_US);
	assert_int_equal(play.count[ACTION_SEND_STATUS], 1);
	play_sleep(&play, 60 * SECOND);
	assert_in_range(play.count[ACTION_SEND_STATUS], 45, 61);
	assert_int_equal(play.engine.state, ENGINE_CLOSE);
	play_disk(&play);
	expect_exit(&play, ERR_NONE);
	assert_int_equal(play.status.flush, PLAY_AT + 1000);
	play_end(&play);
}

/* What waited for memory when the stop came is not acknowledged. */
static void
stop_while_blocked(void **state)
{
	struct play play;

	(void)state;
	play_init(&play);
	play.config.synchronous = true;
	begin_stream(&play);
	play.room = 300;
	play_zeros(&play, PLAY_AT, 1000);
	play_until(&play, ACTION_WAIT);
	engine_stop(&play.engine);
	expect_exit(&play, ERR_NONE);
	assert_int_equal(play.status.flush, PLAY_AT + 300);
	assert_int_equal(play.status.write, PLAY_AT + 300);
	play_end(&play);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_of_any_length),
		cmocka_unit_test(malformed_messages),
		cmocka_unit_test(wal_out_of_place),
		cmocka_unit_test(reply_when_durable),
		cmocka_unit_test(reply_in_time),
		cmocka_unit_test(reply_with_nothing_new),
		cmocka_unit_test(server_shutdown),
		cmocka_unit_test(status_interval),
		cmocka_unit_test(status_interval_slow_disk),
		cmocka_unit_test(no_status_interval),
		cmocka_unit_test(busy_stream_reports),
		cmocka_unit_test(synchronous),
		cmocka_unit_test(synchronous_behind),
		cmocka_unit_test(caught_up),
		cmocka_unit_test(no_flush_without_slot),
		cmocka_unit_test(flush_over_reconnect),
		cmocka_unit_test(flush_floors),
		cmocka_unit_test(flush_floor_at_the_server_end),
		cmocka_unit_test(flush_floor_over_zeros),
		cmocka_unit_test(flush_floor_of_slot),
		cmocka_unit_test(flush_floor_dropped),
		cmocka_unit_test(damaged_record),
		cmocka_unit_test(damaged_record_acknowledged),
		cmocka_unit_test(diverged),
		cmocka_unit_test(continued),
		cmocka_unit_test(not_verified),
		cmocka_unit_test(damaged_and_stopped),
		cmocka_unit_test(nonsense_and_stopped),
		cmocka_unit_test(end_in_message),
		cmocka_unit_test(end_not_reached),
		cmocka_unit_test(blocked_workers),
		cmocka_unit_test(slow_disk_at_end),
		cmocka_unit_test(held_up_ourselves),
		cmocka_unit_test(receive_timeout),
		cmocka_unit_test(receive_timeout_off),
		cmocka_unit_test(status_while_closing),
		cmocka_unit_test(stop_while_blocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
