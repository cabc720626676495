#include "receive/engine_stream.h"

#include "base/clock.h"

/*
 * How long a report that was asked for waits for the disk, so that it can say
 * that everything is durable. A server that shuts down waits for just that.
 */
#define REPORT_PATIENCE_US (100 * USECS_PER_MS)

/*
 * While we do not read, the server's requests go unseen: reports go out as
 * often as the shortest sensible wal_sender_timeout wants.
 */
#define DEAF_INTERVAL_US USECS_PER_SEC

/* A synchronous leader that is far ahead hears of parts of segments so often.
 */
#define CATCH_UP_PERSIST_US (100 * USECS_PER_MS)

/* A report that waits for nothing. */
#define REPORT_NONE CLOCK_NEVER

static int64_t
earlier(int64_t a_us, int64_t b_us)
{
	return a_us < b_us ? a_us : b_us;
}

static int64_t
after(int64_t now_us, int64_t interval_us)
{
	return interval_us >= CLOCK_NEVER - now_us ? CLOCK_NEVER
						   : now_us + interval_us;
}

/* Do we say flush positions at all? */
static bool
reports_flush(const struct engine *engine)
{
	return engine->config.slot != NULL || engine->config.synchronous;
}

static lsn
lowest(lsn a, lsn b)
{
	return a < b ? a : b;
}

static lsn
highest(lsn a, lsn b)
{
	return a > b ? a : b;
}

/*
 * An earlier run, or an earlier connection, may have reported bytes of a
 * record that was not complete yet, and this stream begins before them. Of what
 * a server has lost itself, it is told the truth at once; what it still has is
 * not taken back for that.
 */
static void
raise_flush_floor(struct engine *engine, lsn reported)
{
	if (reported <= engine->identity.flushed)
		engine->flush_floor = highest(engine->flush_floor, reported);
}

/*
 * Zeros at the end of what the archive holds cannot be told from those that its
 * file was filled with: they may have been reported, too. The first byte that
 * is none says how many there can have been.
 */
static void
raise_floor_over_zeros(
	struct engine *engine, lsn at, const unsigned char *data, size_t len)
{
	lsn *held_end = &engine->held_end;

	if (*held_end == LSN_NONE)
		return;
	while (*held_end >= at && *held_end < at + len &&
		data[*held_end - at] == 0)
		(*held_end)++;
	raise_flush_floor(engine,
		*held_end < engine->identity.flushed ? *held_end + 1
						     : *held_end);
}

/* A slot knows what was reported last; the archive alone, about. */
static void
set_flush_floor(struct engine *engine)
{
	const struct archive_position *position = &engine->position;
	lsn restart = LSN_NONE;

	if (engine->slot_read && engine->slot.known)
		restart = engine->slot.restart;
	if (engine->reported_flush > engine->identity.flushed)
		engine->reported_flush = LSN_NONE;
	engine->flush_floor = engine->reported_flush;
	/* What the server has not may be of another one that was here. */
	raise_flush_floor(
		engine, lowest(position->held, engine->identity.flushed));
	raise_flush_floor(engine, restart);
	engine->held_end = LSN_NONE;
	if (restart == LSN_NONE && position->held > position->at)
		engine->held_end = position->held;
	raise_floor_over_zeros(engine, position->at, NULL, 0);
}

void
engine_stream_begin(struct engine *engine, int64_t now_us)
{
	const struct archive_position *position = &engine->position;
	struct wal_identity identity = {
		.system_identifier = engine->identity.system_identifier,
		.segment_size = engine->segment_size,
	};

	engine->in_copy = true;
	engine->received = position->at;
	engine->server_end = engine->identity.flushed;
	engine->pending = NULL;
	engine->pending_len = 0;
	engine->blocked = false;
	engine->drained = false;
	engine->caught_up = false;
	engine->persist_asked = position->at;
	set_flush_floor(engine);
	engine->flush_limit = LSN_MAX;
	engine->reported_write = LSN_NONE;
	engine->began_us = now_us;
	engine->last_heard_us = now_us;
	engine->pinged = false;
	/* The server wants to know at once where we begin. */
	engine->report_target = LSN_NONE;
	engine->report_by_us = now_us;
	engine->next_status_us = CLOCK_NEVER;
	engine->last_report_us = now_us;
	engine->away_since_us = 0;
	if (position->follows) {
		engine->verifier = position->verifier;
	} else {
		record_verifier_init(&engine->verifier, &identity);
		record_verifier_start(&engine->verifier, position->timeline,
			position->at, LSN_NONE);
	}
	engine->verifier.records = 0;
}

/* Ask for a report as soon as all that was received is durable. */
static void
want_report(struct engine *engine, int64_t now_us)
{
	engine->report_target = engine->received;
	engine->report_by_us = earlier(
		engine->report_by_us, after(now_us, REPORT_PATIENCE_US));
}

/* The flush position to report; LSN_NONE: say nothing of it. */
static lsn
flush_position(const struct engine *engine)
{
	lsn flush = lowest(engine->progress.durable, engine->flush_limit);

	if (!reports_flush(engine))
		return LSN_NONE;
	return flush < engine->flush_floor ? LSN_NONE : flush;
}

void
engine_stream_report(
	struct engine *engine, int64_t now_us, struct engine_action *action)
{
	lsn flush = flush_position(engine);

	action->kind = ACTION_SEND_STATUS;
	action->status = (struct standby_status){
		.write = lowest(engine->progress.written, engine->flush_limit),
		.flush = flush,
	};
	engine->reported_write = action->status.write;
	if (flush > engine->reported_flush) {
		engine->reported_flush = flush;
		engine->flush_floor = flush;
	}
	engine->report_by_us = REPORT_NONE;
	engine->report_target = LSN_NONE;
	engine->last_report_us = now_us;
	if (engine->config.status_interval_us > 0)
		engine->next_status_us =
			after(now_us, engine->config.status_interval_us);
}

/* Is there something new that a synchronous leader waits to hear? */
static bool
has_news(const struct engine *engine)
{
	lsn flush = flush_position(engine);

	return engine->config.synchronous && flush != LSN_NONE &&
		flush > engine->reported_flush;
}

static bool
report_is_due(const struct engine *engine, int64_t now_us)
{
	if (has_news(engine))
		return true;
	if (engine->report_by_us == REPORT_NONE)
		return false;
	return now_us >= engine->report_by_us ||
		engine->progress.durable >= engine->report_target;
}

/* Is there nothing more to read than what is on its way to the disk? */
static bool
has_all(const struct engine *engine)
{
	return engine->end != LSN_NONE && engine->received >= engine->end;
}

static bool
is_listening(const struct engine *engine)
{
	return engine->pending_len == 0 && !has_all(engine);
}

/* Will it be a while before we read again? */
static bool
is_deaf(const struct engine *engine)
{
	return engine->blocked || has_all(engine) ||
		engine->state >= ENGINE_CLOSE;
}

/* The report that goes out then sets the time of the next one. */
static void
keep_interval(struct engine *engine, int64_t now_us)
{
	if (is_deaf(engine) && engine->report_by_us == REPORT_NONE)
		engine->next_status_us = earlier(engine->next_status_us,
			after(engine->last_report_us, DEAF_INTERVAL_US));
	if (now_us < engine->next_status_us)
		return;
	engine->next_status_us = CLOCK_NEVER;
	want_report(engine, now_us);
}

bool
engine_stream_heartbeat(
	struct engine *engine, int64_t now_us, struct engine_action *action)
{
	keep_interval(engine, now_us);
	if (report_is_due(engine, now_us)) {
		engine_stream_report(engine, now_us, action);
		return true;
	}
	action->deadline_us =
		earlier(engine->next_status_us, engine->report_by_us);
	return false;
}

/*
 * The silence of a server that we do not listen to means nothing, nor does
 * what passed while this thread waited for the disk.
 */
static void
watch_silence(struct engine *engine, int64_t now_us)
{
	if (engine->away_since_us != 0)
		engine->last_heard_us += now_us - engine->away_since_us;
	engine->away_since_us = 0;
	if (is_listening(engine))
		return;
	engine->last_heard_us = now_us;
	engine->pinged = false;
}

/*
 * Only a socket that was looked at is a silent one: we may have been held up
 * ourselves.
 */
static bool
is_silent(const struct engine *engine)
{
	return engine->drained && !engine->caught_up;
}

/*
 * The server falls silent when it has nothing to send and hears from us, so
 * silence only means something after a question.
 */
static bool
ping_is_due(const struct engine *engine, int64_t now_us)
{
	return !engine->pinged && is_silent(engine) &&
		now_us >= after(engine->last_heard_us,
				  engine->config.receive_timeout_us / 2);
}

static bool
is_timed_out(struct engine *engine, int64_t now_us)
{
	if (!is_silent(engine) ||
		now_us < after(engine->last_heard_us,
				 engine->config.receive_timeout_us))
		return false;
	error_set(&engine->failure, ERR_UNREACHABLE,
		"the server sent nothing for %lld seconds",
		(long long)(engine->config.receive_timeout_us / USECS_PER_SEC));
	return true;
}

/*
 * Catching up, segments fill faster than anybody waits for a part of one, and
 * syncing those parts would take the disk from them.
 */
static bool
is_behind(const struct engine *engine)
{
	return engine->server_end > engine->received &&
		engine->server_end - engine->received > engine->segment_size;
}

/* When what arrived is persisted for a synchronous leader. */
static int64_t
persist_time(const struct engine *engine)
{
	if (!engine->config.synchronous ||
		engine->persist_asked >= engine->received)
		return CLOCK_NEVER;
	return is_behind(engine)
		? after(engine->last_persist_us, CATCH_UP_PERSIST_US)
		: 0;
}

/* Should what was received be made durable now? */
static bool
persist_is_due(const struct engine *engine, int64_t now_us)
{
	if (engine->pending_len > 0 ||
		engine->persist_asked >= engine->received)
		return false;
	if (engine->report_by_us != REPORT_NONE)
		return true;
	if (engine->drained && now_us >= persist_time(engine))
		return true;
	return has_all(engine);
}

static bool
is_complete(const struct engine *engine)
{
	return engine->end != LSN_NONE && engine->pending_len == 0 &&
		engine->progress.durable >= engine->end;
}

static int64_t
silence_deadline(const struct engine *engine)
{
	int64_t silence_us = engine->config.receive_timeout_us;

	if (!engine->pinged)
		silence_us /= 2;
	return after(engine->last_heard_us, silence_us);
}

/* action->deadline_us: when the next report is due. */
static void
wait_or_receive(struct engine *engine, struct engine_action *action)
{
	bool listening = is_listening(engine);

	if (listening && !engine->drained) {
		action->kind = ACTION_RECEIVE;
		/* To look at the socket is then better left to the wait. */
		action->at_hand = engine->caught_up;
		return;
	}
	action->kind = ACTION_WAIT;
	action->for_socket = listening;
	if (engine->pending_len == 0)
		action->deadline_us =
			earlier(action->deadline_us, persist_time(engine));
	if (listening)
		action->deadline_us =
			earlier(action->deadline_us, silence_deadline(engine));
}

bool
engine_stream_next(
	struct engine *engine, int64_t now_us, struct engine_action *action)
{
	watch_silence(engine, now_us);
	keep_interval(engine, now_us);
	if (is_complete(engine) || is_timed_out(engine, now_us))
		return false;
	if (engine->pending_len > 0 && !engine->blocked) {
		action->kind = ACTION_APPEND;
		action->data = engine->pending;
		action->len = engine->pending_len;
		return true;
	}
	if (engine->failure.code != ERR_NONE && engine->pending_len == 0)
		return false;
	if (persist_is_due(engine, now_us)) {
		engine->persist_asked = engine->received;
		engine->last_persist_us = now_us;
		action->kind = ACTION_PERSIST;
		action->here = engine->config.synchronous;
		if (action->here)
			engine->away_since_us = now_us;
		return true;
	}
	if (engine_stream_heartbeat(engine, now_us, action))
		return true;
	if (ping_is_due(engine, now_us)) {
		engine->pinged = true;
		engine_stream_report(engine, now_us, action);
		action->status.reply_wanted = true;
		return true;
	}
	wait_or_receive(engine, action);
	return true;
}

/* Is the record in work the first after the archive's own? */
static bool
joins_archive(const struct engine *engine)
{
	return engine->position.follows && engine->verifier.records == 0;
}

/* Sound WAL of a server that took another way would be spliced in unseen. */
static void
explain_divergence(struct engine *engine)
{
	struct error *failure = &engine->failure;
	struct error told = *failure;

	error_set(failure, ERR_DIVERGED,
		"the server's WAL does not continue the archive's "
		"at " LSN_FORMAT " (timeline %u): %.512s",
		LSN_ARGS(engine->position.at), engine->position.timeline,
		told.message);
	error_set_hint(failure,
		"The server was restored, or promoted elsewhere, since the "
		"archive was written, or its WAL is damaged there. Use another "
		"directory for a server that took another way.");
}

/* Check the WAL of a message; the join even for whom wants nothing checked. */
static bool
verify(struct engine *engine, const struct replication_message *message)
{
	bool joins = joins_archive(engine);

	if (!engine->config.verify && !joins)
		return true;
	if (record_verifier_feed(&engine->verifier, message->data, message->len,
		    &engine->failure))
		return true;
	if (joins && joins_archive(engine)) {
		if (engine->verifier.chain_broken)
			explain_divergence(engine);
		return false;
	}
	if (engine->config.verify)
		return false;
	error_clear(&engine->failure);
	return true;
}

/*
 * Nobody's WAL gets to the last segment there can be; up to it no end of a
 * segment wraps round.
 */
static bool
is_in_range(const struct engine *engine, size_t len)
{
	lsn limit = lsn_segment_start(LSN_MAX, engine->segment_size);

	return engine->received <= limit && len <= limit - engine->received;
}

/* Verify WAL and set aside what is good of it for the workers. */
static bool
take_wal(struct engine *engine, const struct replication_message *message)
{
	lsn good_end = message->start + message->len;
	bool good = true;

	if (message->start != engine->received)
		return error_set(&engine->failure, ERR_PROTOCOL,
			"the server sent WAL from " LSN_FORMAT
			" on, but " LSN_FORMAT " comes next",
			LSN_ARGS(message->start), LSN_ARGS(engine->received));
	if (!is_in_range(engine, message->len))
		return error_set(&engine->failure, ERR_DAMAGED,
			"WAL position " LSN_FORMAT " is out of range",
			LSN_ARGS(message->start));
	if (!verify(engine, message)) {
		good = false;
		good_end = record_verifier_boundary(&engine->verifier);
		engine->flush_limit = good_end;
	}
	raise_floor_over_zeros(
		engine, message->start, message->data, message->len);
	if (good_end > message->start) {
		engine->pending = message->data;
		engine->pending_len = (size_t)(good_end - message->start);
		engine->received = good_end;
	}
	return good;
}

bool
engine_stream_message(
	struct engine *engine, const void *data, size_t len, int64_t now_us)
{
	struct replication_message message;
	bool good = true;

	if (!replication_message_parse(&message, data, len, &engine->failure))
		return false;
	engine->last_heard_us = now_us;
	engine->pinged = false;
	engine->server_end = message.server_end;
	engine->server_sent_us = message.sent_us;
	switch (message.kind) {
	case MESSAGE_WAL_DATA:
		good = take_wal(engine, &message);
		break;
	case MESSAGE_KEEPALIVE:
		if (message.reply_wanted)
			want_report(engine, now_us);
		break;
	}
	engine->caught_up = engine->received >= engine->server_end;
	return good;
}
