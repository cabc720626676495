#include "archive/older_segments.h"

#include "archive/gap_record.h"

#include <fcntl.h>
#include <unistd.h>

/* Find the complete file of a segment, whatever its codec: *name becomes it. */
static bool
find_complete(const struct archive_resume *resume, struct archive_name *name)
{
	struct archive_name complete = *name;
	char text[ARCHIVE_NAME_MAX];

	complete.kind = NAME_SEGMENT;
	for (int codec = CODEC_NONE; codec < CODECS; codec++) {
		complete.codec = (enum codec)codec;
		archive_name_format(
			text, &complete, resume->identity.segment_size);
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

/* The file that holds a segment, complete or open: *name becomes it. */
static bool
find_any(const struct archive_resume *resume, const struct catalog *catalog,
	struct archive_name *name)
{
	size_t row;

	if (find_complete(resume, name))
		return true;
	row = find_open(catalog, name);
	if (row == catalog->partial_count)
		return false;
	*name = catalog->partials[row];
	return true;
}

/*
 * Zeros at the end of a segment may be bytes of its last record or bytes that
 * never came. That record's checksum tells, once its rest has been read in the
 * segments that follow.
 */
static bool
prove_end(const struct archive_resume *resume, const struct catalog *catalog,
	const struct segment_scan *scan, bool *proven, struct error *error)
{
	uint32_t size = resume->identity.segment_size;
	struct archive_name name = scan->name;
	struct record_verifier verifier;
	bool found = true;

	record_verifier_init(&verifier, &resume->identity);
	record_verifier_start(&verifier, name.timeline, scan->start, LSN_NONE);
	*proven = scan->boundary == scan->start + size;
	while (!*proven && found && verifier.position == name.number * size) {
		if (!segment_scan_feed(
			    &verifier, resume->directory, &name, error))
			return false;
		*proven = record_verifier_boundary(&verifier) >
			scan->start + size;
		name.number++;
		found = find_any(resume, catalog, &name);
	}
	return true;
}

bool
older_segments_prove_head(const struct archive_resume *resume,
	const struct segment_scan *scan, bool *proven, struct error *error)
{
	struct archive_name name = scan->name;
	struct record_verifier verifier;

	*proven = scan->boundary == scan->start || scan->previous != LSN_NONE;
	if (scan->boundary == scan->start || name.number == 0)
		return true;
	name.number--;
	if (!find_complete(resume, &name))
		return true;
	record_verifier_init(&verifier, &resume->identity);
	record_verifier_start(&verifier, name.timeline,
		name.number * resume->identity.segment_size, LSN_NONE);
	if (!segment_scan_feed(&verifier, resume->directory, &name, error))
		return false;
	/* One that is no good, or lies whole within that record, says nothing.
	 */
	if (verifier.position != scan->start ||
		record_verifier_previous(&verifier) == LSN_NONE)
		return true;
	if (!segment_scan_feed(
		    &verifier, resume->directory, &scan->name, error))
		return false;
	*proven = record_verifier_boundary(&verifier) >= scan->boundary;
	return true;
}

/* Say that WAL is missing, unless somebody has accepted its loss. */
static bool
notice_loss(const struct archive_resume *resume,
	const struct segment_scan *scan, struct error *error)
{
	char text[ARCHIVE_NAME_MAX];
	bool accepted;

	if (!gap_record_find(resume->directory, scan->name.timeline,
		    scan->boundary, &accepted, error))
		return false;
	if (accepted)
		return true;
	archive_name_format(text, &scan->name, resume->identity.segment_size);
	text_printf(resume->notices,
		"file \"%s\" is not full, but later WAL of its timeline is "
		"there\n",
		text);
	return true;
}

static bool
complete_if_full(const struct archive_resume *resume,
	const struct catalog *catalog, const struct archive_name *name,
	struct error *error)
{
	struct segment_scan scan;
	bool found;
	bool full = false;

	if (!open_segment_choose(resume, catalog, name, &scan, &found, error))
		return false;
	if (!found)
		return true;
	if (scan.full && !prove_end(resume, catalog, &scan, &full, error))
		return false;
	if (!full)
		return notice_loss(resume, &scan, error);
	return open_segment_keep(resume, catalog, &scan, error) &&
		open_segment_complete(resume, name, error);
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
	struct segment_scan scan;
	struct segment_scan open;
	bool found;

	if (!segment_scan(&scan, resume->directory, &resume->identity, complete,
		    error) ||
		!open_segment_choose(
			resume, catalog, complete, &open, &found, error))
		return false;
	if (!found || !scan.readable || !scan.full ||
		open.last_byte > scan.last_byte)
		return true;
	return durable_sync_directory(resume->directory, error) &&
		open_segment_remove(resume, catalog, complete, error);
}

bool
older_segments_finish(const struct archive_resume *resume,
	const struct catalog *catalog, const struct archive_name *newest,
	struct error *error)
{
	for (size_t i = 0; i < catalog->partial_count; i++) {
		struct archive_name name = catalog->partials[i];
		bool success = true;

		if (name.timeline != newest->timeline ||
			name.number > newest->number ||
			find_open(catalog, &name) != i)
			continue;
		if (find_complete(resume, &name))
			success = remove_if_superseded(
				resume, catalog, &name, error);
		else if (name.number < newest->number)
			success =
				complete_if_full(resume, catalog, &name, error);
		if (!success)
			return false;
	}
	return true;
}
