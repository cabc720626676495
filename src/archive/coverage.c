#include "archive/coverage.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

/* The segments begin to end - 1 of a timeline ought to be there. */
struct need {
	uint32_t timeline;
	uint64_t begin;
	uint64_t end;
};

struct finding {
	const struct inventory *inventory;
	struct need *needs;
	size_t need_count;
	struct gap *accepted;
	size_t accepted_count;
	struct coverage result;
};

static bool
require(struct finding *finding, const struct need *wanted, struct error *error)
{
	struct need *needs = finding->needs;

	for (size_t i = 0; i < finding->need_count; i++)
		if (needs[i].timeline == wanted->timeline) {
			if (wanted->begin < needs[i].begin)
				needs[i].begin = wanted->begin;
			if (wanted->end > needs[i].end)
				needs[i].end = wanted->end;
			return true;
		}
	needs = array_room(needs, finding->need_count, sizeof(*needs), error);
	if (needs == NULL)
		return false;
	finding->needs = needs;
	needs[finding->need_count++] = *wanted;
	return true;
}

static const struct inventory_file *
files_of(const struct inventory *inventory, uint32_t timeline, size_t *count)
{
	const struct inventory_timeline *row =
		inventory_find(inventory, timeline);

	*count = row == NULL ? 0 : row->count;
	return *count == 0 ? NULL : inventory->files + row->first;
}

/* What a timeline's own files ask for. */
static bool
require_between(struct finding *finding, const struct inventory_timeline *row,
	struct error *error)
{
	const struct inventory_file *files =
		finding->inventory->files + row->first;
	const struct need need = {row->timeline, files[0].name.number,
		files[row->count - 1].name.number + 1};

	return require(finding, &need, error);
}

/* What the way to a timeline asks for, from the oldest WAL on it on. */
static bool
require_path(struct finding *finding, const struct inventory_timeline *row,
	struct error *error)
{
	const struct timeline_history *history = &row->history;
	uint32_t size = finding->inventory->identity.segment_size;
	bool begun = false;

	for (size_t i = 0; i < history->count; i++) {
		const struct timeline_entry *entry = &history->entries[i];
		struct need need = {entry->timeline, entry->begin / size,
			entry->end / size};
		const struct inventory_file *files;
		size_t count;

		files = files_of(finding->inventory, entry->timeline, &count);
		if (!begun) {
			if (count == 0 || files[0].name.number > need.end)
				continue;
			need.begin = files[0].name.number;
			begun = true;
		}
		if (i + 1 == history->count)
			need.end = files[count - 1].name.number + 1;
		if (need.begin < need.end && !require(finding, &need, error))
			return false;
	}
	return true;
}

/* A loss that spans a switch is on record for the timeline that it began on. */
static bool
is_recorded_for(const struct finding *finding, const struct gap *record,
	uint32_t timeline)
{
	const struct inventory_timeline *row =
		inventory_find(finding->inventory, timeline);

	if (record->timeline == timeline)
		return true;
	for (size_t i = 0; row != NULL && i < row->history.count; i++)
		if (row->history.entries[i].timeline == record->timeline)
			return true;
	return false;
}

static bool
is_accepted(const struct finding *finding, const struct gap *range)
{
	lsn at = range->begin;
	size_t i = 0;

	while (at < range->end && i < finding->accepted_count) {
		const struct gap *record = &finding->accepted[i++];

		if (record->begin <= at && at < record->end &&
			is_recorded_for(finding, record, range->timeline)) {
			at = record->end;
			i = 0;
		}
	}
	return at >= range->end;
}

static bool
add_gap(struct finding *finding, uint32_t timeline, const struct need *missing,
	struct error *error)
{
	uint32_t size = finding->inventory->identity.segment_size;
	struct coverage *result = &finding->result;
	const struct gap range = {
		timeline, missing->begin * size, missing->end * size};
	struct coverage_gap *gaps =
		array_room(result->gaps, result->count, sizeof(*gaps), error);

	if (gaps == NULL)
		return false;
	result->gaps = gaps;
	gaps[result->count++] =
		(struct coverage_gap){range, is_accepted(finding, &range)};
	return true;
}

static bool
check_need(
	struct finding *finding, const struct need *need, struct error *error)
{
	struct need missing = {need->timeline, need->begin, need->begin};
	const struct inventory_file *files;
	size_t count;

	files = files_of(finding->inventory, need->timeline, &count);
	for (size_t i = 0; i < count; i++) {
		uint64_t number = files[i].name.number;

		if (number < need->begin)
			continue;
		if (number >= need->end)
			break;
		missing.end = number;
		if (missing.begin < missing.end &&
			!add_gap(finding, need->timeline, &missing, error))
			return false;
		missing.begin = number + 1;
	}
	missing.end = need->end;
	return missing.begin >= missing.end ||
		add_gap(finding, need->timeline, &missing, error);
}

static int
compare_needs(const void *a, const void *b)
{
	const struct need *x = a;
	const struct need *y = b;

	return (x->timeline > y->timeline) - (x->timeline < y->timeline);
}

static bool
find_all(struct finding *finding, struct error *error)
{
	const struct inventory *inventory = finding->inventory;

	for (size_t i = 0; i < inventory->timeline_count; i++) {
		const struct inventory_timeline *row = &inventory->timelines[i];

		if (row->count > 0 &&
			(!require_between(finding, row, error) ||
				!require_path(finding, row, error)))
			return false;
	}
	if (finding->need_count > 1)
		qsort(finding->needs, finding->need_count,
			sizeof(finding->needs[0]), compare_needs);
	for (size_t i = 0; i < finding->need_count; i++)
		if (!check_need(finding, &finding->needs[i], error))
			return false;
	return true;
}

bool
coverage_find(struct coverage *coverage, const struct inventory *inventory,
	const struct directory *directory, struct error *error)
{
	struct finding finding = {.inventory = inventory};
	bool success;

	success = gap_record_read(directory, &finding.accepted,
			  &finding.accepted_count, error) &&
		find_all(&finding, error);
	if (success)
		*coverage = finding.result;
	else
		coverage_free(&finding.result);
	free(finding.needs);
	free(finding.accepted);
	return success;
}

void
coverage_free(struct coverage *coverage)
{
	free(coverage->gaps);
	memset(coverage, 0, sizeof(*coverage));
}
