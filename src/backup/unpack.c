#include "backup/writing.h"

#include "backup/follower.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Small pieces are collected, so that the disk begins early with large ones. */
#define BUFFER_SIZE ((size_t)1 << 20)

struct unpacking {
	struct writing *writing;
	const struct tree *tree;
	unsigned char *buffer;
	size_t used;
	uint64_t offset; /* in the file, of the buffer */
};

const struct base_backup_tablespace *
writing_find_link(const struct writing *writing, const char *path, size_t len)
{
	const struct base_backup *backup = writing->config->backup;
	char link[64];

	for (size_t i = 0; i < backup->count; i++) {
		(void)snprintf(link, sizeof(link), "pg_tblspc/%" PRIu32,
			backup->tablespaces[i].oid);
		if (backup->tablespaces[i].oid != 0 &&
			writing->tablespace->oid == 0 && strlen(link) == len &&
			strncmp(path, link, len) == 0)
			return &backup->tablespaces[i];
	}
	return NULL;
}

bool
writing_refuse_link(const struct tar_member *member, struct error *error)
{
	return error_set(error, ERR_PROTOCOL,
		"the server sent a symbolic link \"%.256s\" to \"%.256s\", "
		"which is of no tablespace",
		member->path, member->target);
}

/* Only a tablespace's link may lead elsewhere, and we say where. */
static bool
make_link(const struct writing *writing, const struct tar_member *member,
	struct error *error)
{
	const struct base_backup_tablespace *tablespace =
		writing_find_link(writing, member->path, strlen(member->path));
	const struct tree *target;

	if (tablespace == NULL)
		return writing_refuse_link(member, error);
	target = &writing->config->tablespaces[tablespace -
		writing->config->backup->tablespaces];
	if (target->directory.fd < 0)
		return writing_refuse_link(member, error);
	return tree_link(writing->config->data, member->path,
		target->directory.path, error);
}

static bool
flush(struct unpacking *unpacking, int fd, const char *path,
	struct error *error)
{
	size_t len = unpacking->used;

	unpacking->used = 0;
	if (len > 0 &&
		!durable_write(fd, path, unpacking->buffer, len,
			unpacking->offset, error))
		return false;
	unpacking->offset += len;
	return true;
}

static bool
write_piece(struct unpacking *unpacking, int fd, const char *path,
	const void *data, size_t len, struct error *error)
{
	const unsigned char *next = data;

	while (len > 0) {
		size_t piece = BUFFER_SIZE - unpacking->used;

		if (piece > len)
			piece = len;
		memcpy(unpacking->buffer + unpacking->used, next, piece);
		unpacking->used += piece;
		next += piece;
		len -= piece;
		if (unpacking->used == BUFFER_SIZE &&
			!flush(unpacking, fd, path, error))
			return false;
	}
	return true;
}

static bool
copy_content(struct unpacking *unpacking, int fd, const char *path,
	struct error *error)
{
	struct writing *writing = unpacking->writing;
	const void *data;
	size_t len;

	unpacking->used = 0;
	unpacking->offset = 0;
	for (;;) {
		if (!tar_reader_data(writing->reader, &data, &len, error))
			return false;
		if (len == 0)
			return flush(unpacking, fd, path, error);
		if (!member_check_update(writing->check, data, len, error) ||
			!write_piece(unpacking, fd, path, data, len, error))
			return false;
	}
}

/* Where a path of the archive goes, and what it is called there. */
static const struct tree *
place_of(const struct unpacking *unpacking, const char **path)
{
	const struct writing *writing = unpacking->writing;

	if (writing->config->wal_tree == NULL ||
		writing->tablespace->oid != 0 ||
		strncmp(*path, WAL_FOLDER_PREFIX, strlen(WAL_FOLDER_PREFIX)) !=
			0)
		return unpacking->tree;
	*path += strlen(WAL_FOLDER_PREFIX);
	return writing->config->wal_tree;
}

/* The link to it is there already. */
static bool
is_wal_elsewhere(const struct writing *writing, const char *path)
{
	return writing->config->wal_tree != NULL &&
		writing->tablespace->oid == 0 && strcmp(path, WAL_FOLDER) == 0;
}

static bool
make_file(struct unpacking *unpacking, const struct tar_member *member,
	struct error *error)
{
	struct writing *writing = unpacking->writing;
	const char *path = member->path;
	const struct tree *tree = place_of(unpacking, &path);
	int fd = -1;

	if (!member_check_begin(writing->check, writing->tablespace->oid,
		    member->path, error))
		return false;
	if (writing->tablespace->oid == 0 && strcmp(path, CONTROL_FILE) == 0)
		path = CONTROL_TEMPORARY;
	if (!tree_create(tree, path, &fd, error))
		return false;
	if (!copy_content(unpacking, fd, path, error)) {
		(void)close(fd);
		return false;
	}
	return durable_close(fd, path, error) &&
		member_check_end(writing->check, writing->notices, error);
}

static bool
make_member(struct unpacking *unpacking, const struct tar_member *member,
	struct error *error)
{
	const char *path = member->path;
	const struct tree *tree = place_of(unpacking, &path);

	switch (member->kind) {
	case TAR_FILE:
		return make_file(unpacking, member, error);
	case TAR_DIRECTORY:
		return is_wal_elsewhere(unpacking->writing, path) ||
			tree_make_directory(tree, path, error);
	case TAR_LINK:
		return make_link(unpacking->writing, member, error);
	}
	return false;
}

/* -R: after everything that the server sent. */
static bool
make_follower(const struct backup_writer_config *config, struct error *error)
{
	const char *settings = config->settings;
	const char *path = config->old_follower ? FOLLOWER_OLD_SETTINGS
						: FOLLOWER_SETTINGS;

	if (!tree_append(config->data, path, settings, strlen(settings), error))
		return false;
	return config->old_follower ||
		tree_append(config->data, FOLLOWER_SIGNAL, "", 0, error);
}

bool
unpack_archive(struct writing *writing, struct error *error)
{
	struct unpacking unpacking = {
		.writing = writing,
		.tree = &writing->config->tablespaces[writing->index],
		.buffer = aligned_alloc(DURABLE_BLOCK, BUFFER_SIZE),
	};
	struct tar_member member;
	bool end = false;
	bool ok = true;

	if (unpacking.buffer == NULL)
		return error_set_memory(error);
	if (writing->tablespace->oid == 0)
		unpacking.tree = writing->config->data;
	while (ok && !end) {
		ok = tar_reader_next(writing->reader, &member, &end, error) &&
			(end || make_member(&unpacking, &member, error));
		writing->publish_notices(writing->context);
	}
	free(unpacking.buffer);
	if (ok && writing->tablespace->oid == 0 &&
		writing->config->settings != NULL)
		ok = make_follower(writing->config, error);
	return ok;
}
