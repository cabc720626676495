#include "receive/receiver.h"

#include "base/clock.h"
#include "receive/announcement.h"
#include "receive/bulletin.h"
#include "receive/display.h"
#include "receive/heartbeat.h"
#include "receive/preparation.h"
#include "receive/report.h"
#include "server/copy_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* How often a stream that never pauses looks at everything else. */
#define LOOK_INTERVAL_US (10 * USECS_PER_MS)

struct receiver {
	const struct receiver_config *config;
	struct server *server;
	const struct stop *stop;
	struct log *log;
	struct engine engine;
	struct preparation preparation;
	int wake_fds[2];	   /* the workers write to the second */
	struct finisher *finisher; /* of one connection; NULL: none */
	bool finisher_failed;
	struct heartbeat *heartbeat; /* in synchronous mode */
	struct standby_status last_status;
	bool streamed;		     /* over this connection */
	struct copy_message message; /* its WAL may not be appended yet */
	struct display display;
	struct bulletin bulletin;
	struct announcement announcement;
	int64_t next_look_us;
	bool end_known; /* what end_fd had to say */
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
		.wake_fds = {-1, -1},
	};
	engine_init(&receiver->engine, &config->engine);
	display_init(&receiver->display, config, peers->log);
	announcement_init(&receiver->announcement, peers->manager);
	return preparation_open(&receiver->preparation, config, peers,
		       &receiver->engine, error) &&
		bulletin_open(
			&receiver->bulletin, &receiver->preparation, error) &&
		open_wake_pipe(receiver, error) &&
		(!config->engine.synchronous ||
			heartbeat_create(&receiver->heartbeat, error));
}

/* failure NULL: it ended as asked. */
static void
receiver_close(struct receiver *receiver, const struct error *failure)
{
	display_free(&receiver->display);
	heartbeat_free(receiver->heartbeat);
	finisher_destroy(receiver->finisher);
	bulletin_close(&receiver->bulletin, failure);
	announcement_end(&receiver->announcement, failure);
	server_disconnect(receiver->server);
	copy_message_free(&receiver->message);
	for (int i = 0; i < 2; i++)
		if (receiver->wake_fds[i] >= 0)
			(void)close(receiver->wake_fds[i]);
	preparation_close(&receiver->preparation);
	engine_free(&receiver->engine);
}

/* A step on the archive failed. */
static void
fail_archive(struct receiver *receiver, const struct error *error)
{
	engine_on_failure(&receiver->engine, error, false);
}

/* A server call failed. */
static void
fail_server(struct receiver *receiver, const struct error *error)
{
	engine_on_failure(&receiver->engine, error, true);
}

static bool
create_finisher(struct receiver *receiver, struct error *error)
{
	struct finisher_config config = {
		.directory = &receiver->preparation.directory,
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

static void
do_begin(struct receiver *receiver)
{
	struct error error;

	if ((receiver->finisher == NULL &&
		    !create_finisher(receiver, &error)) ||
		!preparation_accept_gap(&receiver->preparation, &error)) {
		fail_archive(receiver, &error);
		return;
	}
	finisher_begin(receiver->finisher, &receiver->engine.position);
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
do_receive(struct receiver *receiver, const struct engine_action *action,
	int64_t now_us)
{
	enum copy_status status;
	struct error error;

	copy_message_free(&receiver->message);
	if (!copy_receive(receiver->server, action->at_hand, &status,
		    &receiver->message, &error)) {
		fail_server(receiver, &error);
		return;
	}
	switch (status) {
	case COPY_MESSAGE:
		engine_on_message(&receiver->engine, receiver->message.data,
			receiver->message.len, now_us);
		display_magic(&receiver->display, &receiver->engine);
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

/* Tell the engine how far the workers are. */
static void
look_at_workers(struct receiver *receiver)
{
	struct engine *engine = &receiver->engine;
	struct finisher_progress progress;
	struct error error;

	if (receiver->finisher == NULL)
		return;
	finisher_progress(receiver->finisher, &progress);
	display_completed(&receiver->display, engine, receiver->finisher);
	display_space(&receiver->display, engine, progress.space_short);
	if (!receiver->finisher_failed &&
		finisher_failed(receiver->finisher, &error)) {
		receiver->finisher_failed = true;
		fail_archive(receiver, &error);
	}
	if (receiver->finisher_failed)
		progress.idle = true;
	engine_on_progress(engine, &progress);
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

/* What woke us is seen after this; before it, it might be missed. */
static void
empty_wake_pipe(struct receiver *receiver)
{
	char bytes[64];

	while (read(receiver->wake_fds[0], bytes, sizeof(bytes)) ==
		(ssize_t)sizeof(bytes))
		continue;
}

/* A pipe hands over so few bytes all at once. */
static void
look_at_end(struct receiver *receiver)
{
	struct pollfd pollfd = {
		.fd = receiver->config->end_fd, .events = POLLIN};
	lsn end;

	if (receiver->end_known || poll(&pollfd, 1, 0) != 1)
		return;
	receiver->end_known = true;
	if (read(pollfd.fd, &end, sizeof(end)) == (ssize_t)sizeof(end))
		engine_set_end(&receiver->engine, end);
}

static void
look_around(struct receiver *receiver, int64_t now_us)
{
	if (now_us < receiver->next_look_us)
		return;
	receiver->next_look_us = now_us + LOOK_INTERVAL_US;
	look_at_stop(receiver);
	look_at_end(receiver);
	empty_wake_pipe(receiver);
	look_at_workers(receiver);
	display_progress(&receiver->display, &receiver->engine, now_us);
	bulletin_look(&receiver->bulletin, now_us);
	announcement_look(&receiver->announcement, &receiver->engine, now_us);
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
		{.fd = events != 0 ? server_socket(receiver->server) : -1,
			.events = events},
		{.fd = receiver->wake_fds[0], .events = POLLIN},
		{.fd = receiver->engine.stopping ? -1 : receiver->stop->fd,
			.events = POLLIN},
		{.fd = receiver->end_known ? -1 : receiver->config->end_fd,
			.events = POLLIN},
	};
	int64_t now_us = clock_monotonic_us();
	int ready;

	bulletin_look(&receiver->bulletin, now_us);
	announcement_look(&receiver->announcement, &receiver->engine, now_us);
	if (deadline_us > receiver->display.due_us)
		deadline_us = receiver->display.due_us;
	if (deadline_us > receiver->bulletin.due_us)
		deadline_us = receiver->bulletin.due_us;
	if (deadline_us > receiver->announcement.due_us)
		deadline_us = receiver->announcement.due_us;
	ready = poll(fds, sizeof(fds) / sizeof(fds[0]),
		clock_poll_timeout_ms(deadline_us, now_us));
	/* When it is the server alone, there is nothing else to look at. */
	if (ready != 1 || fds[0].revents == 0)
		receiver->next_look_us = 0;
	if (unsent && fds[0].revents != 0)
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
	case ACTION_IDENTIFY:
	case ACTION_OPEN_ARCHIVE:
	case ACTION_GET_HISTORY:
	case ACTION_LOCATE:
	case ACTION_READ_SLOT:
	case ACTION_CREATE_SLOT:
		preparation_carry_out(&receiver->preparation, action);
		break;
	case ACTION_BEGIN:
		do_begin(receiver);
		break;
	case ACTION_START:
		do_start(receiver);
		break;
	case ACTION_RECEIVE:
		do_receive(receiver, action, now_us);
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
	receiver_close(&receiver, success ? NULL : error);
	return success;
}
