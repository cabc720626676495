#include "cmd/backup_wal.h"

#include "base/clock.h"
#include "server/conninfo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_INTERVAL_US (10 * USECS_PER_SEC)
#define MAX_RETRIES 3
#define MEMORY_BYTES (UINT64_C(64) << 20)
#define LOOK_MS 100

void
backup_wal_init(struct backup_wal_thread *wal, struct log *log,
	struct server *leader, const struct server_options *options)
{
	*wal = (struct backup_wal_thread){
		.log = log,
		.leader = leader,
		.options = *options,
		.outer_stop_fd = options->stop_fd,
		.stop_fds = {-1, -1},
		.end_fds = {-1, -1},
		.message_fds = {-1, -1},
	};
	text_init(&wal->conninfo);
	text_init(&wal->line);
}

static bool
make_pipe(int fds[2], struct error *error)
{
	if (pipe(fds) != 0)
		return error_set_errno(error, "could not create a pipe");
	(void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	return true;
}

static void
close_pipe(int fds[2])
{
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
		fds[i] = -1;
	}
}

static bool
make_log(struct backup_wal_thread *wal, struct error *error)
{
	wal->messages = fdopen(wal->message_fds[1], "w");
	if (wal->messages == NULL)
		return error_set_errno(error, "could not open a pipe");
	wal->message_fds[1] = -1;
	(void)fcntl(wal->message_fds[0], F_SETFL, O_NONBLOCK);
	log_init(&wal->own_log, wal->messages, wal->log->program);
	wal->own_log.level = wal->log->level;
	return true;
}

/* The very server that the backup comes from, with what was typed for it. */
static bool
make_server(struct backup_wal_thread *wal, struct error *error)
{
	struct server_options *options = &wal->options;

	if (!server_conninfo(wal->leader, true, &wal->conninfo, error))
		return false;
	options->conninfo = wal->conninfo.string;
	options->host = NULL;
	options->port = NULL;
	options->user = NULL;
	options->prompt = PROMPT_NEVER;
	options->stop_fd = wal->stop_fds[0];
	return server_create(&wal->server, options, error);
}

static void
configure(
	struct backup_wal_thread *wal, const struct backup_wal_request *request)
{
	wal->config = (struct receiver_config){
		.directory = request->directory,
		.jobs = 1,
		.memory = MEMORY_BYTES,
		.sync = request->sync,
		.end_fd = wal->end_fds[0],
		.engine =
			{
				.slot = request->slot,
				.verify = true,
				.begin = request->begin,
				.status_interval_us = STATUS_INTERVAL_US,
				.receive_timeout_us =
					wal->options.command_timeout_us,
				.max_retries = MAX_RETRIES,
				.seed = (uint64_t)clock_postgres_us(),
			},
	};
}

static void *
run(void *argument)
{
	struct backup_wal_thread *wal = argument;
	struct receiver_peers peers = {
		.server = wal->server,
		.stop = &wal->stop,
		.log = &wal->own_log,
	};
	struct error error;

	if (!receiver_run(&wal->config, &peers, &error))
		wal->failure = error;
	/* The end of the messages is how the end is known. */
	(void)fclose(wal->own_log.stream);
	return NULL;
}

static bool
start(void *context, const struct backup_wal_request *request,
	struct error *error)
{
	struct backup_wal_thread *wal = context;

	if (!make_pipe(wal->stop_fds, error) ||
		!make_pipe(wal->end_fds, error) ||
		!make_pipe(wal->message_fds, error) || !make_log(wal, error))
		return false;
	wal->stop.fd = wal->stop_fds[0];
	if (!make_server(wal, error))
		return false;
	configure(wal, request);
	errno = pthread_create(&wal->thread, NULL, run, wal);
	if (errno != 0)
		return error_set_errno(error, "could not start a thread");
	wal->messages = NULL;
	wal->running = true;
	return true;
}

/* Lines begin with the program's name, as they are written there. */
static void
show_line(struct backup_wal_thread *wal)
{
	log_progress_end(wal->log);
	(void)fprintf(wal->log->stream, "%s\n", wal->line.string);
	(void)fflush(wal->log->stream);
	text_clear(&wal->line);
}

/* Pass on what is there; *ended: there will be no more. */
static void
pass_messages(struct backup_wal_thread *wal, bool *ended)
{
	char buffer[1024];
	ssize_t len;

	while ((len = read(wal->message_fds[0], buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < len; i++) {
			if (buffer[i] == '\n')
				show_line(wal);
			else
				text_append(&wal->line, &buffer[i], 1);
		}
	*ended = len == 0;
}

static void
join(struct backup_wal_thread *wal)
{
	(void)pthread_join(wal->thread, NULL);
	wal->running = false;
}

static bool
check(void *context, struct error *error)
{
	struct backup_wal_thread *wal = context;
	bool ended;

	if (!wal->running)
		return true;
	pass_messages(wal, &ended);
	if (!ended)
		return true;
	join(wal);
	if (wal->failure.code == ERR_NONE)
		return error_set(error, ERR_PROTOCOL,
			"the WAL of the backup ended too early");
	*error = wal->failure;
	return false;
}

static bool
finish(void *context, lsn end, struct error *error)
{
	struct backup_wal_thread *wal = context;
	bool ended = false;

	if (!wal->running)
		return check(wal, error);
	if (write(wal->end_fds[1], &end, sizeof(end)) != (ssize_t)sizeof(end))
		return error_set_errno(error, "could not write to a pipe");
	while (!ended) {
		struct pollfd fds[2] = {
			{.fd = wal->message_fds[0], .events = POLLIN},
			{.fd = wal->outer_stop_fd, .events = POLLIN},
		};

		(void)poll(fds, 2, -1);
		if (fds[1].revents != 0)
			return error_set(error, ERR_STOPPED, "stopped");
		pass_messages(wal, &ended);
	}
	join(wal);
	if (wal->failure.code == ERR_NONE)
		return true;
	*error = wal->failure;
	return false;
}

static void
cancel(void *context)
{
	struct backup_wal_thread *wal = context;
	bool ended;

	if (!wal->running)
		return;
	while (write(wal->stop_fds[1], "", 1) < 0 && errno == EINTR)
		continue;
	do {
		struct pollfd pollfd = {
			.fd = wal->message_fds[0], .events = POLLIN};

		(void)poll(&pollfd, 1, LOOK_MS);
		pass_messages(wal, &ended);
	} while (!ended);
	join(wal);
}

struct backup_wal
backup_wal_functions(struct backup_wal_thread *wal)
{
	return (struct backup_wal){
		.context = wal,
		.start = start,
		.check = check,
		.finish = finish,
		.cancel = cancel,
	};
}

void
backup_wal_free(struct backup_wal_thread *wal)
{
	cancel(wal);
	server_free(wal->server);
	if (wal->messages != NULL)
		(void)fclose(wal->messages);
	close_pipe(wal->stop_fds);
	close_pipe(wal->end_fds);
	close_pipe(wal->message_fds);
	text_free(&wal->conninfo);
	text_free(&wal->line);
}
