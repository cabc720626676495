#include "archive/backup_start.h"

#include "archive/backup_label.h"
#include "archive/backup_manifest.h"
#include "archive/durable.h"
#include "archive/libarchive.h"
#include "wal/segment_name.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_LEN ((size_t)64 * 1024)

#define LABEL_NAME "backup_label"
#define MANIFEST_NAME "backup_manifest"
#define HISTORY_SUFFIX ".backup"
#define OFFSET_LEN 8 /* of a backup history file's name */

/* What is known so far of the backup at a path. */
struct finding {
	const char *path;  /* all for messages */
	const char *file;  /* in the directory path; NULL: path is no such */
	const char *entry; /* of a tar file; NULL: it is none */
	bool found;
	struct backup_start start;
};

/* Say which path an error is about; the reason is in the error already. */
static bool
blame_path(const struct finding *finding, struct error *error)
{
	const struct error reason = *error;
	const char *file = finding->file;
	const char *entry = finding->entry;

	if (reason.code == ERR_DAMAGED)
		error_set(error, ERR_DAMAGED,
			"could not make out where backup \"%s%s%s\" begins: "
			"%s%s%s",
			finding->path, file != NULL ? "/" : "",
			file != NULL ? file : "", entry != NULL ? entry : "",
			entry != NULL ? ": " : "", reason.message);
	return false;
}

/* Two sources that disagree belong to two backups: neither can be trusted. */
static bool
add_start(struct finding *finding, const struct backup_start *start,
	struct error *error)
{
	struct backup_start *known = &finding->start;

	if (!finding->found) {
		*known = *start;
		finding->found = true;
		return true;
	}
	if (start->timeline != known->timeline || start->at != known->at)
		return error_set(error, ERR_DAMAGED,
			"it says timeline %u from " LSN_FORMAT
			" on, but what was read before says timeline %u "
			"from " LSN_FORMAT " on",
			start->timeline, LSN_ARGS(start->at), known->timeline,
			LSN_ARGS(known->at));
	if (start->system_identifier != 0 && known->system_identifier != 0 &&
		start->system_identifier != known->system_identifier)
		return error_set(error, ERR_DAMAGED,
			"it has system identifier %" PRIu64
			", what was read before has %" PRIu64,
			start->system_identifier, known->system_identifier);
	if (known->system_identifier == 0)
		known->system_identifier = start->system_identifier;
	return true;
}

/* What libarchive found wrong: with the file, or with reading it. */
static bool
set_archive_error(struct archive *archive, struct error *error)
{
	int code = libarchive()->archive_errno(archive);
	const char *reason = libarchive()->archive_error_string(archive);

	/* Without memory, libarchive may take a format for an unknown one. */
	if (code == ENOMEM || errno == ENOMEM)
		return error_set_memory(error);
	if (code == EIO || code == EISDIR || code == ESTALE) {
		errno = code;
		return error_set_errno(error, "could not read a backup");
	}
	return error_set(error, ERR_DAMAGED, "%s",
		reason != NULL ? reason : "unknown format");
}

/* A codec_source: the data of the entry that an archive stands at. */
struct entry_source {
	struct archive *archive;
	char begin[BACKUP_LABEL_MAX]; /* read ahead, to tell what it is */
	size_t begin_len;
	size_t taken; /* of begin */
};

static bool
read_data(struct archive *archive, void *data, size_t *len, struct error *error)
{
	la_ssize_t got = libarchive()->archive_read_data(archive, data, *len);

	if (got < 0)
		return set_archive_error(archive, error);
	*len = (size_t)got;
	return true;
}

static bool
read_entry(void *context, void *data, size_t *len, struct error *error)
{
	struct entry_source *source = context;
	size_t left = source->begin_len - source->taken;

	if (left == 0)
		return read_data(source->archive, data, len, error);
	if (*len > left)
		*len = left;
	memcpy(data, source->begin + source->taken, *len);
	source->taken += *len;
	return true;
}

static bool
read_ahead(struct entry_source *source, struct error *error)
{
	size_t len;

	do {
		len = sizeof(source->begin) - source->begin_len;
		if (!read_data(source->archive,
			    source->begin + source->begin_len, &len, error))
			return false;
		source->begin_len += len;
	} while (len > 0 && source->begin_len < sizeof(source->begin));
	return true;
}

/* Tell a manifest from a label by its first byte, and read it. */
static bool
parse_entry(struct entry_source *source, struct backup_start *start,
	struct error *error)
{
	size_t label_len = strlen(BACKUP_LABEL_BEGIN);

	if (!read_ahead(source, error))
		return false;
	if (source->begin_len > 0 && source->begin[0] == '{')
		return backup_manifest_read(start, read_entry, source, error);
	if (source->begin_len < label_len ||
		memcmp(source->begin, BACKUP_LABEL_BEGIN, label_len) != 0)
		return error_set(error, ERR_DAMAGED,
			"it is neither a backup_manifest, a backup_label, a "
			"backup history file nor a tar file");
	if (source->begin_len == sizeof(source->begin))
		return error_set(error, ERR_DAMAGED, "it is too large");
	return backup_label_parse(
		start, source->begin, source->begin_len, error);
}

static bool
read_source(
	struct finding *finding, struct archive *archive, struct error *error)
{
	struct entry_source *source = calloc(1, sizeof(*source));
	struct backup_start start;
	bool success;

	if (source == NULL)
		return error_set_memory(error);
	source->archive = archive;
	success = parse_entry(source, &start, error) &&
		add_start(finding, &start, error);
	free(source);
	return success;
}

/* *top: the entry is not in a folder of the tar file. */
static bool
is_source_path(const char *path, bool *top)
{
	const char *slash;

	if (strncmp(path, "./", 2) == 0)
		path += 2;
	slash = strrchr(path, '/');
	*top = slash == NULL;
	if (slash != NULL)
		path = slash + 1;
	return strcmp(path, LABEL_NAME) == 0 ||
		strcmp(path, MANIFEST_NAME) == 0;
}

/*
 * Look into every entry, up to one at the top: a backup has no second one, and
 * the server puts it first. In folders there may be those of several backups.
 */
static bool
read_tar(struct finding *finding, struct archive *archive,
	struct archive_entry *entry, struct error *error)
{
	bool top = false;
	int result;

	do {
		const char *path = libarchive()->archive_entry_pathname(entry);

		if (path != NULL && is_source_path(path, &top)) {
			finding->entry = path;
			if (!read_source(finding, archive, error))
				return blame_path(finding, error);
			if (top)
				break;
		}
		result =
			libarchive()->archive_read_next_header(archive, &entry);
	} while (result == ARCHIVE_OK || result == ARCHIVE_WARN);
	finding->entry = NULL;
	if (!top && result != ARCHIVE_EOF) {
		set_archive_error(archive, error);
		return blame_path(finding, error);
	}
	return true;
}

static bool
read_archive(
	struct finding *finding, struct archive *archive, struct error *error)
{
	struct archive_entry *entry;
	int result = libarchive()->archive_read_next_header(archive, &entry);

	if (result == ARCHIVE_EOF)
		return true;
	if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
		set_archive_error(archive, error);
		return blame_path(finding, error);
	}
	if (libarchive()->archive_format(archive) != ARCHIVE_FORMAT_RAW)
		return read_tar(finding, archive, entry, error);
	return read_source(finding, archive, error) ||
		blame_path(finding, error);
}

/* The filters that need no other program, and the formats that matter. */
static bool
support_formats(struct archive *archive)
{
	const struct libarchive *la = libarchive();

	return la->archive_read_support_filter_gzip(archive) > ARCHIVE_FATAL &&
		la->archive_read_support_filter_lz4(archive) > ARCHIVE_FATAL &&
		la->archive_read_support_filter_zstd(archive) > ARCHIVE_FATAL &&
		la->archive_read_support_format_tar(archive) > ARCHIVE_FATAL &&
		la->archive_read_support_format_raw(archive) > ARCHIVE_FATAL;
}

static bool
read_stream(struct finding *finding, int fd, struct error *error)
{
	struct archive *archive;
	bool success;

	if (!libarchive_load(error))
		return false;
	errno = 0;
	archive = libarchive()->archive_read_new();
	if (archive == NULL)
		return error_set_memory(error);
	if (!support_formats(archive))
		success = error_set_memory(error);
	else if (libarchive()->archive_read_open_fd(archive, fd, BLOCK_LEN) ==
		ARCHIVE_OK)
		success = read_archive(finding, archive, error);
	else {
		set_archive_error(archive, error);
		success = blame_path(finding, error);
	}
	(void)libarchive()->archive_read_free(archive);
	return success;
}

static bool
is_suffixed(const char *name, const char *suffix)
{
	size_t len = strlen(name);
	size_t suffix_len = strlen(suffix);

	return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

/* A tar file, but for those of tablespaces and of WAL: they are large. */
static bool
is_tar_name(const char *name)
{
	static const char *const suffixes[] = {
		".tar", ".tar.gz", ".tgz", ".tar.lz4", ".tar.zst"};

	if (strspn(name, "0123456789") == strcspn(name, ".") ||
		strncmp(name, "pg_wal.", strlen("pg_wal.")) == 0)
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (is_suffixed(name, suffixes[i]))
			return true;
	return false;
}

/* "000000010000000000000002.00000028.backup" */
static bool
is_history_name(const char *name)
{
	static const char digits[] = "0123456789ABCDEF";

	return strspn(name, digits) == SEGMENT_NAME_LEN &&
		name[SEGMENT_NAME_LEN] == '.' &&
		strspn(name + SEGMENT_NAME_LEN + 1, digits) == OFFSET_LEN &&
		strcmp(name + SEGMENT_NAME_LEN + 1 + OFFSET_LEN,
			HISTORY_SUFFIX) == 0;
}

static bool
is_source_name(const char *name)
{
	return strcmp(name, LABEL_NAME) == 0 ||
		strcmp(name, MANIFEST_NAME) == 0 || is_history_name(name) ||
		is_tar_name(name);
}

/* What a reading of a directory works with. */
struct search {
	struct finding *finding;
	const struct directory *directory;
};

static bool
search_name(void *context, const char *name, struct error *error)
{
	const struct search *search = context;
	bool success;
	int fd;

	if (!is_source_name(name))
		return true;
	if (!durable_open_to_read(search->directory, name, &fd, error))
		return false;
	search->finding->file = name;
	success = read_stream(search->finding, fd, error);
	search->finding->file = NULL;
	(void)close(fd);
	return success;
}

static bool
read_directory(struct finding *finding, struct error *error)
{
	struct directory directory;
	struct search search = {finding, &directory};
	bool success;

	directory_init(&directory);
	if (!directory_open(&directory, finding->path, error))
		return false;
	success = directory_each(&directory, search_name, &search, error);
	directory_close(&directory);
	return success;
}

/* Nothing that makes the opening or the reading wait. */
static bool
read_path(struct finding *finding, int fd, struct error *error)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return error_set_errno(error,
			"could not get the state of \"%s\"", finding->path);
	if (S_ISDIR(status.st_mode))
		return read_directory(finding, error);
	if (S_ISREG(status.st_mode))
		return read_stream(finding, fd, error);
	error_set(error, ERR_DAMAGED, "it is neither a file nor a directory");
	return blame_path(finding, error);
}

bool
backup_start_read(
	struct backup_start *start, const char *path, struct error *error)
{
	struct finding finding = {.path = path};
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	bool success;

	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return error_set(error, ERR_NOT_FOUND,
				"backup \"%s\" does not exist", path);
		return error_set_errno(
			error, "could not open backup \"%s\"", path);
	}
	success = read_path(&finding, fd, error);
	(void)close(fd);
	if (!success)
		return false;
	if (!finding.found)
		return error_set(error, ERR_NOT_FOUND,
			"\"%s\" holds neither a backup_manifest nor a "
			"backup_label",
			path);
	*start = finding.start;
	return true;
}
