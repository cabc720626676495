#include "backup/backup.h"
#include "archive/json_words.h"
#include "backup/chunk_queue.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "cmd/backup_options.h"
#include "cmd/backup_wal.h"
#include "cmd/command.h"
#include "cmd/json_output.h"
#include "cmd/standard_output.h"
#include "cmd/usage.h"

#include <inttypes.h>
#include <malloc.h>
#include <unistd.h>

/* Columns of a progress line when the terminal does not tell its width. */
#define PROGRESS_WIDTH 80

#define COMMAND_NAME "walfetch backup"

/* What libpq, a decoder, queues and windows of WAL may take; an old manifest.
 */
#define MEMORY_BYTES (UINT64_C(320) << 20)
#define MANIFEST_BYTES (UINT64_C(2) << 30)
#define THREADS 16

static int
print_help(void)
{
	(void)printf("%s takes a base backup of a PostgreSQL server.\n\n"
		     "Usage:\n  %s [OPTION]...\n",
		COMMAND_NAME, COMMAND_NAME);
	options_print(stdout, backup_option_specs);
	return 0;
}

/*
 * What waits for the writer grows and shrinks all the time. Given back to the
 * kernel and fetched again, its pages would cost a seventh of our time.
 */
static void
keep_memory(void)
{
#ifdef M_TRIM_THRESHOLD
	(void)mallopt(M_TRIM_THRESHOLD, (int)(2 * CHUNK_QUEUE_BYTES));
#endif
}

static int
progress_width(void)
{
	int width = terminal_width(STDERR_FILENO);

	if (!isatty(STDERR_FILENO))
		return 0;
	return width > 0 ? width : PROGRESS_WIDTH;
}

static bool
take(struct backup_options *options, struct server *server,
	const struct stop *stop, struct log *log, struct backup_result *result,
	struct error *error)
{
	struct backup_wal_thread thread;
	struct backup_wal wal;
	struct backup_peers peers = {
		.server = server,
		.stop = stop,
		.log = log,
		.wal = &wal,
	};
	bool ok;

	backup_wal_init(&thread, log, server, &options->connection.server);
	wal = backup_wal_functions(&thread);
	if (!options->backup.sync)
		log_warning(log,
			"with --no-sync, the backup may be lost in a power "
			"cut");
	options->backup.progress_width = progress_width();
	ok = backup_run(&options->backup, &peers, result, error);
	backup_wal_free(&thread);
	return ok;
}

/* What each file needs comes on top, see backup/manifest.h. */
static void
bound_memory(const struct backup_config *backup)
{
	memory_bound(MEMORY_BYTES +
			codec_encoder_memory(backup->codec, backup->level) +
			(backup->incremental != NULL ? MANIFEST_BYTES : 0),
		THREADS);
}

static bool
run(struct backup_options *options, struct log *log,
	struct backup_result *result, struct error *error)
{
	struct server *server = NULL;
	struct stop stop;
	bool ok = false;

	bound_memory(&options->backup);
	if (!stop_begin(&stop, error))
		return false;
	options->connection.server.stop_fd = stop.fd;
	options->connection.server.application = log->program;
	if (server_create(&server, &options->connection.server, error) &&
		await_server(server, &options->connection, log, error))
		ok = take(options, server, &stop, log, result, error);
	server_free(server);
	stop_end(&stop);
	return ok;
}

static json_t *
json_position(const struct base_backup_position *position)
{
	char text[32];

	(void)snprintf(text, sizeof(text), LSN_FORMAT, LSN_ARGS(position->at));
	return json_pack("{s:s, s:I}", "lsn", text, "timeline",
		(json_int_t)position->timeline);
}

static bool
print_json(const struct backup_options *options,
	const struct backup_result *result, struct error *error)
{
	json_t *root = json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:b, s:b, "
				 "s:b, s:f}",
		"directory", json_words(options->backup.directory), "label",
		json_words(options->backup.label), "start",
		json_position(&result->start), "end",
		json_position(&result->end), "files", (json_int_t)result->files,
		"bytes", (json_int_t)result->bytes, "manifest_verified",
		result->verified, "pages_verified", result->pages_checked,
		"damaged", result->damaged, "seconds", result->seconds);

	return json_output(root, error) && standard_output_flush(error);
}

static void
log_result(const struct backup_options *options,
	const struct backup_result *result, struct log *log)
{
	log_at(log, LOG_VERBOSE,
		"backup in \"%s\" is complete: %" PRIu64 " files, %" PRIu64
		" bytes, %.1f s; %s, %s",
		options->backup.directory, result->files, result->bytes,
		result->seconds,
		result->verified ? "checked against the manifest"
				 : "there is no manifest to check against",
		result->pages_checked ? "page checksums verified"
				      : "page checksums not verified");
}

static bool
judge(const struct backup_options *options, const struct backup_result *result,
	struct error *error)
{
	if (!result->damaged)
		return true;
	error_set(error, ERR_DAMAGED,
		"the backup in \"%s\" is damaged: data pages fail their "
		"checksums",
		options->backup.directory);
	return error_set_hint(error,
		"The damage is in the server's own files. The backup was kept; "
		"keep older ones as well until the server is repaired.");
}

/* A backup that was stopped is none: its status says so. */
static void
name_stop(const struct backup_options *options, struct error *error)
{
	if (error->code == ERR_STOPPED)
		error_set(error, ERR_USAGE,
			"the backup was interrupted; nothing of it is left in "
			"\"%s\"",
			options->backup.directory);
}

int
cmd_backup(struct log *log, int argc, char **argv)
{
	struct backup_options options;
	struct backup_result result;
	struct error error;
	bool ok;

	error_clear(&error);
	ok = backup_options_parse(&options, argc, argv, &error);
	if (!ok)
		usage_hint(COMMAND_NAME, &error);
	if (ok && options.mode == BACKUP_HELP) {
		backup_options_free(&options);
		return print_help();
	}
	if (ok && options.mode == BACKUP_VERSION) {
		backup_options_free(&options);
		(void)printf("walfetch %s\n", WALFETCH_VERSION);
		return 0;
	}
	if (ok) {
		log->level = options.log_level;
		keep_memory();
		ok = run(&options, log, &result, &error);
		if (!ok)
			name_stop(&options, &error);
		else
			log_result(&options, &result, log);
		ok = ok &&
			(!options.json ||
				print_json(&options, &result, &error)) &&
			judge(&options, &result, &error);
	}
	backup_options_free(&options);
	if (ok)
		return 0;
	log_error(log, &error);
	return error_exit_status(error.code);
}
