#include "backup/writing.h"

#include "backup/follower.h"

#include <string.h>

/* What the server may have in postgresql.auto.conf. */
#define SETTINGS_MAX ((size_t)16 << 20)

struct packing {
	struct writing *writing;
	struct tar_writer *writer; /* NULL: the bytes go as they came */
	bool settings_written;
};

static bool
write_output(void *context, const void *data, size_t len, struct error *error)
{
	struct writing *writing = context;

	return output_file_write(writing->output, data, len, error);
}

static bool
copy_content(struct packing *packing, struct error *error)
{
	struct writing *writing = packing->writing;
	const void *data;
	size_t len;

	for (;;) {
		if (!tar_reader_data(writing->reader, &data, &len, error))
			return false;
		if (len == 0)
			return true;
		if (!member_check_update(writing->check, data, len, error))
			return false;
		if (packing->writer != NULL &&
			!tar_writer_data(packing->writer, data, len, error))
			return false;
	}
}

static bool
is_settings(const struct packing *packing, const char *path)
{
	return packing->writer != NULL &&
		!packing->writing->config->old_follower &&
		packing->writing->tablespace->oid == 0 &&
		strcmp(path, FOLLOWER_SETTINGS) == 0;
}

/* Ours come after the server's, so that they win. */
static bool
extend_settings(struct packing *packing, const struct tar_member *member,
	struct error *error)
{
	const char *settings = packing->writing->config->settings;
	size_t len = strlen(settings);

	if (member->size > SETTINGS_MAX)
		return error_set(error, ERR_PROTOCOL,
			"the server sent a file \"%s\" of %llu bytes",
			member->path, (unsigned long long)member->size);
	packing->settings_written = true;
	return tar_writer_copy(packing->writer, packing->writing->reader,
		       member->size + len, error) &&
		copy_content(packing, error) &&
		tar_writer_data(packing->writer, settings, len, error);
}

static bool
pass_file(struct packing *packing, const struct tar_member *member,
	struct error *error)
{
	struct writing *writing = packing->writing;
	bool ok;

	if (!member_check_begin(writing->check, writing->tablespace->oid,
		    member->path, error))
		return false;
	if (is_settings(packing, member->path))
		ok = extend_settings(packing, member, error);
	else
		ok = (packing->writer == NULL ||
			     tar_writer_copy(packing->writer, writing->reader,
				     member->size, error)) &&
			copy_content(packing, error);
	return ok && member_check_end(writing->check, writing->notices, error);
}

/* Some day it is unpacked by a program that trusts us. */
static bool
check_member(const struct writing *writing, const struct tar_member *member,
	struct error *error)
{
	const char *path = member->path;
	const char *slash = path;

	if (!tree_check_path(path, error))
		return false;
	if (member->kind == TAR_LINK &&
		writing_find_link(writing, path, strlen(path)) == NULL)
		return writing_refuse_link(member, error);
	while ((slash = strchr(slash + 1, '/')) != NULL)
		if (writing_find_link(writing, path, (size_t)(slash - path)) !=
			NULL)
			return error_set(error, ERR_PROTOCOL,
				"the server sent a file \"%.256s\", which lies "
				"behind the link of a tablespace",
				path);
	return true;
}

static bool
pass_member(struct packing *packing, const struct tar_member *member,
	struct error *error)
{
	if (!check_member(packing->writing, member, error))
		return false;
	if (member->kind == TAR_FILE)
		return pass_file(packing, member, error);
	return packing->writer == NULL ||
		tar_writer_copy(
			packing->writer, packing->writing->reader, 0, error);
}

static bool
add_file(struct packing *packing, const char *path, const char *content,
	struct error *error)
{
	const struct tree *data = packing->writing->config->data;
	size_t len = strlen(content);

	return tar_writer_file(packing->writer, path, data->directory.file_mode,
		       len, error) &&
		tar_writer_data(packing->writer, content, len, error);
}

static bool
add_follower(struct packing *packing, struct error *error)
{
	const struct backup_writer_config *config = packing->writing->config;

	if (packing->writing->tablespace->oid != 0)
		return true;
	if (config->old_follower)
		return add_file(packing, FOLLOWER_OLD_SETTINGS,
			config->settings, error);
	return (packing->settings_written ||
		       add_file(packing, FOLLOWER_SETTINGS, config->settings,
			       error)) &&
		add_file(packing, FOLLOWER_SIGNAL, "", error);
}

static bool
pass_members(struct packing *packing, struct error *error)
{
	struct writing *writing = packing->writing;
	struct tar_member member;
	bool end = false;

	for (;;) {
		if (!tar_reader_next(writing->reader, &member, &end, error))
			return false;
		if (end)
			return true;
		if (!pass_member(packing, &member, error))
			return false;
		writing->publish_notices(writing->context);
	}
}

bool
pack_archive(struct writing *writing, struct error *error)
{
	struct packing packing = {.writing = writing};
	bool ok = true;

	if (!writing->tee)
		ok = tar_writer_open(
			&packing.writer, write_output, writing, error);
	ok = ok && pass_members(&packing, error);
	if (ok && packing.writer != NULL)
		ok = add_follower(&packing, error) &&
			tar_writer_finish(packing.writer, error);
	tar_writer_free(packing.writer);
	return ok;
}
