#include "base/clock.h"
#include "base/memory.h"
#include "base/service_manager.h"
#include "cmd/command.h"
#include "cmd/receive_options.h"
#include "cmd/usage.h"
#include "server/command.h"

#include <string.h>
#include <unistd.h>

/* The program that we stand in for when called by its name. */
#define DROP_IN_NAME "pg_receivewal"
#define DROP_IN_VERSION "19.0"

/*
 * Beside --memory: what libpq may take, and threads beside those that compress
 * (the disk, the clock, signals, names).
 */
#define SERVER_BYTES (UINT64_C(64) << 20)
#define OTHER_THREADS 8

static bool
is_drop_in(const struct log *log)
{
	return strcmp(log->program, DROP_IN_NAME) == 0;
}

/* How the command is called, for --help and hints. */
static const char *
command_name(const struct log *log)
{
	return is_drop_in(log) ? DROP_IN_NAME : "walfetch receive";
}

static int
print_help(const struct log *log)
{
	const char *name = command_name(log);

	(void)printf("%s streams write-ahead log from a PostgreSQL server "
		     "into an archive.\n\nUsage:\n  %s [OPTION]...\n",
		name, name);
	options_print(stdout, receive_option_specs);
	return 0;
}

static int
print_version(const struct log *log)
{
	if (is_drop_in(log))
		(void)printf(
			"%s (PostgreSQL) %s\n", DROP_IN_NAME, DROP_IN_VERSION);
	else
		(void)printf("walfetch %s\n", WALFETCH_VERSION);
	return 0;
}

static bool
manage_slot(const struct receive_options *options, struct server *server,
	struct log *log, struct error *error)
{
	const char *slot = options->receiver.engine.slot;

	if (!server_connect(server, error))
		return false;
	if (options->mode == RECEIVE_DROP_SLOT) {
		log_at(log, LOG_VERBOSE, "dropping replication slot \"%s\"",
			slot);
		return server_drop_slot(server, slot, error);
	}
	log_at(log, LOG_VERBOSE, "creating replication slot \"%s\"", slot);
	return server_create_slot(
		server, slot, false, options->if_not_exists, error);
}

static bool
stream(const struct receive_options *options,
	const struct receiver_peers *peers, struct error *error)
{
	struct receiver_config config = options->receiver;

	config.progress_width =
		progress_option_width(options->progress, options->log_level);
	config.engine.seed =
		(uint64_t)clock_postgres_us() ^ (uint64_t)getpid() << 32;
	if (!config.sync)
		log_warning(peers->log,
			"with --no-sync, WAL that is acknowledged may be lost "
			"in a power cut");
	return receiver_run(&config, peers, error);
}

static void
bound_memory(const struct receiver_config *receiver)
{
	memory_bound(receiver->memory + SERVER_BYTES +
			receiver->jobs *
				codec_encoder_memory(
					receiver->codec, receiver->level),
		receiver->jobs + OTHER_THREADS);
}

static bool
run(struct receive_options *options, struct log *log, struct error *error)
{
	struct server *server = NULL;
	struct stop stop;
	struct service_manager manager;
	struct receiver_peers peers = {
		.stop = &stop, .log = log, .manager = &manager};
	bool success = false;

	bound_memory(&options->receiver);
	if (!stop_begin(&stop, error))
		return false;
	/* What it misses, the archive does not. */
	if (!service_manager_open(&manager, error))
		log_warning_error(log, error);
	options->connection.server.stop_fd = stop.fd;
	options->connection.server.application = log->program;
	if (!server_create(&server, &options->connection.server, error) ||
		!await_server(server, &options->connection, log, error))
		goto finish;
	peers.server = server;
	if (options->mode == RECEIVE_STREAM)
		success = stream(options, &peers, error);
	else
		success = manage_slot(options, server, log, error);

finish:
	server_free(server);
	service_manager_close(&manager);
	stop_end(&stop);
	return success;
}

/* A drop-in knows only success and failure. */
static int
exit_status(const struct log *log, const struct error *error)
{
	int status = error_exit_status(error->code);

	return is_drop_in(log) && status > 1 ? 1 : status;
}

int
cmd_receive(struct log *log, int argc, char **argv)
{
	struct receive_options options;
	struct error error;

	if (!receive_options_parse(&options, argc, argv, &error)) {
		usage_hint(command_name(log), &error);
		log_error(log, &error);
		return exit_status(log, &error);
	}
	log->level = options.log_level;
	if (options.mode == RECEIVE_HELP)
		return print_help(log);
	if (options.mode == RECEIVE_VERSION)
		return print_version(log);
	if (run(&options, log, &error) || error.code == ERR_STOPPED)
		return 0;
	/* Cron jobs that overlap are no news to whom wants none. */
	if (error.code != ERR_LOCKED || log->level != LOG_QUIET)
		log_error(log, &error);
	return exit_status(log, &error);
}
