#include "verify/scope.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct timeline_entry *
find_entry(const struct timeline_history *history, uint32_t timeline)
{
	for (size_t i = 0; i < history->count; i++)
		if (history->entries[i].timeline == timeline)
			return &history->entries[i];
	return NULL;
}

/* Leave only what a recovery along the wanted timeline reads. */
static void
limit_to_path(struct scope_row *row, const struct inventory_timeline *target)
{
	const struct timeline_entry *entry =
		find_entry(&target->history, row->timeline);

	if (row->timeline == target->timeline)
		return;
	if (entry == NULL)
		row->end = LSN_NONE;
	else if (entry->end < row->end)
		row->end = entry->end;
}

/* Leave only what a recovery from the backup can read. */
static void
limit_to_backup(struct scope_row *row,
	const struct inventory_timeline *timeline,
	const struct scope_wanted *wanted)
{
	const struct timeline_entry *entry =
		find_entry(&timeline->history, wanted->since_timeline);
	bool related = row->timeline == wanted->since_timeline ||
		(entry != NULL && entry->end >= wanted->since);

	/* Without its history, a later timeline may be a descendant. */
	if (timeline->history.count == 0 &&
		row->timeline > wanted->since_timeline)
		related = true;
	if (!related)
		row->end = LSN_NONE;
	else if (wanted->since > row->begin)
		row->begin = wanted->since;
}

/*
 * Begin with the last segment before the first new one: only from there can be
 * told whether what is new carries on what is old.
 */
static void
limit_to_new(struct scope_row *row, const struct inventory *inventory,
	const struct inventory_timeline *timeline, int64_t modified)
{
	const struct inventory_file *files = inventory->files + timeline->first;
	size_t old = 0;
	lsn start;

	while (old < timeline->count && files[old].modified < modified)
		old++;
	if (old == 0)
		return;
	start = files[old - 1].name.number * inventory->identity.segment_size;
	if (start > row->begin)
		row->begin = start;
}

static void
make_row(struct scope_row *row, const struct inventory *inventory,
	const struct inventory_timeline *timeline,
	const struct scope_wanted *wanted)
{
	*row = (struct scope_row){timeline->timeline, wanted->from, wanted->to};
	if (wanted->timeline != 0)
		limit_to_path(row, inventory_find(inventory, wanted->timeline));
	if (wanted->since_timeline != 0)
		limit_to_backup(row, timeline, wanted);
	if (wanted->modified != 0)
		limit_to_new(row, inventory, timeline, wanted->modified);
}

bool
scope_make(struct scope *scope, const struct inventory *inventory,
	const struct scope_wanted *wanted, struct error *error)
{
	struct scope_row *rows;

	if (wanted->timeline != 0 &&
		inventory_find(inventory, wanted->timeline) == NULL)
		return error_set(error, ERR_NOT_FOUND,
			"the archive holds nothing of timeline %" PRIu32,
			wanted->timeline);
	if (wanted->system_identifier != 0 &&
		wanted->system_identifier !=
			inventory->identity.system_identifier)
		return error_set(error, ERR_DIVERGED,
			"the backup is of another cluster: its system "
			"identifier is %" PRIu64 ", the archive's is %" PRIu64,
			wanted->system_identifier,
			inventory->identity.system_identifier);
	rows = calloc(inventory->timeline_count + 1, sizeof(*rows));
	if (rows == NULL)
		return error_set_memory(error);
	for (size_t i = 0; i < inventory->timeline_count; i++)
		make_row(&rows[i], inventory, &inventory->timelines[i], wanted);
	*scope = (struct scope){rows, inventory->timeline_count};
	return true;
}

bool
scope_has(const struct scope *scope, uint32_t timeline, lsn begin, lsn end)
{
	for (size_t i = 0; i < scope->count; i++) {
		const struct scope_row *row = &scope->rows[i];

		if (row->timeline == timeline)
			return begin < row->end && row->begin < end;
	}
	/* A timeline of which only the histories of others know. */
	return true;
}

void
scope_free(struct scope *scope)
{
	free(scope->rows);
	memset(scope, 0, sizeof(*scope));
}
