#include "archive/resume.h"

#include "archive/gap_record.h"
#include "archive/segment.h"
#include "archive/segment_reader.h"
#include "base/byteorder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BUFFER_SIZE ((size_t)1 << 20)

/* What reading a segment showed. */
struct scan {
	struct archive_name name;
	lsn start;     /* of the segment */
	lsn boundary;  /* the last whole record ends here */
	lsn previous;  /* start of that record */
	lsn last_byte; /* the end of what is not zero, at least boundary */
	bool readable; /* to its end, and of the right size */
	bool full;     /* valid to its end, save a record that goes on */
};

static void
format_name(const struct archive_resume *resume,
	const struct archive_name *name, char text[ARCHIVE_NAME_MAX])
{
	archive_name_format(text, name, resume->identity.segment_size);
}

static bool
move_aside(const struct archive_resume *resume, const struct archive_name *name,
	struct error *error)
{
	char from[ARCHIVE_NAME_MAX];
	char to[ARCHIVE_NAME_MAX + sizeof("..bad")];

	format_name(resume, name, from);
	(void)snprintf(to, sizeof(to), ".%s.bad", from);
	text_printf(resume->notices,
		"file \"%s\" is not a readable segment; moved aside to "
		"\"%s\"\n",
		from, to);
	return durable_rename(resume->directory, from, to, error) &&
		durable_sync_directory(resume->directory, error);
}

/* The size that a raw file must have; a codec's may have any. */
static bool
size_fits(const struct archive_resume *resume, const struct archive_name *name)
{
	char text[ARCHIVE_NAME_MAX];
	struct stat status;

	if (name->codec != CODEC_NONE)
		return true;
	format_name(resume, name, text);
	return fstatat(resume->directory->fd, text, &status,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
		status.st_size == (off_t)resume->identity.segment_size;
}

/*
 * Read the head of a file. *len: the room, then what could be had (less at a
 * damaged end). False only for what a reading of any file can meet.
 */
static bool
read_head(const struct archive_resume *resume, const struct archive_name *name,
	unsigned char *head, size_t *len, struct error *error)
{
	struct segment_reader *reader;
	char text[ARCHIVE_NAME_MAX];
	size_t filled = 0;
	bool success = true;

	format_name(resume, name, text);
	if (!segment_reader_open(
		    &reader, resume->directory, text, name->codec, error))
		return false;
	while (filled < *len) {
		size_t piece = *len - filled;

		success = segment_reader_read(
			reader, head + filled, &piece, error);
		filled += piece;
		if (!success || piece == 0)
			break;
	}
	segment_reader_close(reader);
	*len = filled;
	return success || error->code == ERR_DAMAGED;
}

/* Compare a segment's first page header with the server's identity. */
static bool
check_head(const struct archive_resume *resume, const unsigned char *head,
	const char *file, struct error *error)
{
	uint64_t system_identifier = get_le64(head + 24);
	uint32_t segment_size = get_le32(head + 32);

	if (system_identifier != resume->identity.system_identifier) {
		error_set(error, ERR_DIVERGED,
			"archive \"%s\" belongs to another cluster: file "
			"\"%s\" has system identifier %llu, the server's is "
			"%llu",
			resume->directory->path, file,
			(unsigned long long)system_identifier,
			(unsigned long long)resume->identity.system_identifier);
		return error_set_hint(error,
			"Use one directory per cluster: give another one with "
			"-D, or connect to the server that this archive is "
			"of.");
	}
	if (segment_size != resume->identity.segment_size)
		return error_set(error, ERR_DIVERGED,
			"archive \"%s\" has another segment size: file \"%s\" "
			"says %u bytes, the server %u",
			resume->directory->path, file, segment_size,
			resume->identity.segment_size);
	return true;
}

/* Also one of a version that is newer than we are. */
static bool
is_long_header(const unsigned char *head)
{
	return wal_magic_version(get_le16(head)) != 0 ||
		get_le32(head + 36) == WAL_PAGE_SIZE;
}

/*
 * *told becomes true if the file has a long page header at its start, which
 * was compared. A file without one says nothing.
 */
static bool
check_file(const struct archive_resume *resume, const struct archive_name *name,
	bool *told, struct error *error)
{
	unsigned char head[WAL_LONG_HEADER_LEN];
	size_t len = sizeof(head);
	char text[ARCHIVE_NAME_MAX];

	if (!read_head(resume, name, head, &len, error))
		return false;
	*told = len == sizeof(head) && is_long_header(head);
	if (!*told)
		return true;
	format_name(resume, name, text);
	return check_head(resume, head, text, error);
}

static bool
check_catalog(const struct archive_resume *resume,
	const struct catalog *catalog, struct error *error)
{
	bool told = false;

	for (size_t i = catalog->timeline_count; i > 0 && !told; i--) {
		const struct catalog_timeline *row = &catalog->timelines[i - 1];

		if (row->has_complete &&
			!check_file(resume, &row->newest, &told, error))
			return false;
	}
	for (size_t i = 0; i < catalog->partial_count && !told; i++)
		if (!check_file(resume, &catalog->partials[i], &told, error))
			return false;
	if (!told && catalog->foreign[0] != '\0')
		return error_set(error, ERR_DIVERGED,
			"archive \"%s\" has another segment size: file \"%s\" "
			"cannot be one of a server with segments of %u bytes",
			resume->directory->path, catalog->foreign,
			resume->identity.segment_size);
	return true;
}

bool
archive_check_identity(const struct archive_resume *resume, struct error *error)
{
	struct catalog catalog;
	bool success;

	if (!catalog_scan(&catalog, resume->directory,
		    resume->identity.segment_size, error))
		return false;
	success = check_catalog(resume, &catalog, error);
	catalog_free(&catalog);
	return success;
}

/* Take len bytes that lie at LSN at into the scan. */
static void
scan_piece(struct scan *scan, struct record_verifier *verifier, lsn at,
	const unsigned char *data, size_t len)
{
	struct error ignored;
	size_t used = len;

	while (used > 0 && data[used - 1] == 0)
		used--;
	if (used > 0)
		scan->last_byte = at + used;
	(void)record_verifier_feed(verifier, data, len, &ignored);
}

/*
 * Read until the WAL, the file or its sound part ends. The end of a stream
 * holds its checksum, so it must be reached, and be where the segment ends.
 */
static bool
scan_bytes(struct scan *scan, struct record_verifier *verifier,
	struct segment_reader *reader, lsn end, struct error *error)
{
	unsigned char *buffer = malloc(READ_BUFFER_SIZE);
	lsn at = verifier->position;
	bool success = true;
	bool ended = false;

	if (buffer == NULL)
		return error_set_memory(error);
	while (success && !ended && at < end && verifier->position == at) {
		size_t len = READ_BUFFER_SIZE;

		if (end - at < len)
			len = (size_t)(end - at);
		success = segment_reader_read(reader, buffer, &len, error);
		scan_piece(scan, verifier, at, buffer, len);
		at += len;
		ended = len == 0;
	}
	if (success && at == end) {
		size_t len = 1;

		success = segment_reader_read(reader, buffer, &len, error);
		scan->readable = len == 0;
	} else if (ended) {
		scan->readable = scan->name.kind == NAME_PARTIAL;
	}
	free(buffer);
	if (success)
		return true;
	scan->readable = false;
	return error->code == ERR_DAMAGED;
}

/* Read one more segment, the next that the verifier expects, into scan. */
static bool
scan_file(const struct archive_resume *resume, const struct archive_name *name,
	struct record_verifier *verifier, struct scan *scan,
	struct error *error)
{
	uint32_t size = resume->identity.segment_size;
	struct segment_reader *reader;
	char text[ARCHIVE_NAME_MAX];
	bool success;

	*scan = (struct scan){.name = *name, .start = name->number * size};
	scan->boundary = scan->start;
	scan->last_byte = scan->start;
	scan->readable = size_fits(resume, name);
	if (!scan->readable)
		return true;

	format_name(resume, name, text);
	if (!segment_reader_open(
		    &reader, resume->directory, text, name->codec, error))
		return false;
	success = scan_bytes(scan, verifier, reader, scan->start + size, error);
	segment_reader_close(reader);
	return success;
}

static void
start_verifier(const struct archive_resume *resume,
	const struct archive_name *name, struct record_verifier *verifier)
{
	record_verifier_init(verifier, &resume->identity);
	record_verifier_start(verifier, name->timeline,
		name->number * resume->identity.segment_size, LSN_NONE);
}

/*
 * Read a segment and prove its WAL. The end of valid WAL is no error: it is
 * the result.
 */
static bool
scan_segment(const struct archive_resume *resume,
	const struct archive_name *name, struct scan *scan, struct error *error)
{
	struct record_verifier verifier;

	start_verifier(resume, name, &verifier);
	if (!scan_file(resume, name, &verifier, scan, error))
		return false;

	/* Of pages that nobody can read, only the next one proves the last. */
	scan->full = verifier.position ==
		scan->start + resume->identity.segment_size;
	if (verifier.state != VERIFIER_OFF) {
		scan->boundary = record_verifier_boundary(&verifier);
		scan->previous = record_verifier_previous(&verifier);
	}
	if (scan->last_byte < scan->boundary)
		scan->last_byte = scan->boundary;
	return true;
}

/* True if a is worth more than b: it holds more, or needs less work. */
static bool
scan_is_better(const struct scan *a, const struct scan *b)
{
	if (a->boundary != b->boundary)
		return a->boundary > b->boundary;
	if (a->last_byte != b->last_byte)
		return a->last_byte > b->last_byte;
	return a->name.codec == CODEC_NONE && b->name.codec != CODEC_NONE;
}

/*
 * Scan every form of one open segment and keep the best. Forms that cannot be
 * read and hold nothing are moved aside. *found: there is one left.
 */
static bool
scan_forms(const struct archive_resume *resume, const struct catalog *catalog,
	const struct archive_name *wanted, struct scan *best, bool *found,
	struct error *error)
{
	*found = false;
	for (size_t i = 0; i < catalog->partial_count; i++) {
		const struct archive_name *name = &catalog->partials[i];
		struct scan scan;

		if (name->timeline != wanted->timeline ||
			name->number != wanted->number)
			continue;
		if (!scan_segment(resume, name, &scan, error))
			return false;
		if (!scan.readable && scan.last_byte == scan.start) {
			if (!move_aside(resume, name, error))
				return false;
			continue;
		}
		if (!*found || scan_is_better(&scan, best))
			*best = scan;
		*found = true;
	}
	return true;
}

/* Copy the plain bytes of an encoded open segment into a raw file. */
static bool
copy_plain(const struct archive_resume *resume, const struct scan *scan,
	struct segment *segment, struct error *error)
{
	lsn at = scan->start;
	unsigned char *buffer = malloc(READ_BUFFER_SIZE);
	struct segment_reader *reader = NULL;
	char text[ARCHIVE_NAME_MAX];
	bool success = false;

	if (buffer == NULL)
		return error_set_memory(error);
	format_name(resume, &scan->name, text);
	if (!segment_reader_open(
		    &reader, resume->directory, text, scan->name.codec, error))
		goto finish;
	while (at < scan->last_byte) {
		size_t len = READ_BUFFER_SIZE;

		if (scan->last_byte - at < len)
			len = (size_t)(scan->last_byte - at);
		if (!segment_reader_read(reader, buffer, &len, error) &&
			len == 0)
			goto finish;
		if (!segment_write(segment, buffer, len, error))
			goto finish;
		at += len;
	}
	success = true;

finish:
	segment_reader_close(reader);
	free(buffer);
	return success;
}

static bool
make_raw(const struct archive_resume *resume, const struct scan *scan,
	struct error *error)
{
	const struct archive_name *name = &scan->name;
	struct segment_spec spec = {
		.directory = resume->directory,
		.timeline = name->timeline,
		.number = name->number,
		.segment_size = resume->identity.segment_size,
		.begin = scan->start,
	};
	struct segment *segment;
	bool success;

	if (!segment_open(&segment, &spec, error))
		return false;
	success = copy_plain(resume, scan, segment, error) &&
		segment_persist(segment, error);
	segment_free(segment);
	return success;
}

/* Write the bytes of a raw file over themselves. */
static bool
rewrite(const struct archive_resume *resume, const struct scan *scan,
	const char *file, int fd, struct error *error)
{
	unsigned char *buffer = malloc(READ_BUFFER_SIZE);
	struct segment_reader *reader = NULL;
	lsn at = scan->start;
	bool success = false;

	if (buffer == NULL)
		return error_set_memory(error);
	if (!segment_reader_open(
		    &reader, resume->directory, file, CODEC_NONE, error))
		goto finish;
	while (at < scan->last_byte) {
		size_t len = READ_BUFFER_SIZE;

		if (scan->last_byte - at < len)
			len = (size_t)(scan->last_byte - at);
		if (!segment_reader_read(reader, buffer, &len, error) ||
			!durable_write(
				fd, file, buffer, len, at - scan->start, error))
			goto finish;
		at += len;
	}
	success = true;

finish:
	segment_reader_close(reader);
	free(buffer);
	return success;
}

/*
 * A process that died may have written the file, or renamed it, and not
 * reached the sync; or the sync failed, and the kernel counts pages as clean
 * that never got to the disk. Only what is written again and synced now is
 * known to be durable.
 */
static bool
sync_raw(const struct archive_resume *resume, const struct scan *scan,
	struct error *error)
{
	struct error ignored;
	char file[ARCHIVE_NAME_MAX];
	bool success;
	int fd;

	format_name(resume, &scan->name, file);
	if (!durable_open(resume->directory, file, &fd, error))
		return false;
	success = rewrite(resume, scan, file, fd, error) &&
		durable_sync(resume->directory, fd, file, error);
	if (!durable_close(fd, file, success ? error : &ignored))
		success = false;
	return success && durable_sync_directory(resume->directory, error);
}

/* Remove the forms of an open segment, perhaps not the raw one. */
static bool
remove_forms(const struct archive_resume *resume, const struct catalog *catalog,
	const struct archive_name *wanted, bool keep_raw, struct error *error)
{
	for (size_t i = 0; i < catalog->partial_count; i++) {
		const struct archive_name *name = &catalog->partials[i];
		char text[ARCHIVE_NAME_MAX];

		if (name->timeline != wanted->timeline ||
			name->number != wanted->number ||
			(keep_raw && name->codec == CODEC_NONE))
			continue;
		format_name(resume, name, text);
		if (!durable_unlink(resume->directory, text, error))
			return false;
	}
	return true;
}

/* Leave the open segment in one form: raw, and durable. */
static bool
keep_one_form(const struct archive_resume *resume,
	const struct catalog *catalog, const struct scan *scan,
	struct error *error)
{
	if (scan->name.codec == CODEC_NONE) {
		if (!sync_raw(resume, scan, error))
			return false;
	} else if (scan->last_byte >
		scan->name.number * resume->identity.segment_size) {
		if (!make_raw(resume, scan, error))
			return false;
	}
	return remove_forms(resume, catalog, &scan->name, true, error);
}

/* Give an open segment that is full its final name. */
static bool
complete_segment(const struct archive_resume *resume,
	const struct archive_name *name, struct error *error)
{
	uint32_t size = resume->identity.segment_size;
	struct segment_spec spec = {
		.directory = resume->directory,
		.timeline = name->timeline,
		.number = name->number,
		.segment_size = size,
		.begin = (name->number + 1) * size,
		.held = (name->number + 1) * size,
		.codec = resume->codec,
		.level = resume->level,
	};
	struct segment *segment;
	bool success;

	if (!segment_open(&segment, &spec, error))
		return false;
	success = segment_prepare(segment, NULL, error) &&
		segment_publish(segment, error);
	segment_free(segment);
	return success;
}

/* Find the complete file of a segment, whatever its codec: *name becomes it. */
static bool
find_complete(const struct archive_resume *resume, struct archive_name *name)
{
	struct archive_name complete = *name;
	char text[ARCHIVE_NAME_MAX];

	complete.kind = NAME_SEGMENT;
	for (int codec = CODEC_NONE; codec < CODECS; codec++) {
		complete.codec = (enum codec)codec;
		format_name(resume, &complete, text);
		if (faccessat(resume->directory->fd, text, F_OK,
			    AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		*name = complete;
		return true;
	}
	return false;
}

/* The row of the first form of an open segment; partial_count: none. */
static size_t
find_open(const struct catalog *catalog, const struct archive_name *name)
{
	size_t i = 0;

	while (i < catalog->partial_count &&
		(catalog->partials[i].timeline != name->timeline ||
			catalog->partials[i].number != name->number))
		i++;
	return i;
}

/*
 * Zeros at the end of a segment may be bytes of its last record or bytes that
 * never came. That record's checksum tells, once its rest has been read in the
 * segments that follow.
 */
static bool
prove_end(const struct archive_resume *resume, const struct catalog *catalog,
	const struct scan *scan, bool *proven, struct error *error)
{
	uint32_t size = resume->identity.segment_size;
	struct archive_name name = scan->name;
	struct record_verifier verifier;
	struct scan next;
	bool found = true;

	start_verifier(resume, &name, &verifier);
	*proven = scan->boundary == scan->start + size;
	while (!*proven && found && verifier.position == name.number * size) {
		if (!scan_file(resume, &name, &verifier, &next, error))
			return false;
		*proven = record_verifier_boundary(&verifier) >
			scan->start + size;
		name.number++;
		found = find_complete(resume, &name);
		if (!found) {
			size_t row = find_open(catalog, &name);

			found = row < catalog->partial_count;
			name = found ? catalog->partials[row] : name;
		}
	}
	return true;
}

static bool
complete_if_full(const struct archive_resume *resume,
	const struct catalog *catalog, const struct archive_name *name,
	struct error *error)
{
	struct scan scan;
	char text[ARCHIVE_NAME_MAX];
	bool found;
	bool full = false;
	bool accepted;

	if (!scan_forms(resume, catalog, name, &scan, &found, error))
		return false;
	if (!found)
		return true;
	if (scan.full && !prove_end(resume, catalog, &scan, &full, error))
		return false;
	if (full)
		return keep_one_form(resume, catalog, &scan, error) &&
			complete_segment(resume, name, error);
	if (!gap_record_find(resume->directory, name->timeline, scan.boundary,
		    &accepted, error))
		return false;
	if (accepted)
		return true;
	format_name(resume, &scan.name, text);
	text_printf(resume->notices,
		"file \"%s\" is not full, but later WAL of its timeline is "
		"there\n",
		text);
	return true;
}

/*
 * A process that died between the final name and the removal of the open
 * segment left both. The directory is synced first: that process may not have.
 */
static bool
remove_if_superseded(const struct archive_resume *resume,
	const struct catalog *catalog, const struct archive_name *complete,
	struct error *error)
{
	struct scan scan;
	struct scan open;
	bool found;

	if (!scan_segment(resume, complete, &scan, error) ||
		!scan_forms(resume, catalog, complete, &open, &found, error))
		return false;
	if (!found || !scan.readable || !scan.full ||
		open.last_byte > scan.last_byte)
		return true;
	return durable_sync_directory(resume->directory, error) &&
		remove_forms(resume, catalog, complete, false, error);
}

/*
 * Names appear in order, so an open segment below the newest one of its
 * timeline had all its bytes when the process died that was to complete it,
 * unless a gap was allowed.
 */
static bool
finish_older(const struct archive_resume *resume, const struct catalog *catalog,
	const struct archive_name *newest, struct error *error)
{
	for (size_t i = 0; i < catalog->partial_count; i++) {
		struct archive_name name = catalog->partials[i];

		if (name.timeline != newest->timeline ||
			name.number > newest->number ||
			find_open(catalog, &name) != i)
			continue;
		if (find_complete(resume, &name)
				? !remove_if_superseded(
					  resume, catalog, &name, error)
				: name.number < newest->number &&
					!complete_if_full(
						resume, catalog, &name, error))
			return false;
	}
	return true;
}

/* The highest segment of a timeline that reaches into entry's range. */
static bool
find_newest(const struct archive_resume *resume, const struct catalog *catalog,
	const struct timeline_entry *entry, struct archive_name *newest)
{
	const struct catalog_timeline *row =
		catalog_find(catalog, entry->timeline);
	uint32_t size = resume->identity.segment_size;
	bool found = false;

	if (row != NULL && row->has_complete) {
		*newest = row->newest;
		found = true;
	}
	for (size_t i = 0; i < catalog->partial_count; i++) {
		const struct archive_name *name = &catalog->partials[i];

		if (name->timeline == entry->timeline &&
			(!found || name->number > newest->number)) {
			*newest = *name;
			found = true;
		}
	}
	return found && (newest->number + 1) * size > entry->begin;
}

/* The newest segment is complete: the archive goes on behind it. */
static bool
measure_complete(const struct archive_resume *resume,
	const struct archive_name *newest, struct archive_position *position,
	bool *again, struct error *error)
{
	struct scan scan;
	lsn end = (newest->number + 1) * resume->identity.segment_size;

	if (!scan_segment(resume, newest, &scan, error))
		return false;
	*again = !scan.readable || scan.last_byte == scan.start;
	if (*again)
		return move_aside(resume, newest, error);
	if (!scan.full) {
		char text[ARCHIVE_NAME_MAX];

		format_name(resume, newest, text);
		text_printf(resume->notices,
			"file \"%s\" holds damaged WAL from %X/%08X on\n", text,
			LSN_ARGS(scan.boundary));
	}
	*position = (struct archive_position){
		.timeline = newest->timeline,
		.at = end,
		.previous = scan.boundary == end ? scan.previous : LSN_NONE,
		.held = end,
	};
	return true;
}

/* The newest segment is open: the archive goes on inside it. */
static bool
measure_open(const struct archive_resume *resume, const struct catalog *catalog,
	const struct archive_name *newest, struct archive_position *position,
	bool *again, struct error *error)
{
	struct scan scan;
	lsn end = (newest->number + 1) * resume->identity.segment_size;
	bool found;

	if (!scan_forms(resume, catalog, newest, &scan, &found, error))
		return false;
	*again = !found;
	if (!found)
		return true;
	if (!keep_one_form(resume, catalog, &scan, error))
		return false;
	*position = (struct archive_position){
		.timeline = newest->timeline,
		.at = scan.boundary,
		.previous = scan.previous,
		.held = scan.last_byte,
	};
	return scan.boundary < end || complete_segment(resume, newest, error);
}

/* Where a timeline's archived WAL ends beyond a fork, the next one goes on. */
static void
follow_fork(const struct archive_resume *resume,
	const struct timeline_history *history,
	const struct timeline_entry *entry, struct archive_position *position)
{
	uint32_t size = resume->identity.segment_size;
	const struct timeline_entry *next;

	if (position->at > entry->end)
		text_printf(resume->notices,
			"the archive's WAL of timeline %u reaches %X/%08X, "
			"but the server left that timeline at %X/%08X\n",
			entry->timeline, LSN_ARGS(position->at),
			LSN_ARGS(entry->end));
	while (position->at >= entry->end &&
		(next = timeline_history_next(history, entry)) != NULL) {
		*position = (struct archive_position){
			.timeline = next->timeline,
			.at = lsn_segment_start(entry->end, size),
			.held = lsn_segment_start(entry->end, size),
		};
		entry = next;
	}
}

/* WAL of timelines that the server never was on is no beginning. */
static bool
check_unrelated(const struct archive_resume *resume,
	const struct timeline_history *history, const struct catalog *catalog,
	struct error *error)
{
	uint32_t target = history->entries[history->count - 1].timeline;
	uint32_t held = 0;

	for (size_t i = 0; i < catalog->timeline_count; i++)
		if (catalog->timelines[i].has_complete)
			held = catalog->timelines[i].timeline;
	if (catalog->partial_count > 0)
		held = catalog->partials[0].timeline;
	if (held == 0)
		return true;
	error_set(error, ERR_DIVERGED,
		"archive \"%s\" holds WAL of timeline %u, but none that lies "
		"in the history of the server's timeline %u",
		resume->directory->path, held, target);
	return error_set_hint(error,
		"Use another directory for this server. If it is the right "
		"one, copy the history file of its timeline into the archive.");
}

/* One attempt on one reading of the directory. */
static bool
locate_once(const struct archive_resume *resume,
	const struct timeline_history *history, const struct catalog *catalog,
	struct archive_position *position, bool *again, struct error *error)
{
	*again = false;
	*position = (struct archive_position){0};
	for (size_t i = history->count; i > 0; i--) {
		const struct timeline_entry *entry = &history->entries[i - 1];
		struct archive_name newest;

		if (!find_newest(resume, catalog, entry, &newest))
			continue;
		if (!finish_older(resume, catalog, &newest, error))
			return false;
		if (newest.kind == NAME_SEGMENT
				? !measure_complete(resume, &newest, position,
					  again, error)
				: !measure_open(resume, catalog, &newest,
					  position, again, error))
			return false;
		if (!*again)
			follow_fork(resume, history, entry, position);
		return true;
	}
	return check_unrelated(resume, history, catalog, error);
}

bool
archive_locate(const struct archive_resume *resume,
	const struct timeline_history *history,
	struct archive_position *position, struct error *error)
{
	struct archive_position found;
	bool again = true;

	/* A file that was moved aside is no longer the newest: look again. */
	while (again) {
		struct catalog catalog;
		bool success;

		if (!catalog_scan(&catalog, resume->directory,
			    resume->identity.segment_size, error))
			return false;
		success = catalog_sweep(&catalog, resume->directory, error) &&
			locate_once(resume, history, &catalog, &found, &again,
				error);
		catalog_free(&catalog);
		if (!success)
			return false;
	}
	*position = found;
	return true;
}
