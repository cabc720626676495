#include "receive/preparation.h"

#include "archive/gap_record.h"
#include "archive/history_file.h"
#include "archive/lock.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MODE_PRIVATE 0600
#define MODE_GROUP 0640

/* Before the server has said who may read, it is who may read the lock. */
static void
guess_mode(struct directory *directory)
{
	struct stat status;

	if (fstatat(directory->fd, LOCK_FILE_NAME, &status,
		    AT_SYMLINK_NOFOLLOW) == 0 &&
		(status.st_mode & S_IRGRP) != 0)
		directory->file_mode = MODE_GROUP;
}

/*
 * As early as can be, so that "walfetch status" sees us although no server is
 * there. A disk that is in the way now may not be when the archive is opened.
 */
static bool
lock_early(struct preparation *preparation, struct error *error)
{
	struct error failure;

	guess_mode(&preparation->directory);
	if (archive_lock_acquire(
		    &preparation->directory, &preparation->lock_fd, &failure) ||
		failure.code != ERR_LOCKED)
		return true;
	*error = failure;
	return false;
}

bool
preparation_open(struct preparation *preparation,
	const struct receiver_config *config,
	const struct receiver_peers *peers, struct engine *engine,
	struct error *error)
{
	*preparation = (struct preparation){
		.config = config,
		.server = peers->server,
		.log = peers->log,
		.engine = engine,
		.lock_fd = -1,
	};
	directory_init(&preparation->directory);
	preparation->directory.sync = config->sync;
	return directory_open(
		       &preparation->directory, config->directory, error) &&
		lock_early(preparation, error);
}

void
preparation_close(struct preparation *preparation)
{
	archive_lock_release(preparation->lock_fd);
	directory_close(&preparation->directory);
}

static void
do_connect(struct preparation *preparation)
{
	struct error error;

	if (!server_connect(preparation->server, &error)) {
		engine_on_failure(preparation->engine, &error, true);
		return;
	}
	log_at(preparation->log, LOG_VERBOSE, "connected to %s",
		server_address(preparation->server));
	engine_on_connected(preparation->engine);
}

static void
do_identify(struct preparation *preparation)
{
	struct server *server = preparation->server;
	struct server_identity identity;
	uint32_t segment_size;
	bool group_access;
	struct error error;

	if (!server_identify(server, &identity, &error) ||
		!server_segment_size(server, &segment_size, &error) ||
		!server_group_access(server, &group_access, &error)) {
		engine_on_failure(preparation->engine, &error, true);
		return;
	}
	preparation->directory.file_mode =
		group_access ? MODE_GROUP : MODE_PRIVATE;
	engine_on_identity(preparation->engine, &identity, segment_size);
}

/* What the archive folder needs to know of us and of the server. */
static struct archive_resume
describe(struct preparation *preparation, struct text *notices)
{
	const struct engine *engine = preparation->engine;

	return (struct archive_resume){
		.directory = &preparation->directory,
		.identity =
			{
				.system_identifier =
					engine->identity.system_identifier,
				.segment_size = engine->segment_size,
			},
		.codec = preparation->config->codec,
		.level = preparation->config->level,
		.notices = notices,
	};
}

/* The lock, with the mode that the server wants. */
static bool
lock_archive(struct preparation *preparation, struct error *error)
{
	const struct directory *directory = &preparation->directory;

	if (preparation->lock_fd < 0)
		return archive_lock_acquire(
			directory, &preparation->lock_fd, error);
	return archive_lock_set_mode(directory, preparation->lock_fd, error);
}

static void
do_open_archive(struct preparation *preparation)
{
	struct archive_resume resume = describe(preparation, NULL);
	struct error error;

	if (!lock_archive(preparation, &error) ||
		!archive_check_identity(&resume, &error)) {
		engine_on_failure(preparation->engine, &error, false);
		return;
	}
	engine_on_archive_open(preparation->engine);
}

/* What is no history must not stay in the archive, where it would be in the
 * way of the right one. */
static bool
check_history(uint32_t timeline, const struct text *text, struct error *error)
{
	struct timeline_history history;
	bool success;

	timeline_history_init(&history);
	success = timeline_history_parse(
		&history, timeline, text->string, text->len, error);
	timeline_history_free(&history);
	return success;
}

/* Fetch and store a file; a server without it is not a failure. */
static bool
fetch_history(struct preparation *preparation, uint32_t timeline,
	struct text *text, struct error *error)
{
	if (server_fetch_history(preparation->server, timeline, text, error))
		return check_history(timeline, text, error) &&
			history_file_store(
				&preparation->directory, timeline, text, error);
	if (error->code != ERR_NOT_FOUND)
		return false;
	log_warning_error(preparation->log, error);
	text_clear(text);
	return history_file_read(
		       &preparation->directory, timeline, text, error) ||
		error->code == ERR_NOT_FOUND;
}

static void
do_get_history(
	struct preparation *preparation, const struct engine_action *action)
{
	struct text text;
	struct error error;
	bool success = true;

	text_init(&text);
	if (action->timeline > 1 &&
		(action->fetch ||
			!history_file_read(&preparation->directory,
				action->timeline, &text, &error))) {
		text_clear(&text);
		success = fetch_history(
			preparation, action->timeline, &text, &error);
	}
	if (success)
		engine_on_history(preparation->engine, text.string, text.len);
	else
		engine_on_failure(preparation->engine, &error, true);
	text_free(&text);
}

static void
log_notices(struct preparation *preparation, const struct text *notices)
{
	const char *line = notices->string;

	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		log_warning(preparation->log, "%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static void
do_locate(struct preparation *preparation)
{
	struct text notices;
	struct archive_resume resume = describe(preparation, &notices);
	struct error error;
	bool success;

	text_init(&notices);
	success = archive_locate(&resume, &preparation->engine->history,
		&preparation->located, &error);
	log_notices(preparation, &notices);
	text_free(&notices);
	if (success)
		engine_on_located(preparation->engine, &preparation->located);
	else
		engine_on_failure(preparation->engine, &error, false);
}

static void
do_read_slot(struct preparation *preparation)
{
	struct server_slot slot;
	struct error error;

	if (server_read_slot(preparation->server,
		    preparation->config->engine.slot, &slot, &error))
		engine_on_slot(preparation->engine, &slot);
	else
		engine_on_failure(preparation->engine, &error, true);
}

static void
do_create_slot(struct preparation *preparation)
{
	const char *name = preparation->config->engine.slot;
	struct error error;

	if (!server_create_slot(
		    preparation->server, name, true, true, &error)) {
		engine_on_failure(preparation->engine, &error, true);
		return;
	}
	log_at(preparation->log, LOG_NORMAL, "created replication slot \"%s\"",
		name);
	engine_on_slot_created(preparation->engine);
}

void
preparation_carry_out(
	struct preparation *preparation, const struct engine_action *action)
{
	switch (action->kind) {
	case ACTION_CONNECT:
		do_connect(preparation);
		break;
	case ACTION_IDENTIFY:
		do_identify(preparation);
		break;
	case ACTION_OPEN_ARCHIVE:
		do_open_archive(preparation);
		break;
	case ACTION_GET_HISTORY:
		do_get_history(preparation, action);
		break;
	case ACTION_LOCATE:
		do_locate(preparation);
		break;
	case ACTION_READ_SLOT:
		do_read_slot(preparation);
		break;
	case ACTION_CREATE_SLOT:
		do_create_slot(preparation);
		break;
	case ACTION_BEGIN:
	case ACTION_START:
	case ACTION_RECEIVE:
	case ACTION_APPEND:
	case ACTION_PERSIST:
	case ACTION_SEND_STATUS:
	case ACTION_WAIT:
	case ACTION_CLOSE:
	case ACTION_FINISH_COPY:
	case ACTION_HANG_UP:
	case ACTION_EXIT:
		assert(false);
	}
}

bool
preparation_accept_gap(struct preparation *preparation, struct error *error)
{
	const struct archive_position *located = &preparation->located;
	struct gap gap = {
		.timeline = located->timeline,
		.begin = located->at,
		.end = preparation->engine->position.at,
	};

	if (located->at == LSN_NONE || gap.end <= gap.begin)
		return true;
	/* The engine never does: this is the last place to find out. */
	if (!preparation->engine->config.allow_gap)
		return error_set(error, ERR_GAP,
			"WAL from " LSN_FORMAT " to " LSN_FORMAT
			" would be missing from the archive",
			LSN_ARGS(gap.begin), LSN_ARGS(gap.end));
	log_warning(preparation->log,
		"WAL from " LSN_FORMAT " to " LSN_FORMAT
		" is missing from the archive, as --allow-gap permits",
		LSN_ARGS(gap.begin), LSN_ARGS(gap.end));
	return gap_record_add(&preparation->directory, &gap, error);
}
