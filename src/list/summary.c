#include "list/summary.h"

#include "archive/segment_scan.h"
#include "base/array.h"

#include <stdlib.h>
#include <string.h>

static void
add_complete(struct list_timeline *timeline, const struct inventory_file *file)
{
	if (timeline->first == NULL)
		timeline->first = file;
	if (timeline->last == NULL ||
		timeline->last->name.number != file->name.number)
		timeline->complete++;
	timeline->last = file;
	timeline->stored += file->stored;
}

static void
add_file(struct list_timeline *timeline, const struct inventory_file *file,
	bool is_first)
{
	if (file->name.kind == NAME_SEGMENT)
		add_complete(timeline, file);
	if (is_first || file->modified < timeline->oldest)
		timeline->oldest = file->modified;
	if (is_first || file->modified > timeline->newest)
		timeline->newest = file->modified;
}

/* One form of the open segment, which may be there in several. */
static bool
read_form(struct list_timeline *timeline, const struct inventory *inventory,
	const struct inventory_file *file, const struct directory *directory,
	struct error *error)
{
	struct segment_scan scan;

	if (!segment_scan(
		    &scan, directory, &inventory->identity, &file->name, error))
		/* A receiver may just have completed it. */
		return error->code == ERR_NOT_FOUND;
	if (!timeline->open_read || scan.boundary > timeline->valid) {
		timeline->open = file;
		timeline->valid = scan.boundary;
	}
	timeline->open_read = true;
	return true;
}

static bool
read_open(struct list_timeline *timeline, const struct inventory *inventory,
	const struct directory *directory, struct error *error)
{
	const struct inventory_timeline *row = timeline->row;
	const struct inventory_file *end =
		inventory->files + row->first + row->count;

	if (row->count == 0 || end[-1].name.kind != NAME_PARTIAL ||
		(timeline->last != NULL &&
			timeline->last->name.number == end[-1].name.number))
		return true;
	timeline->open = end - 1;
	for (const struct inventory_file *file = end - row->count; file < end;
		file++)
		if (file->name.number == end[-1].name.number &&
			!read_form(timeline, inventory, file, directory, error))
			return false;
	return true;
}

static bool
add_row(struct list_summary *summary, const struct inventory_timeline *row,
	uint32_t number, struct error *error)
{
	const struct inventory *inventory = summary->inventory;
	struct list_timeline *timeline = array_room(
		summary->timelines, summary->count, sizeof(*timeline), error);

	if (timeline == NULL)
		return false;
	summary->timelines = timeline;
	timeline += summary->count++;
	*timeline = (struct list_timeline){.timeline = number, .row = row};
	for (size_t i = 0; row != NULL && i < row->count; i++)
		add_file(timeline, &inventory->files[row->first + i], i == 0);
	return true;
}

/* A timeline may be there in name only: as a gap on the way to another one. */
static bool
add_rows(struct list_summary *summary, const struct coverage *coverage,
	struct error *error)
{
	const struct inventory *inventory = summary->inventory;
	size_t next = 0;

	for (size_t i = 0; i <= inventory->timeline_count; i++) {
		const struct inventory_timeline *row =
			i < inventory->timeline_count ? &inventory->timelines[i]
						      : NULL;

		while (next < coverage->count &&
			(row == NULL ||
				coverage->gaps[next].range.timeline <
					row->timeline)) {
			uint32_t timeline =
				coverage->gaps[next++].range.timeline;

			if ((summary->count == 0 ||
				    summary->timelines[summary->count - 1]
						    .timeline != timeline) &&
				!add_row(summary, NULL, timeline, error))
				return false;
		}
		if (row != NULL && !add_row(summary, row, row->timeline, error))
			return false;
	}
	return true;
}

static void
assign_gaps(struct list_summary *summary, const struct coverage *coverage)
{
	size_t next = 0;

	for (size_t i = 0; i < summary->count; i++) {
		struct list_timeline *timeline = &summary->timelines[i];

		timeline->gaps = coverage->gaps + next;
		while (next < coverage->count &&
			coverage->gaps[next].range.timeline ==
				timeline->timeline) {
			timeline->gap_count++;
			next++;
		}
	}
}

bool
list_summarize(struct list_summary *result, const struct inventory *inventory,
	const struct coverage *coverage, const struct directory *directory,
	struct error *error)
{
	struct list_summary summary = {.inventory = inventory};

	if (!add_rows(&summary, coverage, error))
		goto failed;
	assign_gaps(&summary, coverage);
	for (size_t i = 0; i < summary.count; i++)
		if (summary.timelines[i].row != NULL &&
			!read_open(&summary.timelines[i], inventory, directory,
				error))
			goto failed;
	*result = summary;
	return true;

failed:
	list_summary_free(&summary);
	return false;
}

void
list_summary_free(struct list_summary *summary)
{
	free(summary->timelines);
	memset(summary, 0, sizeof(*summary));
}
