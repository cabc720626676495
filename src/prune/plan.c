#include "prune/plan.h"

#include <stdlib.h>
#include <string.h>

/* Above the number of any segment. */
#define NO_LIMIT UINT64_MAX

/* The lowest number that stays of a timeline, and why. */
struct limit {
	uint64_t number;
	enum prune_reason reason;
	const char *backup;
};

static void
lower(struct limit *limit, uint64_t number, enum prune_reason reason,
	const char *backup)
{
	if (number < limit->number)
		*limit = (struct limit){number, reason, backup};
}

static const struct inventory_file *
files_of(const struct prune_plan *plan, const struct inventory_timeline *row)
{
	return plan->inventory->files + row->first;
}

/* Can a backup be recovered along a later timeline than its own? */
static bool
leads_to(const struct backup_start *start, const struct inventory_timeline *row)
{
	if (row->timeline <= start->timeline)
		return false;
	/* Without a history nobody can rule it out. */
	if (row->history.count == 0)
		return true;
	for (size_t i = 0; i < row->history.count; i++) {
		const struct timeline_entry *entry = &row->history.entries[i];

		if (entry->timeline == start->timeline)
			return entry->end > start->at;
	}
	return false;
}

static void
limit_by_backups(const struct prune_plan *plan, const struct prune_rules *rules,
	const struct inventory_timeline *row, struct limit *limit)
{
	uint32_t size = plan->inventory->identity.segment_size;
	bool later_backup = false;

	for (size_t i = 0; i < rules->backup_count; i++) {
		const struct prune_backup *backup = &rules->backups[i];
		const struct backup_start *start = &backup->start;

		if (start->timeline == row->timeline)
			lower(limit, lsn_segment_number(start->at, size),
				PRUNE_BACKUP, backup->path);
		else if (leads_to(start, row))
			lower(limit, 0, PRUNE_BACKUP, backup->path);
		later_backup |= start->timeline >= row->timeline;
	}
	if (rules->backup_count > 0 && !later_backup)
		lower(limit, 0, PRUNE_FORK, NULL);
}

/* Times need not be in order: the first that is too new keeps the rest. */
static void
limit_by_time(const struct prune_plan *plan, const struct prune_rules *rules,
	const struct inventory_timeline *row, struct limit *limit)
{
	const struct inventory_file *files = files_of(plan, row);

	for (size_t i = 0; rules->by_time && i < row->count; i++)
		if (files[i].modified >= rules->since) {
			lower(limit, files[i].name.number, PRUNE_TIME, NULL);
			return;
		}
}

/* Has the archive gone on to a later timeline? */
static bool
is_superseded(const struct prune_plan *plan, const struct prune_timeline *this)
{
	const struct inventory *inventory = plan->inventory;

	for (size_t i = inventory->timeline_count; i > 0; i--) {
		const struct prune_timeline *other = &plan->timelines[i - 1];

		if (other->row->timeline <= this->row->timeline)
			return false;
		if (inventory_newest(inventory, other->row) != NULL &&
			other->newest_time > this->newest_time)
			return true;
	}
	return false;
}

static void
limit_by_newest(const struct prune_plan *plan,
	const struct prune_timeline *timeline, struct limit *limit)
{
	const struct inventory_file *newest;

	if (is_superseded(plan, timeline))
		return;
	newest = inventory_newest(plan->inventory, timeline->row);
	lower(limit, newest == NULL ? 0 : newest->name.number, PRUNE_NEWEST,
		NULL);
}

/* The first file that stays of a timeline on the way; NULL: none does. */
static const struct inventory_file *
first_staying(const struct prune_plan *plan, uint32_t timeline)
{
	for (size_t i = 0; i < plan->inventory->timeline_count; i++) {
		const struct prune_timeline *row = &plan->timelines[i];

		if (row->row->timeline == timeline)
			return row->going == row->row->count
				? NULL
				: files_of(plan, row->row) + row->going;
	}
	return NULL;
}

/* The plan for the ancestors has been made: their numbers are lower. */
static void
limit_by_ancestors(const struct prune_plan *plan,
	const struct inventory_timeline *row, struct limit *limit)
{
	uint32_t size = plan->inventory->identity.segment_size;

	for (size_t i = 0; i + 1 < row->history.count; i++) {
		const struct timeline_entry *entry = &row->history.entries[i];
		const struct inventory_file *file =
			first_staying(plan, entry->timeline);

		if (file != NULL &&
			file->name.number <=
				lsn_segment_number(entry->end, size))
			lower(limit, 0, PRUNE_ANCESTOR, NULL);
	}
}

static void
decide(struct prune_plan *plan, const struct prune_rules *rules,
	struct prune_timeline *timeline)
{
	const struct inventory_timeline *row = timeline->row;
	const struct inventory_file *files = files_of(plan, row);
	struct limit limit = {NO_LIMIT, PRUNE_NONE_STAYS, NULL};

	limit_by_backups(plan, rules, row, &limit);
	limit_by_time(plan, rules, row, &limit);
	if (rules->by_segment)
		lower(&limit, rules->from, PRUNE_SEGMENT, NULL);
	limit_by_newest(plan, timeline, &limit);
	limit_by_ancestors(plan, row, &limit);
	while (timeline->going < row->count &&
		files[timeline->going].name.number < limit.number)
		plan->going_bytes += files[timeline->going++].stored;
	plan->going += timeline->going;
	if (timeline->going < row->count) {
		timeline->reason = limit.reason;
		timeline->backup = limit.backup;
	}
}

static int64_t
newest_time(const struct prune_plan *plan, const struct inventory_timeline *row)
{
	const struct inventory_file *files = files_of(plan, row);
	int64_t newest = INT64_MIN;

	for (size_t i = 0; i < row->count; i++)
		if (files[i].modified > newest)
			newest = files[i].modified;
	return newest;
}

bool
prune_plan_make(struct prune_plan *result, const struct inventory *inventory,
	const struct prune_rules *rules, struct error *error)
{
	struct prune_plan plan = {.inventory = inventory};
	size_t count = inventory->timeline_count;
	bool any_rule =
		rules->backup_count > 0 || rules->by_time || rules->by_segment;

	plan.timelines = calloc(count + 1, sizeof(*plan.timelines));
	if (plan.timelines == NULL)
		return error_set_memory(error);
	for (size_t i = 0; i < count; i++) {
		plan.timelines[i].row = &inventory->timelines[i];
		plan.timelines[i].newest_time =
			newest_time(&plan, &inventory->timelines[i]);
	}
	for (size_t i = 0; i < count && any_rule && inventory->file_count > 0;
		i++)
		decide(&plan, rules, &plan.timelines[i]);
	*result = plan;
	return true;
}

void
prune_plan_free(struct prune_plan *plan)
{
	free(plan->timelines);
	memset(plan, 0, sizeof(*plan));
}

bool
prune_check_backup(const struct prune_backup *backup,
	const struct inventory *inventory, bool *lacks, struct error *error)
{
	const struct backup_start *start = &backup->start;
	uint64_t identifier = inventory->identity.system_identifier;
	const struct inventory_timeline *row =
		inventory_find(inventory, start->timeline);
	const struct inventory_file *files;
	uint64_t number;

	if (start->system_identifier != 0 &&
		start->system_identifier != identifier)
		return error_set(error, ERR_DIVERGED,
			"backup \"%s\" is of another cluster: it has system "
			"identifier %llu, the archive %llu",
			backup->path,
			(unsigned long long)start->system_identifier,
			(unsigned long long)identifier);
	files = row == NULL ? NULL : inventory->files + row->first;
	number = inventory->file_count == 0
		? 0
		: lsn_segment_number(
			  start->at, inventory->identity.segment_size);
	if (row == NULL || row->count == 0 ||
		files[row->count - 1].name.number < number) {
		error_set(error, ERR_GAP,
			"the archive does not reach the start of backup "
			"\"%s\", " LSN_FORMAT " on timeline %u",
			backup->path, LSN_ARGS(start->at), start->timeline);
		return error_set_hint(error,
			"Is it a backup of this cluster? If so, receive its "
			"WAL first.");
	}
	*lacks = files[0].name.number > number;
	return true;
}
