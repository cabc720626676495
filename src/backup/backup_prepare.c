#include "backup/backup_state.h"

#include "archive/lock.h"
#include "archive/resume.h"
#include "backup/follower.h"
#include "base/number.h"
#include "server/command.h"
#include "server/conninfo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANIFEST_MAX ((size_t)1 << 30)

/* Where the WAL is received into. */
#define WAL_FOLDER_TAR ".pg_wal.tmp"

bool
backup_streams(const struct backup *backup)
{
	return backup->config->wal_method == BACKUP_WAL_STREAM;
}

bool
backup_fetches(const struct backup *backup)
{
	return backup->config->wal_method == BACKUP_WAL_FETCH;
}

struct tree *
backup_wal_tree(struct backup *backup)
{
	return backup->config->wal_directory != NULL ? &backup->wal_tree
						     : &backup->data;
}

const char *
backup_wal_folder(const struct backup *backup)
{
	if (backup->config->wal_directory != NULL)
		return "";
	return backup->config->plain ? WAL_FOLDER : WAL_FOLDER_TAR;
}

/* A setting that is a number and, with unit, its unit in brackets. */
static bool
show_number(struct backup *backup, const char *setting, uint64_t *number,
	struct error *error)
{
	struct text value;
	bool ok;

	text_init(&value);
	ok = server_show(backup->server, setting, &value, error) &&
		size_parse(value.string, setting, number, error);
	text_free(&value);
	return ok;
}

/* Which pages can be checked, and how long they are. */
static bool
ask_for_pages(struct backup *backup, struct error *error)
{
	uint64_t block_size = 0;
	uint64_t segment_bytes = 0;
	struct text value;
	bool on;

	if (!backup->config->verify_checksums)
		return true;
	text_init(&value);
	on = server_show(backup->server, "data_checksums", &value, error);
	if (!on || strcmp(value.string, "on") != 0) {
		text_free(&value);
		return on;
	}
	text_free(&value);
	if (!show_number(backup, "block_size", &block_size, error) ||
		!show_number(backup, "segment_size", &segment_bytes, error))
		return false;
	if (block_size < 1024 || block_size > 32768 ||
		(block_size & (block_size - 1)) != 0 ||
		segment_bytes / block_size > UINT32_MAX)
		return error_set(error, ERR_PROTOCOL,
			"the server has pages of %" PRIu64 " bytes",
			block_size);
	backup->pages.block_size = (uint32_t)block_size;
	backup->pages.segment_blocks = (uint32_t)(segment_bytes / block_size);
	return true;
}

static bool
ask_server(struct backup *backup, struct error *error)
{
	struct server_identity identity;

	if (!server_connect(backup->server, error))
		return false;
	log_at(backup->log, LOG_VERBOSE, "connected to %s",
		server_address(backup->server));
	if (!server_identify(backup->server, &identity, error) ||
		!server_segment_size(backup->server,
			&backup->identity.segment_size, error) ||
		!server_group_access(backup->server, &backup->group, error))
		return false;
	backup->identity.system_identifier = identity.system_identifier;
	return ask_for_pages(backup, error);
}

/* Is somebody writing to the archive? */
static bool
archive_is_live(const struct directory *directory)
{
	struct error ignored;
	bool held;
	long pid;

	return !archive_lock_query(directory, &held, &pid, &ignored) || held;
}

/* The WAL of another cluster would be no use, whatever it is called. */
static bool
archive_is_ours(struct backup *backup, struct error *error)
{
	const struct archive_resume resume = {
		.directory = &backup->archive_directory,
		.identity = backup->identity,
	};

	return archive_check_identity(&resume, error);
}

static bool
open_archive(struct backup *backup, struct error *error)
{
	const char *path = backup->config->archive;

	if (path == NULL)
		return true;
	if (!directory_open(&backup->archive_directory, path, error) ||
		!archive_is_ours(backup, error))
		return false;
	backup->archive = realpath(path, NULL);
	if (backup->archive == NULL)
		return error_set_errno(
			error, "could not find directory \"%s\"", path);
	if (!archive_is_live(&backup->archive_directory))
		log_warning(backup->log,
			"no receiver is at work in \"%s\"; the backup will "
			"wait for one",
			path);
	return true;
}

static bool
make_settings(struct backup *backup, struct error *error)
{
	struct follower follower = {
		.version = server_version(backup->server),
		.slot = backup->config->slot,
		.archive = backup->archive,
	};
	struct text conninfo;
	bool ok;

	if (!backup->config->follower)
		return true;
	text_init(&conninfo);
	ok = server_conninfo(backup->server, false, &conninfo, error);
	follower.conninfo = conninfo.string;
	ok = ok && follower_settings(&follower, &backup->settings, error);
	text_free(&conninfo);
	return ok;
}

bool
backup_is_apart(const struct backup *backup, const struct tree *tree,
	struct error *error)
{
	bool same = tree_is_same(tree, &backup->data) ||
		(tree != &backup->wal_tree &&
			tree_is_same(tree, &backup->wal_tree));

	for (size_t i = 0; !same && i < backup->stream.count &&
		backup->tablespaces != NULL;
		i++)
		same = tree != &backup->tablespaces[i] &&
			tree_is_same(tree, &backup->tablespaces[i]);
	if (!same)
		return true;
	error_set(error, ERR_USAGE,
		"directory \"%s\" is named for two parts of the backup",
		tree->directory.path);
	return error_set_hint(error,
		"The target, each tablespace and the WAL need a directory of "
		"their own.");
}

static bool
prepare_wal_tree(struct backup *backup, struct error *error)
{
	const char *path = backup->config->wal_directory;
	struct tree *tree = &backup->wal_tree;

	tree->directory.sync = backup->config->sync;
	return tree_prepare(tree, path, backup->group, false, error) &&
		backup_is_apart(backup, tree, error) &&
		tree_link(&backup->data, WAL_FOLDER, path, error);
}

static bool
prepare_target(struct backup *backup, struct error *error)
{
	const struct backup_config *config = backup->config;

	backup->data.directory.sync = config->sync;
	if (!tree_prepare(&backup->data, config->directory, backup->group,
		    config->plain, error))
		return false;
	if (config->wal_directory != NULL && !prepare_wal_tree(backup, error))
		return false;
	if (!backup_streams(backup))
		return true;
	text_printf(&backup->wal_path, "%s/%s",
		backup_wal_tree(backup)->directory.path,
		backup_wal_folder(backup));
	if (backup->wal_path.failed)
		return error_set_memory(error);
	return config->wal_directory != NULL ||
		tree_make_directory(
			&backup->data, backup_wal_folder(backup), error);
}

/* Where it can be told, before a checkpoint is waited for. */
static bool
find_slot(struct backup *backup, struct error *error)
{
	const char *name = backup->config->slot;
	struct server_slot slot;

	if (name == NULL || backup->config->create_slot)
		return true;
	if (!server_read_slot(backup->server, name, &slot, error))
		return false;
	if (!slot.known || (slot.exists && slot.physical && !slot.lost))
		return true;
	error_set(error, slot.lost ? ERR_GAP : ERR_REFUSED,
		"replication slot \"%s\" %s", name,
		!slot.exists	    ? "does not exist"
			: slot.lost ? "is invalidated"
				    : "is a logical slot");
	return error_set_hint(error, "%s",
		slot.exists ? "Name another one, or drop it and make it anew "
			      "with -C."
			    : "Create it with -C.");
}

/* WAL that the stream is still to fetch must not be removed meanwhile. */
static bool
prepare_slot(struct backup *backup, struct error *error)
{
	const struct backup_config *config = backup->config;
	char name[64];

	if (!find_slot(backup, error))
		return false;
	if (config->create_slot) {
		log_at(backup->log, LOG_VERBOSE,
			"creating replication slot \"%s\"", config->slot);
		backup->slot_created = server_create_slot(
			backup->server, config->slot, true, false, error);
		return backup->slot_created;
	}
	if (config->wal_method == BACKUP_WAL_NONE ||
		(config->slot != NULL && backup_streams(backup)))
		return true;
	(void)snprintf(
		name, sizeof(name), "walfetch_backup_%ld", (long)getpid());
	if (server_create_temporary_slot(backup->server, name, error))
		return true;
	if (error->code != ERR_REFUSED && server_socket(backup->server) < 0)
		return false;
	log_warning_error(backup->log, error);
	log_warning(backup->log,
		"without a replication slot the server may remove WAL that "
		"the backup needs");
	return true;
}

static bool
read_manifest(const char *path, struct text *manifest, struct error *error)
{
	FILE *file = fopen(path, "re");
	char buffer[65536];
	size_t len;
	bool ok;

	if (file == NULL)
		return error_set_errno(
			error, "could not open file \"%s\"", path);
	while ((len = fread(buffer, 1, sizeof(buffer), file)) > 0 &&
		manifest->len <= MANIFEST_MAX)
		text_append(manifest, buffer, len);
	ok = !ferror(file) ||
		error_set_errno(error, "could not read file \"%s\"", path);
	(void)fclose(file);
	if (ok && manifest->failed)
		return error_set_memory(error);
	return ok;
}

static bool
upload_manifest(struct backup *backup, struct error *error)
{
	const char *path = backup->config->incremental;
	struct text manifest;
	bool ok;

	if (path == NULL)
		return true;
	text_init(&manifest);
	ok = read_manifest(path, &manifest, error) &&
		server_upload_manifest(
			backup->server, manifest.string, manifest.len, error);
	text_free(&manifest);
	return ok;
}

bool
backup_prepare(struct backup *backup, struct error *error)
{
	return ask_server(backup, error) && open_archive(backup, error) &&
		make_settings(backup, error) && prepare_target(backup, error) &&
		upload_manifest(backup, error) && prepare_slot(backup, error);
}
