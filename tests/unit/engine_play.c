#include "engine_play.h"

#include "base/byteorder.h"
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void
play_init(struct play *play)
{
	*play = (struct play){
		.config =
			{
				.end = LSN_NONE,
				.status_interval_us = 10 * USECS_PER_SEC,
				.receive_timeout_us = 60 * USECS_PER_SEC,
				.max_retries = UINT_MAX,
				.seed = 1,
			},
		.now_us = 1000 * USECS_PER_SEC,
		.identity =
			{
				.system_identifier = PLAY_SYSTEM,
				.timeline = 1,
				.flushed = PLAY_AT + 0x8000,
			},
		.slot = {.known = true, .exists = true, .physical = true},
		.start_answer = REPLICATION_STARTED,
		.disk_works = true,
		.room = SIZE_MAX,
		.idle = true,
	};
	play->message = malloc(PLAY_MESSAGE_MAX);
	assert_non_null(play->message);
}

void
play_begin(struct play *play)
{
	engine_init(&play->engine, &play->config);
}

void
play_end(struct play *play)
{
	engine_free(&play->engine);
	free(play->message);
}

static void
see_status(struct play *play)
{
	const struct standby_status *status = &play->action.status;

	play->status = *status;
	assert_true(status->flush <= play->durable);
	assert_true(status->write <= play->appended);
	if (status->flush == LSN_NONE)
		return;
	if (!play->may_go_back)
		assert_true(status->flush >= play->highest_flush);
	play->highest_flush = status->flush;
}

enum engine_action_kind
play_next(struct play *play)
{
	enum engine_action_kind kind;

	engine_next(&play->engine, play->now_us, &play->action);
	kind = play->action.kind;
	play->count[kind]++;
	if (kind == ACTION_SEND_STATUS)
		see_status(play);
	if (kind == ACTION_CLOSE)
		play->closing = play->action.closing;
	if (kind == ACTION_GET_HISTORY && play->fetched_count < 8)
		play->fetched[play->fetched_count++] = play->action.timeline;
	if (kind != ACTION_WAIT) {
		play->last[2] = play->last[1];
		play->last[1] = play->last[0];
		play->last[0] = kind;
	}
	return kind;
}

static void
tell_progress(struct play *play)
{
	struct finisher_progress progress = {
		.written = play->durable,
		.durable = play->durable,
		.idle = play->idle,
	};

	engine_on_progress(&play->engine, &progress);
}

void
play_durable(struct play *play, lsn at)
{
	assert_true(at <= play->appended);
	play->durable = at;
	tell_progress(play);
}

void
play_disk(struct play *play)
{
	play->idle = play->closing != CLOSING_NOT;
	play_durable(play, play->asked);
}

static void
answer_close(struct play *play)
{
	play->asked = play->appended;
	if (play->disk_works)
		play_disk(play);
	else
		tell_progress(play);
}

static void
answer_begin(struct play *play)
{
	const struct archive_position *position = &play->engine.position;

	assert_true(position->at != LSN_NONE);
	assert_true(position->held >= position->at);
	play->appended = position->at;
	play->durable = position->at;
	play->asked = position->at;
	play->closing = CLOSING_NOT;
	play->idle = true;
	engine_on_begun(&play->engine);
}

static void
answer_append(struct play *play)
{
	size_t len = play->action.len;

	if (len > play->room)
		len = play->room;
	play->room -= len;
	play->appended += len;
	play->idle = false;
	engine_on_appended(&play->engine, len);
}

static void
answer_wait(struct play *play)
{
	if (play->action.deadline_us == CLOCK_NEVER)
		fail_msg("the engine waits for nothing");
	if (play->action.deadline_us > play->now_us)
		play->now_us = play->action.deadline_us;
	engine_on_woken(&play->engine);
}

static void
answer_history(struct play *play)
{
	const char *text = NULL;

	if (play->action.timeline == play->identity.timeline)
		text = play->history;
	engine_on_history(&play->engine, text, text == NULL ? 0 : strlen(text));
}

static void
answer_stream(struct play *play)
{
	struct engine *engine = &play->engine;

	switch (play->action.kind) {
	case ACTION_RECEIVE:
		engine_on_drained(engine);
		break;
	case ACTION_APPEND:
		answer_append(play);
		break;
	case ACTION_PERSIST:
		play->asked = play->appended;
		if (play->disk_works)
			play_disk(play);
		break;
	case ACTION_WAIT:
		answer_wait(play);
		break;
	case ACTION_CLOSE:
		answer_close(play);
		break;
	case ACTION_FINISH_COPY:
		engine_on_copy_finished(engine);
		break;
	default:
		break;
	}
}

void
play_answer(struct play *play)
{
	struct engine *engine = &play->engine;

	switch (play->action.kind) {
	case ACTION_CONNECT:
		engine_on_connected(engine);
		break;
	case ACTION_IDENTIFY:
		engine_on_identity(engine, &play->identity, PLAY_SEGMENT);
		break;
	case ACTION_OPEN_ARCHIVE:
		engine_on_archive_open(engine);
		break;
	case ACTION_GET_HISTORY:
		answer_history(play);
		break;
	case ACTION_LOCATE:
		engine_on_located(engine, &play->located);
		break;
	case ACTION_READ_SLOT:
		engine_on_slot(engine, &play->slot);
		break;
	case ACTION_CREATE_SLOT:
		play->slot.known = true;
		play->slot.exists = true;
		engine_on_slot_created(engine);
		break;
	case ACTION_BEGIN:
		answer_begin(play);
		break;
	case ACTION_START:
		engine_on_started(engine, play->start_answer, play->now_us);
		break;
	default:
		answer_stream(play);
		break;
	}
}

void
play_until(struct play *play, enum engine_action_kind kind)
{
	for (int i = 0; i < PLAY_STEPS_MAX; i++) {
		if (play_next(play) == kind)
			return;
		if (play->action.kind == ACTION_EXIT)
			fail_msg("exit: %s", play->engine.failure.message);
		play_answer(play);
	}
	fail_msg("action %d does not come", (int)kind);
}

void
play_to_state(struct play *play, enum engine_state state)
{
	for (int i = 0; i < PLAY_STEPS_MAX; i++) {
		if (play->engine.state == state)
			return;
		(void)play_next(play);
		play_answer(play);
	}
	fail_msg("state %d does not come", (int)state);
}

void
play_quiet(struct play *play)
{
	play_until(play, ACTION_WAIT);
	if (play->action.deadline_us <= play->now_us)
		fail_msg("the engine spins");
}

void
play_sleep(struct play *play, int64_t duration_us)
{
	int64_t end_us = play->now_us + duration_us;

	assert_int_equal(play->action.kind, ACTION_WAIT);
	while (play->now_us < end_us) {
		bool longer = play->action.deadline_us > end_us;

		play->now_us = longer ? end_us : play->action.deadline_us;
		engine_on_woken(&play->engine);
		tell_progress(play);
		play_quiet(play);
	}
}

/* Be ready to receive. */
static void
await_receive(struct play *play)
{
	if (play->action.kind == ACTION_WAIT) {
		assert_true(play->action.for_socket);
		engine_on_woken(&play->engine);
	}
	if (play->action.kind != ACTION_RECEIVE)
		play_until(play, ACTION_RECEIVE);
}

static void
put_head(unsigned char *bytes, char type, lsn first)
{
	bytes[0] = (unsigned char)type;
	put_be64(bytes + 1, first);
}

void
play_wal(struct play *play, lsn start, const void *data, size_t len)
{
	unsigned char *bytes = play->message;

	assert_true(len + 25 <= PLAY_MESSAGE_MAX);
	await_receive(play);
	put_head(bytes, 'w', start);
	put_be64(bytes + 9, start + len + play->more);
	put_be64(bytes + 17, 12345);
	memcpy(bytes + 25, data, len);
	play->action.kind = ACTION_SEND_STATUS; /* RECEIVE is answered */
	engine_on_message(&play->engine, bytes, len + 25, play->now_us);
}

void
play_zeros(struct play *play, lsn start, size_t len)
{
	void *zeros = calloc(1, len + 1);

	assert_non_null(zeros);
	play_wal(play, start, zeros, len);
	free(zeros);
}

void
play_keepalive(struct play *play, bool reply_wanted)
{
	unsigned char *bytes = play->message;

	await_receive(play);
	put_head(bytes, 'k', play->engine.received);
	put_be64(bytes + 9, 12345);
	bytes[17] = reply_wanted;
	play->action.kind = ACTION_SEND_STATUS; /* RECEIVE is answered */
	engine_on_message(&play->engine, bytes, 18, play->now_us);
}

void
play_fail(struct play *play, enum error_code code, bool connection_lost)
{
	struct error error;

	error_set(&error, code, "failure %d", (int)code);
	engine_on_failure(&play->engine, &error, connection_lost);
}

void
play_fail_disk(struct play *play, int sys_errno)
{
	struct error error;

	errno = sys_errno;
	error_set_errno(&error, "could not write");
	play->idle = true;
	engine_on_failure(&play->engine, &error, false);
	tell_progress(play);
}

bool
play_to_exit(struct play *play, enum error_code *code)
{
	struct error error = {.code = ERR_NONE};
	bool success;

	for (int i = 0; play_next(play) != ACTION_EXIT; i++) {
		if (i == PLAY_STEPS_MAX)
			fail_msg("the end does not come");
		play_answer(play);
	}
	success = engine_result(&play->engine, &error);
	assert_int_equal(success, error.code == ERR_NONE);
	*code = error.code;
	return success;
}
