#include "receive/receiver.h"

#include "archive/gap_record.h"
#include "archive/history_file.h"
#include "archive/lock.h"
#include "base/clock.h"
#include "receive/heartbeat.h"
#include "receive/progress.h"
#include "receive/report.h"
#include "server/copy_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* How often a stream that never pauses looks at everything else. */
#define LOOK_INTERVAL_US (10 * USECS_PER_MS)

#define DISPLAY_INTERVAL_US (USECS_PER_SEC / 2)

struct receiver {
	const struct receiver_config *config;
	struct server *server;
	const struct stop *stop;
	struct log *log;
	struct engine engine;
	struct directory directory;
	int lock_fd;
	int wake_fds[2];	   /* the workers write to the second */
	struct finisher *finisher; /* of one connection; NULL: none */
	bool finisher_failed;
	struct heartbeat *heartbeat; /* in synchronous mode */
	struct standby_status last_status;
	bool space_short;
	bool streamed; /* over this connection */
	bool warned_of_magic;
	struct archive_position located; /* before the engine completed it */
	struct copy_message message;	 /* its WAL may not be appended yet */
	struct progress progress;
	struct text progress_line;
	int64_t next_look_us;
	int64_t next_display_us; /* CLOCK_NEVER: no display */
};

static bool
open_wake_pipe(struct receiver *receiver, struct error *error)
{
	if (pipe(receiver->wake_fds) != 0)
		return error_set_errno(error, "could not create a pipe");
	for (int i = 0; i < 2; i++) {
		(void)fcntl(receiver->wake_fds[i], F_SETFD, FD_CLOEXEC);
		(void)fcntl(receiver->wake_fds[i], F_SETFL, O_NONBLOCK);
	}
	return true;
}

static bool
receiver_open(struct receiver *receiver, const struct receiver_config *config,
	const struct receiver_peers *peers, struct error *error)
{
	*receiver = (struct receiver){
		.config = config,
		.server = peers->server,
		.stop = peers->stop,
		.log = peers->log,
		.lock_fd = -1,
		.wake_fds = {-1, -1},
		.next_display_us = config->progress_width > 0 ? 0 : CLOCK_NEVER,
	};
	engine_init(&receiver->engine, &config->engine);
	text_init(&receiver->progress_line);
	progress_init(&receiver->progress);
	directory_init(&receiver->directory);
	receiver->directory.sync = config->sync;
	return directory_open(&receiver->directory, config->directory, error) &&
		open_wake_pipe(receiver, error) &&
		(!config->engine.synchronous ||
			heartbeat_create(&receiver->heartbeat, error));
}

static void
receiver_close(struct receiver *receiver)
{
	log_progress_end(receiver->log);
	heartbeat_free(receiver->heartbeat);
	finisher_destroy(receiver->finisher);
	server_disconnect(receiver->server);
	copy_message_free(&receiver->message);
	for (int i = 0; i < 2; i++)
		if (receiver->wake_fds[i] >= 0)
			(void)close(receiver->wake_fds[i]);
	archive_lock_release(receiver->lock_fd);
	directory_close(&receiver->directory);
	text_free(&receiver->progress_line);
	engine_free(&receiver->engine);
}

/* A server call failed. */
static void
fail_server(struct receiver *receiver, const struct error *error)
{
	engine_on_failure(&receiver->engine, error, true);
	if (error->code == ERR_STOPPED)
		engine_stop(&receiver->engine);
}

/* A step on the archive failed. */
static void
fail_archive(struct receiver *receiver, const struct error *error)
{
	engine_on_failure(&receiver->engine, error, false);
}

static void
do_connect(struct receiver *receiver)
{
	struct error error;

	if (!server_connect(receiver->server, &error)) {
		fail_server(receiver, &error);
		return;
	}
	log_at(receiver->log, LOG_VERBOSE, "connected to %s",
		server_address(receiver->server));
	engine_on_connected(&receiver->engine);
}

static void
do_identify(struct receiver *receiver)
{
	struct server *server = receiver->server;
	struct server_identity identity;
	uint32_t segment_size;
	bool group_access;
	struct error error;

	if (!server_identify(server, &identity, &error) ||
		!server_segment_size(server, &segment_size, &error) ||
		!server_group_access(server, &group_access, &error)) {
		fail_server(receiver, &error);
		return;
	}
	receiver->directory.file_mode = group_access ? 0640 : 0600;
	engine_on_identity(&receiver->engine, &identity, segment_size);
}

/* What the archive folder needs to know of us and of the server. */
static struct archive_resume
describe(struct receiver *receiver, struct text *notices)
{
	const struct engine *engine = &receiver->engine;

	return (struct archive_resume){
		.directory = &receiver->directory,
		.identity =
			{
				.system_identifier =
					engine->identity.system_identifier,
				.segment_size = engine->segment_size,
			},
		.codec = receiver->config->codec,
		.level = receiver->config->level,
		.notices = notices,
	};
}

static void
do_open_archive(struct receiver *receiver)
{
	struct archive_resume resume = describe(receiver, NULL);
	struct error error;

	if ((receiver->lock_fd < 0 &&
		    !archive_lock_acquire(&receiver->directory,
			    &receiver->lock_fd, &error)) ||
		!archive_check_identity(&resume, &error)) {
		fail_archive(receiver, &error);
		return;
	}
	engine_on_archive_open(&receiver->engine);
}

/* Fetch and store a file; a server without it is not a failure. */
static bool
fetch_history(struct receiver *receiver, uint32_t timeline, struct text *text,
	struct error *error)
{
	if (server_fetch_history(receiver->server, timeline, text, error))
		return history_file_store(
			&receiver->directory, timeline, text, error);
	if (error->code != ERR_NOT_FOUND)
		return false;
	log_warning_error(receiver->log, error);
	text_clear(text);
	return history_file_read(&receiver->directory, timeline, text, error) ||
		error->code == ERR_NOT_FOUND;
}

static void
do_get_history(struct receiver *receiver, const struct engine_action *action)
{
	struct text text;
	struct error error;
	bool success = true;

	text_init(&text);
	if (action->timeline > 1 &&
		(action->fetch ||
			!history_file_read(&receiver->directory,
				action->timeline, &text, &error))) {
		text_clear(&text);
		success = fetch_history(
			receiver, action->timeline, &text, &error);
	}
	if (success)
		engine_on_history(&receiver->engine, text.string, text.len);
	else
		fail_server(receiver, &error);
	text_free(&text);
}

static void
log_notices(struct receiver *receiver, const struct text *notices)
{
	const char *line = notices->string;

	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		log_warning(receiver->log, "%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static void
do_locate(struct receiver *receiver)
{
	struct text notices;
	struct archive_resume resume = describe(receiver, &notices);
	struct error error;
	bool success;

	text_init(&notices);
	success = archive_locate(
		&resume, &receiver->engine.history, &receiver->located, &error);
	log_notices(receiver, &notices);
	text_free(&notices);
	if (success)
		engine_on_located(&receiver->engine, &receiver->located);
	else
		fail_archive(receiver, &error);
}

static void
do_read_slot(struct receiver *receiver)
{
	struct server_slot slot;
	struct error error;

	if (server_read_slot(receiver->server, receiver->config->engine.slot,
		    &slot, &error))
		engine_on_slot(&receiver->engine, &slot);
	else
		fail_server(receiver, &error);
}

static void
do_create_slot(struct receiver *receiver)
{
	const char *name = receiver->config->engine.slot;
	struct error error;

	if (!server_create_slot(receiver->server, name, true, true, &error)) {
		fail_server(receiver, &error);
		return;
	}
	log_at(receiver->log, LOG_NORMAL, "created replication slot \"%s\"",
		name);
	engine_on_slot_created(&receiver->engine);
}

static bool
create_finisher(struct receiver *receiver, struct error *error)
{
	struct finisher_config config = {
		.directory = &receiver->directory,
		.segment_size = receiver->engine.segment_size,
		.codec = receiver->config->codec,
		.level = receiver->config->level,
		.jobs = receiver->config->jobs,
		.memory = receiver->config->memory,
		.min_free = receiver->config->min_free,
		.fill_ahead = receiver->config->engine.synchronous,
		.wake_fd = receiver->wake_fds[1],
	};

	return finisher_create(&receiver->finisher, &config, error);
}

/* The engine steps over WAL that the server no longer has: say so for ever. */
static bool
accept_gap(struct receiver *receiver, struct error *error)
{
	struct gap gap = {
		.timeline = receiver->located.timeline,
		.begin = receiver->located.at,
		.end = receiver->engine.position.at,
	};

	log_warning(receiver->log,
		"WAL from " LSN_FORMAT " to " LSN_FORMAT
		" is missing from the archive, as --allow-gap permits",
		LSN_ARGS(gap.begin), LSN_ARGS(gap.end));
	return gap_record_add(&receiver->directory, &gap, error);
}

static void
do_begin(struct receiver *receiver)
{
	const struct archive_position *position = &receiver->engine.position;
	const struct archive_position *located = &receiver->located;
	struct error error;

	if (receiver->finisher == NULL && !create_finisher(receiver, &error)) {
		fail_archive(receiver, &error);
		return;
	}
	if (located->at != LSN_NONE && position->at > located->at &&
		!accept_gap(receiver, &error)) {
		fail_archive(receiver, &error);
		return;
	}
	finisher_begin(receiver->finisher, position);
	engine_on_begun(&receiver->engine);
}

static void
do_start(struct receiver *receiver)
{
	const struct archive_position *position = &receiver->engine.position;
	struct replication_request request = {
		.slot = receiver->config->engine.slot,
		.timeline = position->timeline,
		.at = position->at,
	};
	enum replication_start result;
	struct timeline_switch next;
	struct error error;

	log_at(receiver->log, LOG_VERBOSE,
		"starting log streaming at " LSN_FORMAT " (timeline %u)",
		LSN_ARGS(position->at), position->timeline);
	if (!server_start_replication(
		    receiver->server, &request, &result, &next, &error)) {
		fail_server(receiver, &error);
		return;
	}
	receiver->streamed = true;
	engine_on_started(&receiver->engine, result, clock_monotonic_us());
}

static void
warn_of_magic(struct receiver *receiver)
{
	const struct record_verifier *verifier = &receiver->engine.verifier;

	if (verifier->state != VERIFIER_OFF || receiver->warned_of_magic)
		return;
	receiver->warned_of_magic = true;
	log_warning(receiver->log,
		"WAL page magic %04X is of no known version of PostgreSQL; "
		"records are not verified",
		verifier->magic);
}

static void
do_receive(struct receiver *receiver, int64_t now_us)
{
	enum copy_status status;
	struct error error;

	copy_message_free(&receiver->message);
	if (!copy_receive(
		    receiver->server, &status, &receiver->message, &error)) {
		fail_server(receiver, &error);
		return;
	}
	switch (status) {
	case COPY_MESSAGE:
		engine_on_message(&receiver->engine, receiver->message.data,
			receiver->message.len, now_us);
		warn_of_magic(receiver);
		break;
	case COPY_DRAINED:
		engine_on_drained(&receiver->engine);
		break;
	case COPY_ENDED:
		engine_on_copy_ended(&receiver->engine);
		break;
	}
}

static void
do_send_status(struct receiver *receiver, const struct engine_action *action)
{
	const struct standby_status *status = &action->status;
	struct error error;

	log_at(receiver->log, LOG_DEBUG,
		"reporting write " LSN_FORMAT ", flush " LSN_FORMAT,
		LSN_ARGS(status->write), LSN_ARGS(status->flush));
	receiver->last_status = *status;
	receiver->last_status.reply_wanted = false;
	if (!report_send(receiver->server, status, &error))
		fail_server(receiver, &error);
}

static void
log_completed(struct receiver *receiver)
{
	uint32_t timeline;
	uint64_t number;

	while (finisher_completed(receiver->finisher, &timeline, &number)) {
		char name[SEGMENT_NAME_LEN + 1];

		segment_name_format(
			name, timeline, number, receiver->engine.segment_size);
		log_at(receiver->log, LOG_VERBOSE, "finished segment %s%s",
			name, codec_suffix(receiver->config->codec));
	}
}

static void
log_space(struct receiver *receiver, bool space_short)
{
	if (space_short == receiver->space_short)
		return;
	receiver->space_short = space_short;
	/* The end uses what space is left, which is no news. */
	if (receiver->engine.state == ENGINE_CLOSE)
		return;
	if (space_short)
		log_warning(receiver->log,
			"less than %llu bytes are free in \"%s\"; waiting for "
			"space",
			(unsigned long long)receiver->config->min_free,
			receiver->directory.path);
	else
		log_warning(receiver->log, "going on: space is free again");
}

/* Tell the engine how far the workers are. */
static void
look_at_workers(struct receiver *receiver)
{
	struct finisher_progress progress;
	struct error error;
	char bytes[64];

	while (read(receiver->wake_fds[0], bytes, sizeof(bytes)) > 0)
		continue;
	if (receiver->finisher == NULL)
		return;
	finisher_progress(receiver->finisher, &progress);
	log_completed(receiver);
	log_space(receiver, progress.space_short);
	if (!receiver->finisher_failed &&
		finisher_failed(receiver->finisher, &error)) {
		receiver->finisher_failed = true;
		fail_archive(receiver, &error);
	}
	if (receiver->finisher_failed)
		progress.idle = true;
	engine_on_progress(&receiver->engine, &progress);
}

/* The way of a commit that somebody waits for; see receive/heartbeat.h. */
static void
do_persist_here(struct receiver *receiver)
{
	heartbeat_begin(
		receiver->heartbeat, receiver->server, &receiver->last_status);
	finisher_persist_here(receiver->finisher);
	heartbeat_end(receiver->heartbeat);
	look_at_workers(receiver);
}

static void
look_at_stop(struct receiver *receiver)
{
	if (receiver->engine.stopping || !stop_requested(receiver->stop))
		return;
	log_at(receiver->log, LOG_VERBOSE, "received a signal, stopping");
	engine_stop(&receiver->engine);
}

static void
show_progress(struct receiver *receiver, int64_t now_us)
{
	const struct engine *engine = &receiver->engine;
	struct progress_sample sample = {
		.now_us = now_us,
		.wall_us = clock_postgres_us(),
		.sent_us = engine->server_sent_us,
		.received = engine->received,
		.server_end = engine->server_end,
	};

	if (now_us < receiver->next_display_us)
		return;
	receiver->next_display_us = now_us + DISPLAY_INTERVAL_US;
	if (engine->state != ENGINE_STREAM) {
		progress_init(&receiver->progress);
		return;
	}
	progress_update(&receiver->progress, &sample,
		receiver->config->progress_width, &receiver->progress_line);
	log_progress(receiver->log, receiver->progress_line.string);
}

static void
look_around(struct receiver *receiver, int64_t now_us)
{
	if (now_us < receiver->next_look_us)
		return;
	receiver->next_look_us = now_us + LOOK_INTERVAL_US;
	look_at_stop(receiver);
	look_at_workers(receiver);
	show_progress(receiver, now_us);
}

static void
flush_copy(struct receiver *receiver)
{
	struct error error;

	if (!copy_flush(receiver->server, &error))
		fail_server(receiver, &error);
}

static void
do_wait(struct receiver *receiver, const struct engine_action *action)
{
	int64_t deadline_us = action->deadline_us;
	bool unsent = receiver->engine.in_copy && copy_unsent(receiver->server);
	short events = (short)((action->for_socket ? POLLIN : 0) |
		(unsent ? POLLOUT : 0));
	struct pollfd fds[] = {
		{.fd = receiver->wake_fds[0], .events = POLLIN},
		{.fd = receiver->engine.stopping ? -1 : receiver->stop->fd,
			.events = POLLIN},
		{.fd = events != 0 ? server_socket(receiver->server) : -1,
			.events = events},
	};

	if (deadline_us > receiver->next_display_us)
		deadline_us = receiver->next_display_us;
	(void)poll(fds, sizeof(fds) / sizeof(fds[0]),
		clock_poll_timeout_ms(deadline_us, clock_monotonic_us()));
	receiver->next_look_us = 0;
	if (unsent && fds[2].revents != 0)
		flush_copy(receiver);
	engine_on_woken(&receiver->engine);
}

static void
do_close(struct receiver *receiver, const struct engine_action *action)
{
	finisher_close(receiver->finisher, action->closing);
	look_at_workers(receiver);
}

static void
do_finish_copy(struct receiver *receiver)
{
	bool wanted = receiver->engine.state == ENGINE_END_COPY;
	struct timeline_switch next;
	struct error error;

	if (!copy_finish(receiver->server, &next, &error)) {
		/* When it is we who leave, how the server takes it is its
		 * own affair. */
		if (wanted)
			fail_server(receiver, &error);
		return;
	}
	if (wanted && next.timeline != 0)
		log_at(receiver->log, LOG_VERBOSE,
			"timeline %u ended; the server goes on with timeline "
			"%u at " LSN_FORMAT,
			receiver->engine.position.timeline, next.timeline,
			LSN_ARGS(next.begin));
	engine_on_copy_finished(&receiver->engine);
}

static void
do_hang_up(struct receiver *receiver, int64_t now_us)
{
	const struct engine *engine = &receiver->engine;
	struct error error;

	if (receiver->streamed)
		log_at(receiver->log, LOG_VERBOSE,
			"stopped log streaming at " LSN_FORMAT " (timeline %u)",
			LSN_ARGS(engine->received), engine->position.timeline);
	server_disconnect(receiver->server);
	finisher_destroy(receiver->finisher);
	receiver->finisher = NULL;
	receiver->finisher_failed = false;
	receiver->streamed = false;
	if (engine->state == ENGINE_RETRY && !engine_result(engine, &error)) {
		log_warning_error(receiver->log, &error);
		log_at(receiver->log, LOG_NORMAL, "trying again in %.1f s",
			(double)(engine->retry_at_us - now_us) /
				(double)USECS_PER_SEC);
	}
}

static void
carry_out(struct receiver *receiver, const struct engine_action *action,
	int64_t now_us)
{
	switch (action->kind) {
	case ACTION_CONNECT:
		do_connect(receiver);
		break;
	case ACTION_IDENTIFY:
		do_identify(receiver);
		break;
	case ACTION_OPEN_ARCHIVE:
		do_open_archive(receiver);
		break;
	case ACTION_GET_HISTORY:
		do_get_history(receiver, action);
		break;
	case ACTION_LOCATE:
		do_locate(receiver);
		break;
	case ACTION_READ_SLOT:
		do_read_slot(receiver);
		break;
	case ACTION_CREATE_SLOT:
		do_create_slot(receiver);
		break;
	case ACTION_BEGIN:
		do_begin(receiver);
		break;
	case ACTION_START:
		do_start(receiver);
		break;
	case ACTION_RECEIVE:
		do_receive(receiver, now_us);
		break;
	case ACTION_APPEND:
		engine_on_appended(&receiver->engine,
			finisher_append(
				receiver->finisher, action->data, action->len));
		break;
	case ACTION_PERSIST:
		if (action->here)
			do_persist_here(receiver);
		else
			finisher_persist(receiver->finisher);
		break;
	case ACTION_SEND_STATUS:
		do_send_status(receiver, action);
		break;
	case ACTION_WAIT:
		do_wait(receiver, action);
		break;
	case ACTION_CLOSE:
		do_close(receiver, action);
		break;
	case ACTION_FINISH_COPY:
		do_finish_copy(receiver);
		break;
	case ACTION_HANG_UP:
		do_hang_up(receiver, now_us);
		break;
	case ACTION_EXIT:
		break;
	}
}

bool
receiver_run(const struct receiver_config *config,
	const struct receiver_peers *peers, struct error *error)
{
	struct receiver receiver;
	struct engine_action action;
	bool success;

	success = receiver_open(&receiver, config, peers, error);
	while (success) {
		int64_t now_us = clock_monotonic_us();

		look_around(&receiver, now_us);
		engine_next(&receiver.engine, now_us, &action);
		if (action.kind == ACTION_EXIT)
			break;
		carry_out(&receiver, &action, now_us);
	}
	if (success)
		success = engine_result(&receiver.engine, error);
	receiver_close(&receiver);
	return success;
}
