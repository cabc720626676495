#include "archive/older_segments.h"

#include "archive/gap_record.h"
#include "archive/segment_form.h"

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

bool
older_segments_prove_head(const struct archive_resume *resume,
	struct segment_scan *scan, bool *proven, struct error *error)
{
	uint32_t size = resume->identity.segment_size;
	struct archive_name name = scan->name;
	struct record_verifier verifier;

	*proven = scan->boundary == scan->start || scan->previous != LSN_NONE;
	if (scan->boundary == scan->start || name.number == 0)
		return true;
	name.kind = NAME_SEGMENT;
	name.number--;
	if (!segment_form_find(resume->directory, &name, size))
		return true;
	record_verifier_init(&verifier, &resume->identity);
	record_verifier_start(
		&verifier, name.timeline, name.number * size, LSN_NONE);
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
	if (*proven)
		scan->previous = record_verifier_previous(&verifier);
	return true;
}

static void
notice_loss(
	const struct archive_resume *resume, const struct segment_scan *scan)
{
	char text[ARCHIVE_NAME_MAX];

	archive_name_format(text, &scan->name, resume->identity.segment_size);
	text_printf(resume->notices,
		"file \"%s\" is not full, but later WAL of its timeline is "
		"there\n",
		text);
}

/* A loss that somebody has accepted is none to speak of. */
static bool
complete_if_full(const struct archive_resume *resume,
	const struct catalog *catalog, const struct archive_name *name,
	struct error *error)
{
	struct segment_scan scan;
	bool accepted;
	bool found;
	bool full;

	if (!open_segment_choose(resume, catalog, name, &scan, &found, error))
		return false;
	if (!found)
		return true;
	if (!gap_record_find(resume->directory, scan.name.timeline,
		    scan.boundary, &accepted, error))
		return false;
	if (accepted)
		return true;
	if (!segment_scan_prove_end(&scan, resume->directory, &full, error))
		return false;
	if (full)
		return open_segment_keep(resume, catalog, &scan, error) &&
			open_segment_complete(resume, name, error);
	notice_loss(resume, &scan);
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
		struct archive_name complete = name;
		bool success = true;

		if (name.timeline != newest->timeline ||
			name.number > newest->number ||
			find_open(catalog, &name) != i)
			continue;
		complete.kind = NAME_SEGMENT;
		if (segment_form_find(resume->directory, &complete,
			    resume->identity.segment_size))
			success = remove_if_superseded(
				resume, catalog, &complete, error);
		else if (name.number < newest->number)
			success =
				complete_if_full(resume, catalog, &name, error);
		if (!success)
			return false;
	}
	return true;
}
