#include "backup/tar_stream.h"

#include "archive/libarchive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct tar_reader {
	struct archive *archive;
	struct archive_entry *entry; /* libarchive's */
	tar_source source;
	void *context;
	struct error failure; /* the source's; ERR_NONE: none */
	uint64_t size;	      /* of the member */
	uint64_t read;	      /* of it */
	char *path;
};

struct tar_writer {
	struct archive *archive;
	tar_sink sink;
	void *context;
	struct error failure; /* the sink's */
	bool unfinished;
};

static bool
set_reader_error(struct tar_reader *reader, struct error *error)
{
	const char *reason =
		libarchive()->archive_error_string(reader->archive);

	if (reader->failure.code != ERR_NONE) {
		*error = reader->failure;
		return false;
	}
	if (libarchive()->archive_errno(reader->archive) == ENOMEM)
		return error_set_memory(error);
	return error_set(error, ERR_PROTOCOL,
		"the server sent a tar archive that cannot be read: %s",
		reason != NULL ? reason : "unknown error");
}

static la_ssize_t
read_source(struct archive *archive, void *context, const void **data)
{
	struct tar_reader *reader = context;
	size_t len = 0;

	(void)archive;
	if (reader->failure.code == ERR_NONE &&
		reader->source(reader->context, data, &len, &reader->failure))
		return (la_ssize_t)len;
	return -1;
}

bool
tar_reader_open(struct tar_reader **reader, tar_source source, void *context,
	struct error *error)
{
	struct tar_reader *made;

	if (!libarchive_load(error))
		return false;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return error_set_memory(error);
	made->source = source;
	made->context = context;
	made->archive = libarchive()->archive_read_new();
	if (made->archive == NULL) {
		free(made);
		return error_set_memory(error);
	}
	if (libarchive()->archive_read_support_filter_none(made->archive) !=
			ARCHIVE_OK ||
		libarchive()->archive_read_support_format_tar(made->archive) !=
			ARCHIVE_OK ||
		libarchive()->archive_read_open(made->archive, made, NULL,
			read_source, NULL) != ARCHIVE_OK) {
		(void)set_reader_error(made, error);
		tar_reader_free(made);
		return false;
	}
	*reader = made;
	return true;
}

void
tar_reader_free(struct tar_reader *reader)
{
	if (reader == NULL)
		return;
	(void)libarchive()->archive_read_free(reader->archive);
	free(reader->path);
	free(reader);
}

static bool
find_kind(const struct tar_reader *reader, enum tar_kind *kind)
{
	const char *target;

	if (libarchive()->archive_entry_hardlink(reader->entry) != NULL)
		return false;
	switch (libarchive()->archive_entry_filetype(reader->entry)) {
	case AE_IFREG:
		*kind = TAR_FILE;
		return true;
	case AE_IFDIR:
		*kind = TAR_DIRECTORY;
		return true;
	case AE_IFLNK:
		*kind = TAR_LINK;
		target = libarchive()->archive_entry_symlink(reader->entry);
		return target != NULL && target[0] != '\0';
	default:
		return false;
	}
}

/* Directories come with a slash at the end, and a few with "./" in front. */
static bool
take_path(struct tar_reader *reader, struct error *error)
{
	const char *path = libarchive()->archive_entry_pathname(reader->entry);
	size_t len;

	if (path != NULL && strncmp(path, "./", 2) == 0 && path[2] != '\0')
		path += 2;
	free(reader->path);
	reader->path = path == NULL ? NULL : strdup(path);
	if (path == NULL)
		return error_set(error, ERR_PROTOCOL,
			"the server sent a tar archive with a member without "
			"a name");
	if (reader->path == NULL)
		return error_set_memory(error);
	len = strlen(reader->path);
	if (len > 1 && reader->path[len - 1] == '/')
		reader->path[len - 1] = '\0';
	return true;
}

/* What follows the archive's end is padding: no byte may be left behind. */
static bool
drain(struct tar_reader *reader, struct error *error)
{
	const void *data;
	size_t len = 1;

	while (len > 0)
		if (!reader->source(reader->context, &data, &len, error))
			return false;
	return true;
}

bool
tar_reader_next(struct tar_reader *reader, struct tar_member *member, bool *end,
	struct error *error)
{
	int result = libarchive()->archive_read_next_header(
		reader->archive, &reader->entry);
	struct tar_member found = {.size = 0};

	*end = result == ARCHIVE_EOF;
	if (*end)
		return drain(reader, error);
	if (result != ARCHIVE_OK)
		return set_reader_error(reader, error);
	if (!take_path(reader, error))
		return false;
	if (!find_kind(reader, &found.kind))
		return error_set(error, ERR_PROTOCOL,
			"the server sent \"%.256s\", which is neither a file "
			"nor a directory nor a symbolic link",
			reader->path);
	found.path = reader->path;
	found.target = libarchive()->archive_entry_symlink(reader->entry);
	if (found.kind == TAR_FILE)
		found.size = (uint64_t)libarchive()->archive_entry_size(
			reader->entry);
	reader->size = found.size;
	reader->read = 0;
	*member = found;
	return true;
}

bool
tar_reader_data(struct tar_reader *reader, const void **data, size_t *len,
	struct error *error)
{
	la_int64_t offset = 0;
	int result = libarchive()->archive_read_data_block(
		reader->archive, data, len, &offset);

	if (result != ARCHIVE_OK && result != ARCHIVE_EOF)
		return set_reader_error(reader, error);
	if (result == ARCHIVE_EOF)
		*len = 0;
	/* PostgreSQL sends no sparse files. */
	if (result == ARCHIVE_EOF ? reader->read != reader->size
				  : (uint64_t)offset != reader->read)
		return error_set(error, ERR_PROTOCOL,
			"the server sent \"%.256s\" with a hole in it",
			reader->path);
	if (*len > reader->size - reader->read)
		return error_set(error, ERR_PROTOCOL,
			"the server sent more of \"%.256s\" than it said",
			reader->path);
	reader->read += *len;
	return true;
}

/* What a call came to: the sink may have failed behind libarchive's back. */
static bool
outcome(struct tar_writer *writer, bool ok, struct error *error)
{
	const char *reason =
		libarchive()->archive_error_string(writer->archive);

	if (writer->failure.code != ERR_NONE) {
		*error = writer->failure;
		return false;
	}
	if (ok)
		return true;
	if (libarchive()->archive_errno(writer->archive) == ENOMEM)
		return error_set_memory(error);
	return error_set(error, ERR_SYSTEM, "could not write tar archive: %s",
		reason != NULL ? reason : "unknown error");
}

/* After a failure that it hears of, libarchive leaves memory behind. */
static la_ssize_t
write_sink(struct archive *archive, void *context, const void *data, size_t len)
{
	struct tar_writer *writer = context;

	(void)archive;
	if (writer->failure.code == ERR_NONE)
		(void)writer->sink(
			writer->context, data, len, &writer->failure);
	return (la_ssize_t)len;
}

bool
tar_writer_open(struct tar_writer **writer, tar_sink sink, void *context,
	struct error *error)
{
	struct tar_writer *made;

	if (!libarchive_load(error))
		return false;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return error_set_memory(error);
	made->sink = sink;
	made->context = context;
	made->archive = libarchive()->archive_write_new();
	if (made->archive == NULL) {
		free(made);
		return error_set_memory(error);
	}
	/* ustar as far as it goes, for that is what PostgreSQL reads. */
	if (libarchive()->archive_write_set_format_pax_restricted(
		    made->archive) != ARCHIVE_OK ||
		libarchive()->archive_write_set_bytes_per_block(
			made->archive, 0) != ARCHIVE_OK ||
		libarchive()->archive_write_open(made->archive, made, NULL,
			write_sink, NULL) != ARCHIVE_OK) {
		(void)outcome(made, false, error);
		tar_writer_free(made);
		return false;
	}
	made->unfinished = true;
	*writer = made;
	return true;
}

/*
 * Freed in the middle of a member, libarchive would fill that up with zeros, to
 * whatever size the server gave it.
 */
static void
give_up(struct tar_writer *writer)
{
	if (writer->failure.code == ERR_NONE)
		error_set(&writer->failure, ERR_STOPPED, "given up");
	(void)libarchive()->archive_write_fail(writer->archive);
	(void)libarchive()->archive_write_close(writer->archive);
}

void
tar_writer_free(struct tar_writer *writer)
{
	if (writer == NULL)
		return;
	if (writer->unfinished)
		give_up(writer);
	(void)libarchive()->archive_write_free(writer->archive);
	free(writer);
}

static bool
write_header(struct tar_writer *writer, struct archive_entry *entry,
	struct error *error)
{
	return outcome(writer,
		libarchive()->archive_write_header(writer->archive, entry) ==
			ARCHIVE_OK,
		error);
}

bool
tar_writer_copy(struct tar_writer *writer, struct tar_reader *reader,
	uint64_t size, struct error *error)
{
	struct archive_entry *entry =
		libarchive()->archive_entry_clone(reader->entry);
	bool ok;

	if (entry == NULL)
		return error_set_memory(error);
	if (libarchive()->archive_entry_filetype(entry) == AE_IFREG)
		libarchive()->archive_entry_set_size(entry, (la_int64_t)size);
	ok = write_header(writer, entry, error);
	libarchive()->archive_entry_free(entry);
	return ok;
}

bool
tar_writer_file(struct tar_writer *writer, const char *path, unsigned mode,
	uint64_t size, struct error *error)
{
	struct archive_entry *entry = libarchive()->archive_entry_new();
	bool ok;

	if (entry == NULL)
		return error_set_memory(error);
	libarchive()->archive_entry_set_pathname(entry, path);
	libarchive()->archive_entry_set_filetype(entry, AE_IFREG);
	libarchive()->archive_entry_set_perm(entry, (__LA_MODE_T)mode);
	libarchive()->archive_entry_set_size(entry, (la_int64_t)size);
	libarchive()->archive_entry_set_mtime(entry, time(NULL), 0);
	libarchive()->archive_entry_set_uid(entry, geteuid());
	libarchive()->archive_entry_set_gid(entry, getegid());
	ok = write_header(writer, entry, error);
	libarchive()->archive_entry_free(entry);
	return ok;
}

bool
tar_writer_data(struct tar_writer *writer, const void *data, size_t len,
	struct error *error)
{
	const char *next = data;

	while (len > 0) {
		la_ssize_t written = libarchive()->archive_write_data(
			writer->archive, next, len);

		if (!outcome(writer, written > 0, error))
			return false;
		next += written;
		len -= (size_t)written;
	}
	return true;
}

bool
tar_writer_finish(struct tar_writer *writer, struct error *error)
{
	writer->unfinished = false;
	return outcome(writer,
		libarchive()->archive_write_close(writer->archive) ==
			ARCHIVE_OK,
		error);
}
