#include "verify/succession.h"

const struct inventory_file *
succession_file(const struct inventory *inventory,
	const struct inventory_timeline *timeline, uint64_t number)
{
	const struct inventory_file *files = inventory->files + timeline->first;
	size_t low = 0;
	size_t high = timeline->count;

	/* The first of those that are not below it. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (files[middle].name.number < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == timeline->count || files[low].name.number != number)
		return NULL;
	return &files[low];
}

uint64_t
succession_first(
	const struct inventory_timeline *timeline, uint32_t segment_size)
{
	const struct timeline_history *history = &timeline->history;

	if (history->count == 0)
		return 0;
	return lsn_segment_number(
		history->entries[history->count - 1].begin, segment_size);
}

bool
succession_follows(const struct inventory_timeline *candidate, uint64_t number,
	uint32_t timeline, uint32_t segment_size)
{
	const struct timeline_history *history = &candidate->history;
	size_t i = history->count;

	if (i == 0)
		return candidate->timeline == timeline;
	/* The last one on its way that has a segment of the number before. */
	while (i > 1 &&
		lsn_segment_number(
			history->entries[i - 1].begin, segment_size) >= number)
		i--;
	return history->entries[i - 1].timeline == timeline;
}
