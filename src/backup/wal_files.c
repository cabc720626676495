#include "backup/wal_files.h"

#include "archive/catalog.h"
#include "archive/lock.h"
#include "archive/segment_scan.h"
#include "backup/output_file.h"
#include "backup/tar_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATUS_FOLDER "archive_status"
#define READ_SIZE 65536

static bool
exists(const struct directory *directory, const char *name)
{
	struct stat status;

	return fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW) ==
		0 &&
		S_ISREG(status.st_mode);
}

/* Find segment number in any codec and on any timeline of the range. */
static bool
find_segment(const struct directory *directory, const struct wal_range *range,
	enum archive_name_kind kind, uint64_t number,
	struct archive_name *found)
{
	char name[ARCHIVE_NAME_MAX];

	for (uint32_t timeline = range->end.timeline;
		timeline >= range->begin.timeline && timeline > 0; timeline--)
		for (int codec = 0; codec < CODECS; codec++) {
			*found = (struct archive_name){
				.kind = kind,
				.timeline = timeline,
				.number = number,
				.codec = (enum codec)codec,
			};
			archive_name_format(
				name, found, range->identity.segment_size);
			if (exists(directory, name))
				return true;
		}
	return false;
}

static void
format_missing(const struct wal_range *range, uint64_t number,
	char missing[ARCHIVE_NAME_MAX])
{
	struct archive_name name = {
		.kind = NAME_SEGMENT,
		.timeline = range->end.timeline,
		.number = number,
	};

	archive_name_format(missing, &name, range->identity.segment_size);
}

static uint64_t
first_number(const struct wal_range *range)
{
	return lsn_segment_number(
		range->begin.at, range->identity.segment_size);
}

static uint64_t
last_number(const struct wal_range *range)
{
	return lsn_segment_number(
		range->end.at - 1, range->identity.segment_size);
}

/* The first segment from number on that is not complete. */
static uint64_t
first_missing(const struct directory *directory, const struct wal_range *range)
{
	struct archive_name found;
	uint64_t number = first_number(range);

	while (number <= last_number(range) &&
		find_segment(directory, range, NAME_SEGMENT, number, &found))
		number++;
	return number;
}

static bool
finish_last(const struct directory *directory, const struct wal_range *range,
	struct error *error)
{
	char from[ARCHIVE_NAME_MAX];
	char to[ARCHIVE_NAME_MAX];
	struct archive_name found;

	if (first_missing(directory, range) != last_number(range) ||
		!find_segment(directory, range, NAME_PARTIAL,
			last_number(range), &found))
		return true;
	archive_name_format(from, &found, range->identity.segment_size);
	found.kind = NAME_SEGMENT;
	archive_name_format(to, &found, range->identity.segment_size);
	return durable_rename(directory, from, to, error);
}

struct settling {
	const struct directory *directory;
	const struct directory *marks;
};

/* PostgreSQL would archive again what it finds without such a mark. */
static bool
settle_file(void *context, const char *name, struct error *error)
{
	const struct settling *settling = context;
	char mark[ARCHIVE_NAME_MAX + sizeof(".done")];
	struct archive_name parsed;
	int fd = -1;

	if (name[0] == '.')
		return durable_unlink(settling->directory, name, error);
	archive_name_parse(&parsed, name, WAL_SEGMENT_SIZE_MIN);
	if (parsed.kind == NAME_PARTIAL)
		return durable_unlink(settling->directory, name, error);
	if (parsed.kind != NAME_SEGMENT && parsed.kind != NAME_HISTORY)
		return true;
	(void)snprintf(mark, sizeof(mark), "%s.done", name);
	return durable_create(settling->marks, mark, 0, &fd, error) &&
		durable_close(fd, mark, error);
}

static bool
open_below(const struct tree *tree, const char *folder,
	struct directory *directory, struct error *error)
{
	struct text path;
	bool ok;

	text_init(&path);
	text_printf(&path, "%s/%s", tree->directory.path, folder);
	directory_init(directory);
	directory->file_mode = tree->directory.file_mode;
	directory->sync = tree->directory.sync;
	ok = path.failed ? error_set_memory(error)
			 : directory_open(directory, path.string, error);
	text_free(&path);
	return ok;
}

bool
wal_files_settle(const struct tree *tree, const char *folder,
	const struct wal_range *range, struct error *error)
{
	struct directory directory;
	struct directory marks;
	struct settling settling = {&directory, &marks};
	char path[ARCHIVE_NAME_MAX];
	uint64_t number;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s%s" STATUS_FOLDER, folder,
		folder[0] == '\0' ? "" : "/");
	directory_init(&marks);
	ok = open_below(tree, folder, &directory, error) &&
		tree_make_directory(tree, path, error) &&
		open_below(tree, path, &marks, error) &&
		finish_last(&directory, range, error) &&
		directory_each(&directory, settle_file, &settling, error);
	number = ok ? first_missing(&directory, range) : 0;
	if (ok && number <= last_number(range)) {
		format_missing(range, number, path);
		ok = error_set(error, ERR_GAP,
			"WAL segment %s, which the backup needs, was not "
			"received",
			path);
	}
	directory_close(&marks);
	directory_close(&directory);
	return ok;
}

struct packing {
	struct output_file *output;
	struct tar_writer *writer;
	const struct directory *directory; /* that is being packed */
	const char *prefix;		   /* of its files in the archive */
};

static bool
write_output(void *context, const void *data, size_t len, struct error *error)
{
	struct packing *packing = context;

	return output_file_write(packing->output, data, len, error);
}

static bool
copy_file(
	struct packing *packing, int fd, const char *name, struct error *error)
{
	char buffer[READ_SIZE];
	ssize_t len;

	while ((len = read(fd, buffer, sizeof(buffer))) > 0)
		if (!tar_writer_data(
			    packing->writer, buffer, (size_t)len, error))
			return false;
	return len == 0 ||
		error_set_errno(error, "could not read file \"%s\"", name);
}

static bool
pack_file(void *context, const char *name, struct error *error)
{
	struct packing *packing = context;
	const struct directory *directory = packing->directory;
	char path[2 * ARCHIVE_NAME_MAX];
	struct stat status;
	int fd;
	bool ok;

	if (strcmp(name, STATUS_FOLDER) == 0)
		return true;
	if (!durable_open_to_read(directory, name, &fd, error))
		return false;
	(void)snprintf(path, sizeof(path), "%s%s", packing->prefix, name);
	ok = fstat(fd, &status) == 0 ||
		error_set_errno(error, "could not stat file \"%s\"", name);
	ok = ok &&
		tar_writer_file(packing->writer, path, directory->file_mode,
			(uint64_t)status.st_size, error) &&
		copy_file(packing, fd, name, error);
	(void)close(fd);
	return ok;
}

static bool
pack_folder(struct packing *packing, const struct tree *tree,
	const char *folder, const char *prefix, struct error *error)
{
	struct directory directory;
	bool ok;

	packing->prefix = prefix;
	packing->directory = &directory;
	ok = open_below(tree, folder, &directory, error) &&
		directory_each(&directory, pack_file, packing, error);
	packing->directory = NULL;
	directory_close(&directory);
	return ok;
}

bool
wal_files_pack(struct tree *tree, const char *folder, enum codec codec,
	int level, struct error *error)
{
	struct packing packing = {.prefix = ""};
	char marks[ARCHIVE_NAME_MAX];
	bool ok;

	(void)snprintf(marks, sizeof(marks), "%s/" STATUS_FOLDER, folder);
	ok = output_file_open(&packing.output, &tree->directory, "pg_wal.tar",
		     codec, level, error) &&
		tar_writer_open(
			&packing.writer, write_output, &packing, error) &&
		pack_folder(&packing, tree, folder, "", error) &&
		pack_folder(&packing, tree, marks, STATUS_FOLDER "/", error) &&
		tar_writer_finish(packing.writer, error) &&
		output_file_finish(packing.output, error) &&
		output_file_publish(packing.output, error) &&
		tree_remove(tree, folder, error);
	tar_writer_free(packing.writer);
	output_file_free(packing.output);
	return ok;
}

/* What is read may only be in memory yet. */
static bool
sync_file(const struct directory *directory, const char *name,
	struct error *error)
{
	bool ok;
	int fd;

	if (!durable_open_to_read(directory, name, &fd, error))
		return false;
	ok = durable_sync(directory, fd, name, error);
	(void)close(fd);
	return ok && durable_sync_directory(directory, error);
}

/* Does an open segment hold the end? One that vanishes just became complete. */
static bool
last_is_open(const struct directory *archive, const struct wal_range *range,
	bool *holds, struct error *error)
{
	struct archive_name found;
	struct segment_scan scan;
	char name[ARCHIVE_NAME_MAX];

	*holds = false;
	if (!find_segment(
		    archive, range, NAME_PARTIAL, last_number(range), &found))
		return true;
	if (!segment_scan(&scan, archive, &range->identity, &found, error))
		return error->code == ERR_NOT_FOUND;
	if (!scan.full && lsn_align(scan.boundary) < range->end.at)
		return true;
	archive_name_format(name, &found, range->identity.segment_size);
	if (!sync_file(archive, name, error))
		return error->sys_errno == ENOENT;
	*holds = true;
	return true;
}

bool
wal_files_archived(const struct directory *archive,
	const struct wal_range *range, bool *complete,
	char missing[ARCHIVE_NAME_MAX], struct error *error)
{
	uint64_t number = first_missing(archive, range);

	*complete = number > last_number(range);
	if (number == last_number(range) &&
		!last_is_open(archive, range, complete, error))
		return false;
	if (!*complete)
		format_missing(range, number, missing);
	return true;
}
