#include "backup/backup_state.h"

#include "backup/follower.h"
#include "backup/wal_files.h"
#include "base/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often the progress line, the WAL and a stop are looked at. */
#define TICK_US (100 * USECS_PER_MS)

/* Between two looks at an archive, and two words about it. */
#define ARCHIVE_LOOK_MS 500
#define ARCHIVE_WORD_US (60 * USECS_PER_SEC)

#define MANIFEST_NAME "backup_manifest"

static const char *
codec_name(enum codec codec)
{
	switch (codec) {
	case CODEC_GZIP:
		return "gzip";
	case CODEC_LZ4:
		return "lz4";
	case CODEC_ZSTD:
		return "zstd";
	case CODEC_NONE:
	case CODECS:
		break;
	}
	return NULL;
}

static bool
begin_stream(struct backup *backup, struct error *error)
{
	const struct backup_config *config = backup->config;
	struct base_backup_request request = {
		.label = config->label,
		.fast = config->fast,
		.max_rate_kb = config->max_rate_kb,
		.progress = config->progress,
		.wal = backup_fetches(backup),
		.verify_checksums = config->verify_checksums,
		.tablespace_map = !config->plain,
		.incremental = config->incremental != NULL,
		.checksums = digest_name(config->digest),
		.compression = codec_name(config->server_codec),
		.level = config->server_level,
	};

	log_at(backup->log, LOG_VERBOSE,
		"starting base backup, waiting for a checkpoint");
	if (!base_backup_begin(
		    &backup->stream, backup->server, &request, error))
		return false;
	log_at(backup->log, LOG_VERBOSE,
		"backup starts at " LSN_FORMAT " (timeline %" PRIu32 ")",
		LSN_ARGS(backup->stream.start.at),
		backup->stream.start.timeline);
	if (backup->pages.block_size != 0)
		backup->pages.start = backup->stream.start.at;
	return true;
}

static const char *
map_location(const struct backup_config *config, const char *location)
{
	for (size_t i = 0; i < config->mapping_count; i++)
		if (strcmp(config->mappings[i].from, location) == 0)
			return config->mappings[i].to;
	return location;
}

/* Some tablespaces lie in the data directory itself, and come with its path. */
static bool
is_elsewhere(const struct base_backup_tablespace *tablespace)
{
	return tablespace->oid != 0 && tablespace->location[0] == '/';
}

static bool
prepare_tablespace(struct backup *backup, size_t index, struct error *error)
{
	const struct base_backup_tablespace *tablespace =
		&backup->stream.tablespaces[index];
	struct tree *tree = &backup->tablespaces[index];
	char path[64];

	if (tablespace->oid == 0)
		return true;
	tree->directory.sync = backup->config->sync;
	if (is_elsewhere(tablespace)) {
		const char *target =
			map_location(backup->config, tablespace->location);

		if (tree_prepare(tree, target, backup->group, false, error))
			return backup_is_apart(backup, tree, error);
		if (error->code == ERR_USAGE &&
			strcmp(target, tablespace->location) == 0)
			error_set_hint(error,
				"It is a tablespace of the server: say with -T "
				"\"%s\"=NEW where to put it.",
				target);
		return false;
	}
	(void)snprintf(
		path, sizeof(path), "pg_tblspc/%" PRIu32, tablespace->oid);
	return tree_make_directory(&backup->data, path, error) &&
		tree_open_below(tree, &backup->data, path, error);
}

/* A slip there puts a tablespace where nobody wants it. */
static void
warn_of_mappings(const struct backup *backup)
{
	const struct backup_config *config = backup->config;

	for (size_t i = 0; i < config->mapping_count; i++) {
		const char *from = config->mappings[i].from;
		bool found = false;

		for (size_t j = 0; j < backup->stream.count; j++) {
			const char *location =
				backup->stream.tablespaces[j].location;

			if (location != NULL && strcmp(location, from) == 0)
				found = true;
		}
		if (!found)
			log_warning(backup->log,
				"the server has no tablespace at \"%s\", which "
				"-T names",
				from);
	}
}

static bool
prepare_tablespaces(struct backup *backup, struct error *error)
{
	size_t count = backup->stream.count;

	backup->tablespaces = calloc(count, sizeof(*backup->tablespaces));
	if (backup->tablespaces == NULL)
		return error_set_memory(error);
	for (size_t i = 0; i < count; i++)
		tree_init(&backup->tablespaces[i]);
	warn_of_mappings(backup);
	for (size_t i = 0; backup->config->plain && i < count; i++)
		if (!prepare_tablespace(backup, i, error))
			return false;
	return true;
}

static bool
start_wal(struct backup *backup, struct error *error)
{
	struct backup_wal_request request = {
		.directory = backup->wal_path.string,
		.slot = backup->config->slot,
		.begin = backup->stream.start.at,
		.sync = backup->config->sync,
	};

	return !backup_streams(backup) ||
		backup->wal->start(backup->wal->context, &request, error);
}

static bool
start_writer(struct backup *backup, struct error *error)
{
	const struct backup_config *config = backup->config;
	struct backup_writer_config writer = {
		.backup = &backup->stream,
		.data = &backup->data,
		.tablespaces = backup->tablespaces,
		.plain = config->plain,
		.codec = config->codec,
		.level = config->level,
		.server_codec = config->server_codec,
		.settings = config->follower ? backup->settings.string : NULL,
		.old_follower = follower_is_old(&(struct follower){
			.version = server_version(backup->server)}),
		.digest = config->digest,
		.pages = backup->pages,
		.wal = backup_fetches(backup) ? &backup->wal_check : NULL,
		.wal_tree = config->wal_directory != NULL ? &backup->wal_tree
							  : NULL,
	};

	wal_check_init(&backup->wal_check, &backup->identity);
	meter_begin(&backup->meter, &backup->stream, config->progress_width);
	return backup_writer_start(&backup->writer, &writer, error);
}

static void
show_notices(struct backup *backup)
{
	struct text notices;
	const char *line;

	text_init(&notices);
	backup_writer_notices(backup->writer, &notices);
	line = notices.string;
	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		log_warning(backup->log, "%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
	text_free(&notices);
}

/* What wants a look from time to time. */
static bool
look_around(struct backup *backup, struct error *error)
{
	const struct backup_config *config = backup->config;

	if (stop_requested(backup->stop))
		return error_set(error, ERR_STOPPED, "stopped");
	if (backup_streams(backup) &&
		!backup->wal->check(backup->wal->context, error))
		return false;
	show_notices(backup);
	if (config->progress)
		meter_show(&backup->meter, backup_writer_bytes(backup->writer),
			backup->log);
	return true;
}

static bool
hand_on(struct backup *backup, const struct base_backup_event *event,
	struct error *error)
{
	struct chunk_queue *queue = backup_writer_queue(backup->writer);
	bool room = false;

	while (!room) {
		if (!chunk_queue_wait(queue, TICK_US, &room, error) ||
			(!room && !look_around(backup, error))) {
			struct copy_message message = event->message;

			copy_message_free(&message);
			return false;
		}
	}
	return chunk_queue_put(queue, event, error);
}

static bool
receive(struct backup *backup, struct error *error)
{
	struct chunk_queue *queue = backup_writer_queue(backup->writer);
	int64_t tick_us = 0;

	for (;;) {
		struct base_backup_event event;
		int64_t now_us = clock_monotonic_us();

		if (now_us >= tick_us) {
			if (!look_around(backup, error))
				return false;
			tick_us = now_us + TICK_US;
		}
		if (!base_backup_next(&backup->stream, tick_us, &event, error))
			return false;
		if (event.kind == BACKUP_WAITING) {
			chunk_queue_hurry(queue);
			continue;
		}
		if (!hand_on(backup, &event, error))
			return false;
		if (event.kind == BACKUP_END)
			return true;
	}
}

/* The writer may still have some MB before it. */
static bool
wait_for_writer(struct backup *backup, struct error *error)
{
	while (!backup_writer_ended(backup->writer, TICK_US))
		if (!look_around(backup, error))
			return false;
	if (!backup_writer_join(backup->writer, error))
		return false;
	return look_around(backup, error);
}

static bool
take_data(struct backup *backup, struct error *error)
{
	bool damaged = false;

	if (!start_writer(backup, error) || !receive(backup, error) ||
		!base_backup_finish(
			&backup->stream, &backup->end, &damaged, error) ||
		!wait_for_writer(backup, error))
		return false;
	log_progress_end(backup->log);
	backup->damaged =
		damaged || backup_writer_results(backup->writer).bad_pages > 0;
	if (damaged && backup_writer_results(backup->writer).bad_pages == 0)
		log_warning(backup->log,
			"the server found data pages that fail their "
			"checksums; its log names them");
	log_at(backup->log, LOG_VERBOSE,
		"backup ends at " LSN_FORMAT " (timeline %" PRIu32 ")",
		LSN_ARGS(backup->end.at), backup->end.timeline);
	return true;
}

static struct wal_range
range_of(const struct backup *backup)
{
	return (struct wal_range){
		.identity = backup->identity,
		.begin = backup->stream.start,
		.end = backup->end,
	};
}

static bool
finish_wal(struct backup *backup, struct error *error)
{
	const struct backup_config *config = backup->config;
	struct wal_range range = range_of(backup);

	if (backup_fetches(backup))
		return wal_check_result(&backup->wal_check, &range, error);
	if (!backup_streams(backup))
		return true;
	log_at(backup->log, LOG_VERBOSE, "waiting for the WAL of the backup");
	if (!backup->wal->finish(backup->wal->context, range.end.at, error) ||
		!wal_files_settle(backup_wal_tree(backup),
			backup_wal_folder(backup), &range, error))
		return false;
	return config->plain ||
		wal_files_pack(&backup->data, backup_wal_folder(backup),
			config->codec, config->level, error);
}

/* Wait for time to go by, or a signal. */
static bool
pause_for(const struct backup *backup, int milliseconds, struct error *error)
{
	struct pollfd pollfd = {.fd = backup->stop->fd, .events = POLLIN};

	if (poll(&pollfd, 1, milliseconds) > 0)
		return error_set(error, ERR_STOPPED, "stopped");
	return true;
}

static bool
wait_for_archive(struct backup *backup, struct error *error)
{
	struct wal_range range = range_of(backup);
	int64_t word_us = clock_monotonic_us() + ARCHIVE_WORD_US;
	char missing[ARCHIVE_NAME_MAX];
	bool complete = false;

	if (backup->archive == NULL)
		return true;
	for (;;) {
		if (!wal_files_archived(&backup->archive_directory, &range,
			    &complete, missing, error))
			return false;
		if (complete)
			return true;
		if (clock_monotonic_us() >= word_us) {
			log_warning(backup->log,
				"still waiting for WAL segment %s in \"%s\"",
				missing, backup->archive);
			word_us += ARCHIVE_WORD_US;
		}
		if (!pause_for(backup, ARCHIVE_LOOK_MS, error))
			return false;
	}
}

static bool
check_manifest(struct backup *backup, struct error *error)
{
	struct backup_writer_results results =
		backup_writer_results(backup->writer);

	return results.manifest->len == 0 ||
		manifest_check(results.manifest, results.list, error);
}

static bool
sync_all(struct backup *backup, struct error *error)
{
	log_at(backup->log, LOG_VERBOSE, "syncing the backup to disk");
	for (size_t i = 0; i < backup->stream.count; i++)
		if (backup->tablespaces[i].directory.fd >= 0 &&
			!tree_sync(&backup->tablespaces[i], error))
			return false;
	if (backup->wal_tree.directory.fd >= 0 &&
		!tree_sync(&backup->wal_tree, error))
		return false;
	return tree_sync(&backup->data, error);
}

/* The manifest comes last: with it the backup is one. */
static bool
publish(struct backup *backup, struct error *error)
{
	const struct text *manifest =
		backup_writer_results(backup->writer).manifest;

	if (stop_requested(backup->stop))
		return error_set(error, ERR_STOPPED, "stopped");
	if (!backup_writer_publish(backup->writer, error))
		return false;
	if (manifest->len > 0 &&
		!durable_write_file(&backup->data.directory, MANIFEST_NAME,
			manifest->string, manifest->len, error))
		return false;
	backup->published = true;
	return true;
}

static bool
carry_out(struct backup *backup, struct error *error)
{
	return begin_stream(backup, error) &&
		prepare_tablespaces(backup, error) &&
		start_wal(backup, error) && take_data(backup, error) &&
		finish_wal(backup, error) && check_manifest(backup, error) &&
		wait_for_archive(backup, error) && sync_all(backup, error) &&
		publish(backup, error);
}

static void
backup_open(struct backup *backup, const struct backup_config *config,
	const struct backup_peers *peers)
{
	*backup = (struct backup){
		.config = config,
		.server = peers->server,
		.stop = peers->stop,
		.log = peers->log,
		.wal = peers->wal,
	};
	tree_init(&backup->data);
	tree_init(&backup->wal_tree);
	directory_init(&backup->archive_directory);
	text_init(&backup->settings);
	text_init(&backup->wal_path);
	meter_init(&backup->meter);
}

/* The threads go first: nothing is made while we remove what was made. */
static void
backup_close(struct backup *backup)
{
	log_progress_end(backup->log);
	backup->wal->cancel(backup->wal->context);
	backup_writer_free(backup->writer);
	if (!backup->published && backup->slot_created)
		log_warning(backup->log,
			"replication slot \"%s\" was created and remains on "
			"the server",
			backup->config->slot);
	if (!backup->published) {
		for (size_t i = 0; i < backup->stream.count; i++)
			if (backup->tablespaces != NULL)
				tree_discard(&backup->tablespaces[i]);
		tree_discard(&backup->wal_tree);
		tree_discard(&backup->data);
	}
	for (size_t i = 0; i < backup->stream.count; i++)
		if (backup->tablespaces != NULL)
			tree_close(&backup->tablespaces[i]);
	free(backup->tablespaces);
	tree_close(&backup->wal_tree);
	tree_close(&backup->data);
	base_backup_free(&backup->stream);
	server_disconnect(backup->server);
	directory_close(&backup->archive_directory);
	free(backup->archive);
	text_free(&backup->settings);
	text_free(&backup->wal_path);
	meter_free(&backup->meter);
}

static void
describe(struct backup *backup, int64_t began_us, struct backup_result *result)
{
	struct backup_writer_results results =
		backup_writer_results(backup->writer);

	*result = (struct backup_result){
		.start = backup->stream.start,
		.end = backup->end,
		.files = results.list->count,
		.verified = results.manifest->len > 0,
		.pages_checked = backup->pages.start != LSN_NONE,
		.damaged = backup->damaged,
		.bad_pages = results.bad_pages,
		.seconds = (double)(clock_monotonic_us() - began_us) /
			(double)USECS_PER_SEC,
	};
	for (size_t i = 0; i < results.list->count; i++)
		result->bytes += results.list->entries[i].size;
}

bool
backup_run(const struct backup_config *config, const struct backup_peers *peers,
	struct backup_result *result, struct error *error)
{
	int64_t began_us = clock_monotonic_us();
	struct backup backup;
	bool ok;

	backup_open(&backup, config, peers);
	ok = backup_prepare(&backup, error) && carry_out(&backup, error);
	if (ok)
		describe(&backup, began_us, result);
	backup_close(&backup);
	return ok;
}
