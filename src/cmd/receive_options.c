#include "cmd/receive_options.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/worker_pool.h"

#include <limits.h>
#include <string.h>

#define STATUS_INTERVAL_SECS 10
#define RECEIVE_TIMEOUT_SECS 60
#define ONCE_MAX_RETRIES 3
#define MEMORY_BYTES (UINT64_C(128) << 20)
/* The workers cannot do with less, so a smaller limit would be no limit. */
#define MEMORY_MIN_MB 26
#define MEMORY_MIN_MB_A_JOB 2
#define JOBS_DEFAULT_MAX 8
#define JOBS_MAX 64

enum long_option {
	OPTION_CREATE_SLOT = OPTION_LONG_ONLY,
	OPTION_DROP_SLOT,
	OPTION_IF_NOT_EXISTS,
	OPTION_NO_SYNC,
	OPTION_SYNCHRONOUS,
	OPTION_ONCE,
	OPTION_AUTO_SLOT,
	OPTION_ALLOW_GAP,
	OPTION_NO_VERIFY,
	OPTION_MEMORY,
	OPTION_JOBS,
	OPTION_MIN_FREE,
	OPTION_RECEIVE_TIMEOUT,
	OPTION_MAX_RETRIES,
	OPTION_QUIET,
	OPTION_PROGRESS
};

const struct option_spec receive_option_specs[] = {
	{0, NULL, NULL, "Options:"},
	{'D', "directory", "DIR",
		"the archive: receive WAL into this directory"},
	{'E', "endpos", "LSN",
		"exit when all WAL before this position is durable"},
	{OPTION_ONCE, "once", NULL,
		"fetch what the server has flushed by now, then exit"},
	{'n', "no-loop", NULL, "do not try again after a failure"},
	{OPTION_MAX_RETRIES, "max-retries", "N",
		"try again at most N times in a row\n"
		"(default: no limit; 3 with --once)"},
	{'S', "slot", "NAME", "replication slot to use"},
	{OPTION_AUTO_SLOT, "auto-slot", NULL,
		"create the slot, with WAL reserved, if it is missing"},
	{OPTION_SYNCHRONOUS, "synchronous", NULL,
		"make WAL durable as it arrives, and say so at once"},
	{'s', "status-interval", "SECS",
		"seconds between status updates (default: 10; 0: when asked)"},
	{'Z', "compress", "METHOD[:LEVEL]",
		"none, gzip, lz4 or zstd, with a level if wanted;\n"
		"a number alone is gzip of that level, 0 none\n"
		"(default: none)"},
	{OPTION_JOBS, "jobs", "N",
		"segments compressed at once\n"
		"(default: one for each processor, at most 8)"},
	{OPTION_MEMORY, "memory", "SIZE",
		"memory to use at most (default: 128MB)"},
	{OPTION_MIN_FREE, "min-free", "SIZE",
		"pause when less space than this is free (default: off)"},
	{OPTION_ALLOW_GAP, "allow-gap", NULL,
		"go on after WAL that the server no longer has"},
	{OPTION_NO_VERIFY, "no-verify", NULL,
		"do not verify pages and records as they arrive"},
	{OPTION_NO_SYNC, "no-sync", NULL,
		"do not wait for the disk: a power cut loses WAL"},
	{'v', "verbose", NULL, "say more; twice: for finding faults"},
	{OPTION_QUIET, "quiet", NULL, "say nothing but errors"},
	{OPTION_PROGRESS, "progress", "WHEN",
		"progress line: auto (at a terminal), always or never\n"
		"(default: auto)"},
	{'V', "version", NULL, "show the version, then exit"},
	{'?', "help", NULL, "show this help, then exit"},
	{0, NULL, NULL, "Connection options:"},
	CONNECTION_OPTION_ROWS,
	{OPTION_RECEIVE_TIMEOUT, "receive-timeout", "SECS",
		"reconnect when the server is silent for so long\n"
		"(default: 60; 0: never)"},
	{0, NULL, NULL, "Actions instead of receiving:"},
	{OPTION_CREATE_SLOT, "create-slot", NULL,
		"create the slot that --slot names, then exit"},
	{OPTION_IF_NOT_EXISTS, "if-not-exists", NULL,
		"with --create-slot: it is no error if it exists"},
	{OPTION_DROP_SLOT, "drop-slot", NULL,
		"drop the slot that --slot names, then exit"},
	{0, NULL, NULL, NULL},
};

/* What is only clear when the whole command line has been read. */
struct parsing {
	struct receive_options result;
	bool create_slot;
	bool drop_slot;
	bool max_retries_given;
};

static void
set_defaults(struct receive_options *options)
{
	*options = (struct receive_options){
		.mode = RECEIVE_STREAM,
		.log_level = LOG_NORMAL,
		.receiver =
			{
				.jobs = worker_pool_processors(
					JOBS_DEFAULT_MAX),
				.memory = MEMORY_BYTES,
				.sync = true,
				.end_fd = -1,
				.engine =
					{
						.verify = true,
						.status_interval_us =
							STATUS_INTERVAL_SECS *
							USECS_PER_SEC,
						.receive_timeout_us =
							RECEIVE_TIMEOUT_SECS *
							USECS_PER_SEC,
						.max_retries = UINT_MAX,
					},
			},
	};
	connection_options_init(&options->connection);
	options->connection.server.command_timeout_us =
		RECEIVE_TIMEOUT_SECS * USECS_PER_SEC;
}

static bool
parse_seconds(const char *value, const char *option, int64_t min,
	int64_t *interval_us, struct error *error)
{
	int64_t seconds;

	if (!number_parse(value, option, min, INT_MAX / 1000, &seconds, error))
		return false;
	*interval_us = seconds * USECS_PER_SEC;
	return true;
}

static bool
parse_unsigned(const char *value, const char *option, int64_t min, int64_t max,
	unsigned *result, struct error *error)
{
	int64_t number;

	if (!number_parse(value, option, min, max, &number, error))
		return false;
	*result = (unsigned)number;
	return true;
}

static bool
parse_end(const char *value, lsn *end, struct error *error)
{
	if (lsn_parse(value, end) && *end != LSN_NONE)
		return true;
	return error_set(
		error, ERR_USAGE, "could not parse end position \"%s\"", value);
}

static bool
parse_receive_timeout(
	struct receive_options *options, const char *value, struct error *error)
{
	int64_t timeout_us;

	if (!parse_seconds(value, "--receive-timeout", 0, &timeout_us, error))
		return false;
	if (timeout_us == 0)
		timeout_us = CLOCK_NEVER;
	options->connection.server.command_timeout_us = timeout_us;
	options->receiver.engine.receive_timeout_us = timeout_us;
	return true;
}

/* Options of the protocol's course; *known: it was one. */
static bool
take_engine_option(struct parsing *parsing, int key, const char *value,
	bool *known, struct error *error)
{
	struct engine_config *engine = &parsing->result.receiver.engine;

	*known = true;
	switch (key) {
	case 'E':
		return parse_end(value, &engine->end, error);
	case 'n':
		engine->no_loop = true;
		return true;
	case 'S':
		engine->slot = value;
		return true;
	case 's':
		return parse_seconds(value, "-s/--status-interval", 0,
			&engine->status_interval_us, error);
	case OPTION_ONCE:
		engine->once = true;
		return true;
	case OPTION_AUTO_SLOT:
		engine->auto_slot = true;
		return true;
	case OPTION_SYNCHRONOUS:
		engine->synchronous = true;
		return true;
	case OPTION_ALLOW_GAP:
		engine->allow_gap = true;
		return true;
	case OPTION_NO_VERIFY:
		engine->verify = false;
		return true;
	case OPTION_MAX_RETRIES:
		parsing->max_retries_given = true;
		return parse_unsigned(value, "--max-retries", 0, INT_MAX,
			&engine->max_retries, error);
	default:
		*known = false;
		return true;
	}
}

/* Options of the archive; *known: it was one. */
static bool
take_archive_option(struct receive_options *options, int key, const char *value,
	bool *known, struct error *error)
{
	struct receiver_config *receiver = &options->receiver;

	*known = true;
	switch (key) {
	case 'D':
		receiver->directory = value;
		return true;
	case 'Z':
		return codec_parse(
			value, &receiver->codec, &receiver->level, error);
	case OPTION_NO_SYNC:
		receiver->sync = false;
		return true;
	case OPTION_MEMORY:
		return size_parse(value, "--memory", &receiver->memory, error);
	case OPTION_MIN_FREE:
		return size_parse(
			value, "--min-free", &receiver->min_free, error);
	case OPTION_JOBS:
		return parse_unsigned(
			value, "--jobs", 1, JOBS_MAX, &receiver->jobs, error);
	default:
		*known = false;
		return true;
	}
}

static bool
take_other_option(struct parsing *parsing, int key, const char *value,
	struct error *error)
{
	struct receive_options *options = &parsing->result;

	switch (key) {
	case OPTION_CREATE_SLOT:
		parsing->create_slot = true;
		return true;
	case OPTION_DROP_SLOT:
		parsing->drop_slot = true;
		return true;
	case OPTION_IF_NOT_EXISTS:
		options->if_not_exists = true;
		return true;
	case OPTION_QUIET:
		options->log_level = LOG_QUIET;
		return true;
	case OPTION_RECEIVE_TIMEOUT:
		return parse_receive_timeout(options, value, error);
	case OPTION_PROGRESS:
		return progress_option_parse(value, &options->progress, error);
	case 'v':
		options->log_level = log_level_raise(options->log_level);
		return true;
	case 'V':
		options->mode = RECEIVE_VERSION;
		return true;
	case '?':
		options->mode = RECEIVE_HELP;
		return true;
	default:
		return error_set(error, ERR_USAGE, "unrecognized option");
	}
}

static bool
take_option(struct parsing *parsing, int key, const char *value,
	struct error *error)
{
	struct receive_options *options = &parsing->result;
	bool known;

	if (!connection_option_take(
		    &options->connection, key, value, &known, error))
		return false;
	if (!known && !take_engine_option(parsing, key, value, &known, error))
		return false;
	if (!known && !take_archive_option(options, key, value, &known, error))
		return false;
	return known || take_other_option(parsing, key, value, error);
}

static bool
check_slot_actions(const struct parsing *parsing, struct error *error)
{
	const char *action =
		parsing->create_slot ? "--create-slot" : "--drop-slot";

	if (parsing->create_slot && parsing->drop_slot)
		return error_set(error, ERR_USAGE,
			"cannot use --create-slot together with --drop-slot");
	if ((parsing->create_slot || parsing->drop_slot) &&
		parsing->result.receiver.engine.slot == NULL)
		return error_set(error, ERR_USAGE,
			"%s needs a slot to be specified using --slot", action);
	if (parsing->result.if_not_exists && !parsing->create_slot)
		return error_set(error, ERR_USAGE,
			"--if-not-exists needs --create-slot");
	return true;
}

static bool
check_memory(const struct receiver_config *receiver, struct error *error)
{
	unsigned least_mb =
		MEMORY_MIN_MB + MEMORY_MIN_MB_A_JOB * receiver->jobs;

	if (receiver->memory >= (uint64_t)least_mb << 20)
		return true;
	return error_set(error, ERR_USAGE,
		"--memory must be at least %uMB with --jobs=%u", least_mb,
		receiver->jobs);
}

static bool
check_receiving(const struct receive_options *options, struct error *error)
{
	const struct receiver_config *receiver = &options->receiver;

	if (receiver->engine.synchronous && !receiver->sync)
		return error_set(error, ERR_USAGE,
			"cannot use --synchronous together with --no-sync");
	if (receiver->engine.auto_slot && receiver->engine.slot == NULL)
		return error_set(error, ERR_USAGE,
			"--auto-slot needs a slot to be specified using "
			"--slot");
	if (receiver->directory == NULL && options->mode == RECEIVE_STREAM)
		return error_set(
			error, ERR_USAGE, "no target directory specified");
	return check_memory(receiver, error);
}

static void
settle(struct parsing *parsing)
{
	struct receive_options *options = &parsing->result;

	if (parsing->create_slot)
		options->mode = RECEIVE_CREATE_SLOT;
	if (parsing->drop_slot)
		options->mode = RECEIVE_DROP_SLOT;
	if (options->receiver.engine.once && !parsing->max_retries_given)
		options->receiver.engine.max_retries = ONCE_MAX_RETRIES;
}

bool
receive_options_parse(struct receive_options *result, int argc, char **argv,
	struct error *error)
{
	struct options options = {
		.specs = receive_option_specs,
		.argc = argc,
		.argv = argv,
	};
	struct parsing parsing = {.create_slot = false};
	int key;

	set_defaults(&parsing.result);
	while ((key = options_next(&options, error)) >= 0) {
		if (!take_option(&parsing, key, options.value, error))
			return false;
		if (parsing.result.mode == RECEIVE_HELP ||
			parsing.result.mode == RECEIVE_VERSION)
			goto finish;
	}
	if (key == OPTION_ERROR)
		return false;
	if (!options_check_operands(&options, 0, error))
		return false;
	if (!check_slot_actions(&parsing, error))
		return false;
	settle(&parsing);
	if (!check_receiving(&parsing.result, error))
		return false;

finish:
	*result = parsing.result;
	return true;
}
