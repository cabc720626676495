#include "archive/resume.h"

#include "archive/older_segments.h"
#include "archive/segment_form.h"
#include "archive/segment_head.h"

#include <errno.h>
#include <string.h>

/*
 * Backup tools move finished files away while we read: so often the directory
 * is read anew before a missing file counts as a fault.
 */
#define LOOKS_MAX 100

/* True if a file was gone that the directory had a moment ago. */
static bool
has_vanished(const struct error *error)
{
	return error->code == ERR_NOT_FOUND || error->sys_errno == ENOENT;
}

static bool
add_cluster_hint(struct error *error)
{
	return error_set_hint(error,
		"Use one directory per cluster: give another one with -D, or "
		"connect to the server that this archive is of.");
}

/* Compare what a segment's first page header says with the server's identity.
 */
static bool
check_head(const struct archive_resume *resume, const struct wal_identity *head,
	const char *file, struct error *error)
{
	if (head->system_identifier != resume->identity.system_identifier) {
		error_set(error, ERR_DIVERGED,
			"archive \"%s\" belongs to another cluster: file "
			"\"%s\" has system identifier %llu, the server's is "
			"%llu",
			resume->directory->path, file,
			(unsigned long long)head->system_identifier,
			(unsigned long long)resume->identity.system_identifier);
		return add_cluster_hint(error);
	}
	if (head->segment_size != resume->identity.segment_size) {
		error_set(error, ERR_DIVERGED,
			"archive \"%s\" has another segment size: file \"%s\" "
			"says %u bytes, the server %u",
			resume->directory->path, file, head->segment_size,
			resume->identity.segment_size);
		return add_cluster_hint(error);
	}
	return true;
}

/* *told becomes true if the file says whose it is, which was compared. */
static bool
check_file(const struct archive_resume *resume, const struct archive_name *name,
	bool *told, struct error *error)
{
	struct wal_identity head;
	char file[ARCHIVE_NAME_MAX];

	archive_name_format(file, name, resume->identity.segment_size);
	if (!segment_head_read(
		    resume->directory, file, name->codec, &head, told, error))
		return false;
	return !*told || check_head(resume, &head, file, error);
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
	if (!told && catalog->foreign[0] != '\0') {
		error_set(error, ERR_DIVERGED,
			"archive \"%s\" has another segment size: file \"%s\" "
			"cannot be one of a server with segments of %u bytes",
			resume->directory->path, catalog->foreign,
			resume->identity.segment_size);
		return add_cluster_hint(error);
	}
	return true;
}

static bool
check_once(const struct archive_resume *resume, struct error *error)
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

bool
archive_check_identity(const struct archive_resume *resume, struct error *error)
{
	for (int looks = 1; !check_once(resume, error); looks++)
		if (looks == LOOKS_MAX || !has_vanished(error))
			return false;
	return true;
}

/* Where the WAL of one timeline ends in the archive. */
struct newest {
	const struct timeline_entry *entry;
	struct archive_name name;
};

/* The highest segment of a timeline that reaches into entry's range. */
static bool
find_newest(const struct archive_resume *resume, const struct catalog *catalog,
	const struct timeline_entry *entry, struct newest *newest)
{
	const struct catalog_timeline *row =
		catalog_find(catalog, entry->timeline);
	uint32_t size = resume->identity.segment_size;
	bool found = false;

	newest->entry = entry;
	if (row != NULL && row->has_complete) {
		newest->name = row->newest;
		found = true;
	}
	for (size_t i = 0; i < catalog->partial_count; i++) {
		const struct archive_name *name = &catalog->partials[i];

		if (name->timeline == entry->timeline &&
			(!found || name->number > newest->name.number)) {
			newest->name = *name;
			found = true;
		}
	}
	return found && (newest->name.number + 1) * size > entry->begin;
}

/*
 * The newest segment is complete: the archive goes on behind it. A process that
 * died after the renaming may not have reached the sync of the directory.
 */
static bool
measure_complete(const struct archive_resume *resume,
	const struct archive_name *newest, struct archive_position *position,
	bool *again, struct error *error)
{
	struct segment_scan scan;
	lsn end = (newest->number + 1) * resume->identity.segment_size;

	if (!segment_scan(
		    &scan, resume->directory, &resume->identity, newest, error))
		return false;
	*again = !scan.readable || scan.last_byte == scan.start;
	if (*again)
		return open_segment_move_aside(resume, newest, error);
	if (!scan.full) {
		char text[ARCHIVE_NAME_MAX];

		archive_name_format(
			text, newest, resume->identity.segment_size);
		text_printf(resume->notices,
			"file \"%s\" holds damaged WAL from %X/%08X on\n", text,
			LSN_ARGS(scan.boundary));
	}
	*position = (struct archive_position){
		.timeline = newest->timeline,
		.at = end,
		.held = end,
		.follows = scan.full && scan.verifier.state != VERIFIER_OFF,
		.verifier = scan.verifier,
	};
	return durable_sync_directory(resume->directory, error);
}

/*
 * What is fetched from the start of a segment on has to go on where the one
 * before it ended, if that is there.
 */
static bool
stand_at_start(const struct archive_resume *resume,
	const struct segment_scan *scan, struct archive_position *position,
	struct error *error)
{
	uint32_t size = resume->identity.segment_size;
	struct archive_name name = scan->name;
	struct segment_scan before;

	if (name.number == 0)
		return true;
	name.kind = NAME_SEGMENT;
	name.number--;
	if (!segment_form_find(resume->directory, &name, size))
		return true;
	if (!segment_scan(&before, resume->directory, &resume->identity, &name,
		    error))
		return false;
	position->follows = before.readable && before.full &&
		before.verifier.state != VERIFIER_OFF;
	if (position->follows)
		position->verifier = before.verifier;
	return true;
}

/* Between two records of the open segment. */
static void
stand_at_boundary(
	const struct segment_scan *scan, struct archive_position *position)
{
	position->follows = scan->previous != LSN_NONE;
	position->verifier = scan->verifier;
	record_verifier_start(&position->verifier, position->timeline,
		position->at, scan->previous);
}

/*
 * The newest segment is open: the archive goes on inside it, unless that is
 * where the server left its timeline. What is not known to have come in full
 * is fetched again, into the same file.
 */
static bool
measure_open(const struct archive_resume *resume, const struct catalog *catalog,
	const struct newest *newest, struct archive_position *position,
	bool *again, struct error *error)
{
	const struct archive_name *name = &newest->name;
	struct segment_scan scan;
	lsn end = (name->number + 1) * resume->identity.segment_size;
	bool found;
	bool proven;

	if (!open_segment_choose(resume, catalog, name, &scan, &found, error))
		return false;
	*again = !found;
	if (!found)
		return true;
	if (!older_segments_prove_head(resume, &scan, &proven, error))
		return false;
	if (!proven) {
		scan.boundary = scan.start;
		scan.previous = LSN_NONE;
	}
	if ((scan.boundary < newest->entry->end || scan.boundary == end ||
		    scan.name.codec == CODEC_NONE) &&
		!open_segment_keep(resume, catalog, &scan, error))
		return false;
	*position = (struct archive_position){
		.timeline = name->timeline,
		.at = scan.boundary,
		.held = scan.last_byte,
	};
	stand_at_boundary(&scan, position);
	if (scan.boundary == scan.start)
		return stand_at_start(resume, &scan, position, error);
	return scan.boundary < end ||
		open_segment_complete(resume, name, error);
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
		struct newest newest;

		if (!find_newest(resume, catalog, entry, &newest))
			continue;
		if (!older_segments_finish(
			    resume, catalog, &newest.name, error))
			return false;
		if (newest.name.kind == NAME_SEGMENT
				? !measure_complete(resume, &newest.name,
					  position, again, error)
				: !measure_open(resume, catalog, &newest,
					  position, again, error))
			return false;
		if (!*again)
			follow_fork(resume, history, entry, position);
		return true;
	}
	return check_unrelated(resume, history, catalog, error);
}

/* Add those lines of more that are not there yet. */
static void
merge_notices(struct text *notices, const struct text *more)
{
	const char *line = more->string;

	while (*line != '\0') {
		size_t len = strcspn(line, "\n") + 1;

		if (memmem(notices->string, notices->len, line, len) == NULL)
			text_append(notices, line, len);
		line += len;
	}
}

/*
 * One look at the archive. Its notices are kept whatever becomes of it, for
 * files may have been moved aside; another look may say the same once more.
 */
static bool
look(const struct archive_resume *resume,
	const struct timeline_history *history,
	struct archive_position *position, bool *again, struct error *error)
{
	struct archive_resume once = *resume;
	struct text notices;
	struct catalog catalog;
	bool success;

	if (!catalog_scan(&catalog, resume->directory,
		    resume->identity.segment_size, error))
		return false;
	text_init(&notices);
	once.notices = &notices;
	success = catalog_sweep(&catalog, resume->directory, error) &&
		locate_once(&once, history, &catalog, position, again, error);
	merge_notices(resume->notices, &notices);
	text_free(&notices);
	catalog_free(&catalog);
	return success;
}

bool
archive_locate(const struct archive_resume *resume,
	const struct timeline_history *history,
	struct archive_position *position, struct error *error)
{
	struct archive_position found;
	bool again = true;
	int vanished = 0;

	while (again) {
		if (look(resume, history, &found, &again, error))
			continue;
		if (++vanished == LOOKS_MAX || !has_vanished(error))
			return false;
		again = true;
	}
	*position = found;
	return true;
}
