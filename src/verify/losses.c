#include "verify/losses.h"

#include "archive/coverage.h"
#include "archive/lock.h"
#include "archive/segment_scan.h"
#include "verify/succession.h"

#include <inttypes.h>
#include <time.h>

/* A segment that a receiver is just compressing has no name for a while. */
#define LOOKS_MAX 20
#define LOOK_PAUSE_NS 100000000

/* A lost range, for the report. */
static bool
add_gap(const struct losses_wanted *wanted, struct tally *tally,
	const struct gap *gap, bool accepted, struct error *error)
{
	const struct finding finding = {
		.kind = accepted || wanted->accept ? FINDING_ACCEPTED_GAP
						   : FINDING_GAP,
		.timeline = gap->timeline,
		.at = gap->begin,
		.end = gap->end,
	};

	if (!accepted && wanted->accept &&
		!gap_record_add(wanted->directory, gap, error))
		return false;
	return findings_add(tally->findings, &finding, error,
		"WAL of timeline %" PRIu32 " from " LSN_FORMAT " to " LSN_FORMAT
		" %s",
		gap->timeline, LSN_ARGS(gap->begin), LSN_ARGS(gap->end),
		accepted ? "was accepted as lost" : "is missing");
}

/* Before a timeline's beginning it has no segments, though one may say so. */
static bool
is_part(const struct losses_wanted *wanted, const struct gap *gap)
{
	const struct inventory_timeline *row =
		inventory_find(wanted->inventory, gap->timeline);
	uint32_t size = wanted->inventory->identity.segment_size;

	if (row != NULL && gap->end <= succession_first(row, size) * size)
		return false;
	return scope_has(wanted->scope, gap->timeline, gap->begin, gap->end);
}

/* Is there a gap that the newest segment, an open one, follows? */
static bool
may_close(const struct inventory *inventory, const struct coverage *coverage)
{
	uint32_t size = inventory->identity.segment_size;

	for (size_t i = 0; i < coverage->count; i++) {
		const struct gap *gap = &coverage->gaps[i].range;
		const struct inventory_timeline *row =
			inventory_find(inventory, gap->timeline);
		const struct archive_name *last;

		if (row == NULL || row->count == 0)
			continue;
		last = &inventory->files[row->first + row->count - 1].name;
		if (last->kind == NAME_PARTIAL &&
			last->number * size == gap->end)
			return true;
	}
	return false;
}

/* Look at what is there now. */
static bool
look(const struct losses_wanted *wanted, struct inventory *inventory,
	struct coverage *coverage, struct error *error)
{
	if (!inventory_read(inventory, wanted->directory, error))
		return false;
	if (coverage_find(coverage, inventory, wanted->directory, error))
		return true;
	inventory_free(inventory);
	return false;
}

static bool
was_missing(const struct coverage *before, const struct gap *gap)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct gap *range = &before->gaps[i].range;

		if (range->timeline == gap->timeline &&
			range->begin < gap->end && gap->begin < range->end)
			return true;
	}
	return false;
}

/* What was missing before and is so now; somebody may have pruned meanwhile. */
static bool
add_missing(const struct losses_wanted *wanted, struct tally *tally,
	const struct coverage *before, struct error *error)
{
	const struct timespec pause = {.tv_nsec = LOOK_PAUSE_NS};
	struct inventory inventory;
	struct coverage now;
	bool success = look(wanted, &inventory, &now, error);

	for (int looks = 1; success && looks < LOOKS_MAX &&
		may_close(&inventory, &now) && !atomic_load(&tally->stop);
		looks++) {
		coverage_free(&now);
		inventory_free(&inventory);
		(void)nanosleep(&pause, NULL);
		success = look(wanted, &inventory, &now, error);
	}
	if (!success)
		return false;
	for (size_t i = 0; i < now.count && success; i++) {
		const struct coverage_gap *gap = &now.gaps[i];

		if (is_part(wanted, &gap->range) &&
			was_missing(before, &gap->range))
			success = add_gap(wanted, tally, &gap->range,
				gap->accepted, error);
	}
	coverage_free(&now);
	inventory_free(&inventory);
	return success;
}

static bool
find_missing(const struct losses_wanted *wanted, struct tally *tally,
	struct error *error)
{
	struct coverage coverage;
	bool success = true;

	if (!coverage_find(
		    &coverage, wanted->inventory, wanted->directory, error))
		return false;
	if (coverage.count > 0)
		success = add_missing(wanted, tally, &coverage, error);
	coverage_free(&coverage);
	return success;
}

/* The highest end of the open segment in any of its forms. */
static lsn
best_end(const struct tally *tally, const struct open_end *end)
{
	lsn best = end->at;

	for (size_t i = 0; i < tally->open_count; i++) {
		const struct open_end *other = &tally->open_ends[i];

		if (other->name.timeline == end->name.timeline &&
			other->name.number == end->name.number &&
			other->at > best)
			best = other->at;
	}
	return best;
}

/* Is the segment open, with later ones of its timeline? */
static bool
is_left_open(const struct inventory *inventory, const struct open_end *end)
{
	const struct inventory_timeline *row =
		inventory_find(inventory, end->name.timeline);
	const struct inventory_file *files = inventory->files + row->first;

	for (size_t i = 0; i < row->count; i++)
		if (files[i].name.number == end->name.number &&
			files[i].name.kind == NAME_SEGMENT)
			return false;
	return files[row->count - 1].name.number > end->name.number;
}

/*
 * What does an open segment lack? Nobody writes to one that others follow, so
 * that zeros at its end may count as bytes of its last record. *lacks: it is
 * still there, and not full.
 */
static bool
measure_lack(const struct losses_wanted *wanted, const struct open_end *end,
	struct gap *gap, bool *lacks, struct error *error)
{
	const struct wal_identity *identity = &wanted->inventory->identity;
	struct segment_scan scan;
	bool proven;

	*lacks = false;
	if (!segment_scan(
		    &scan, wanted->directory, identity, &end->name, error) ||
		!segment_scan_prove_end(
			&scan, wanted->directory, &proven, error))
		return error->code == ERR_NOT_FOUND;
	*gap = (struct gap){end->name.timeline, scan.boundary,
		scan.start + identity->segment_size};
	*lacks = !proven;
	/* Of a version that is not known, only the zeros tell. */
	if (scan.verifier.state == VERIFIER_OFF) {
		gap->begin = end->at;
		*lacks = true;
	}
	return true;
}

static bool
check_unfilled(const struct losses_wanted *wanted, struct tally *tally,
	const struct open_end *end, struct error *error)
{
	struct gap gap;
	bool accepted;
	bool lacks;

	if (!measure_lack(wanted, end, &gap, &lacks, error))
		return false;
	if (!lacks)
		return true;
	return gap_record_find(wanted->directory, gap.timeline, gap.begin,
		       &accepted, error) &&
		add_gap(wanted, tally, &gap, accepted, error);
}

/* Open segments that are not the newest lack what they are not filled with. */
static bool
find_unfilled(const struct losses_wanted *wanted, struct tally *tally,
	struct error *error)
{
	uint32_t size = wanted->inventory->identity.segment_size;

	for (size_t i = 0; i < tally->open_count; i++) {
		const struct open_end *end = &tally->open_ends[i];

		if (end->at < (end->name.number + 1) * size &&
			best_end(tally, end) == end->at &&
			is_left_open(wanted->inventory, end) &&
			!check_unfilled(wanted, tally, end, error))
			return false;
	}
	return true;
}

static bool
check_history(const struct inventory_timeline *row, struct tally *tally,
	lsn first, struct error *error)
{
	struct finding finding = {.timeline = row->timeline, .at = first};

	history_name_format(finding.file, row->timeline);
	if (!row->has_history && row->timeline > 1) {
		finding.kind = FINDING_HISTORY;
		return findings_add(tally->findings, &finding, error,
			"the history of timeline %" PRIu32 " is missing",
			row->timeline);
	}
	if (row->history_fault.code == ERR_NONE)
		return true;
	finding.kind = FINDING_DAMAGE;
	return findings_add(tally->findings, &finding, error, "%s",
		row->history_fault.message);
}

static bool
find_histories(const struct losses_wanted *wanted, struct tally *tally,
	struct error *error)
{
	const struct inventory *inventory = wanted->inventory;
	uint32_t size = inventory->identity.segment_size;

	for (size_t i = 0; i < inventory->timeline_count; i++) {
		const struct inventory_timeline *row = &inventory->timelines[i];
		lsn first = row->count == 0
			? LSN_NONE
			: inventory->files[row->first].name.number * size;

		if (row->count == 0 && row->history_fault.code == ERR_NONE)
			continue;
		if (scope_has(wanted->scope, row->timeline, first, LSN_MAX) &&
			!check_history(row, tally, first, error))
			return false;
	}
	return true;
}

bool
losses_find(const struct losses_wanted *wanted, struct tally *tally,
	struct error *error)
{
	int lock = -1;
	bool success;

	if (wanted->accept &&
		!archive_lock_acquire(wanted->directory, &lock, error))
		return error_set_hint(
			error, "Stop it, or leave out --accept-gap.");
	success = find_histories(wanted, tally, error) &&
		find_missing(wanted, tally, error) &&
		find_unfilled(wanted, tally, error);
	archive_lock_release(lock);
	return success;
}
