#include "model_archive.h"

#include <stdlib.h>
#include <string.h>

#define IN_WORK_MAX 4 /* segments in memory */

void
model_archive_init(struct model_archive *archive, struct dice *dice,
	uint32_t segment_size, lsn base)
{
	*archive = (struct model_archive){
		.dice = dice,
		.segment_size = segment_size,
		.base = base,
		.compresses = dice_one_in(dice, 2),
	};
}

void
model_archive_free(struct model_archive *archive)
{
	for (int i = 0; i < MODEL_TIMELINES; i++) {
		free(archive->copies[i].disk);
		free(archive->copies[i].cache);
	}
}

static struct model_copy *
copy_of(struct model_archive *archive, int timeline)
{
	struct model_copy *copy = &archive->copies[timeline];

	if (copy->disk == NULL) {
		copy->disk = calloc(1, WAL_BUILDER_ROOM);
		copy->cache = calloc(1, WAL_BUILDER_ROOM);
		if (copy->disk == NULL || copy->cache == NULL)
			abort();
	}
	return copy;
}

static lsn
start_of(const struct model_archive *archive, lsn at)
{
	return lsn_segment_start(at, archive->segment_size);
}

static size_t
row_of(const struct model_archive *archive, lsn at)
{
	return (size_t)((at - archive->base) / archive->segment_size);
}

enum model_file
model_archive_file(const struct model_archive *archive, int timeline, lsn at)
{
	return archive->copies[timeline].files[row_of(archive, at)];
}

const unsigned char *
model_archive_bytes(const struct model_archive *archive, int timeline, lsn at)
{
	return archive->copies[timeline].cache + (at - archive->base);
}

lsn
model_archive_held(const struct model_archive *archive, int timeline, lsn at)
{
	lsn start = start_of(archive, at);
	lsn end = start + archive->segment_size;
	const unsigned char *bytes =
		model_archive_bytes(archive, timeline, start);

	while (end > start && bytes[end - start - 1] == 0)
		end--;
	return end;
}

/* The newest segment of a timeline; LSN_NONE: none. */
static lsn
newest_segment(const struct model_archive *archive, int timeline)
{
	const struct model_copy *copy = &archive->copies[timeline];

	for (size_t row = MODEL_SEGMENTS_MAX; row > 0; row--)
		if (copy->files[row - 1] != FILE_NONE)
			return archive->base +
				(row - 1) * archive->segment_size;
	return LSN_NONE;
}

bool
model_archive_is_empty(const struct model_archive *archive)
{
	for (int i = 0; i < MODEL_TIMELINES; i++)
		if (newest_segment(archive, i) != LSN_NONE)
			return false;
	return true;
}

/* What is in the cache from one LSN to another gets to the disk. */
static void
sync_bytes(struct model_copy *copy, lsn base, lsn from, lsn to)
{
	memcpy(copy->disk + (from - base), copy->cache + (from - base),
		to - from);
}

static void
lose_bytes(struct model_copy *copy, lsn base, lsn from, lsn to)
{
	memcpy(copy->cache + (from - base), copy->disk + (from - base),
		to - from);
}

static void
set_file(struct model_archive *archive, lsn at, enum model_file file)
{
	archive->copies[archive->timeline].files[row_of(archive, at)] = file;
}

/* The WAL of a segment, read from its start. */
static void
scan(const struct model_archive *archive, int timeline, lsn start,
	struct record_verifier *verifier)
{
	struct wal_identity identity = {
		.system_identifier = MODEL_SYSTEM,
		.segment_size = archive->segment_size,
	};
	struct error ignored;

	record_verifier_init(verifier, &identity);
	record_verifier_start(
		verifier, model_timeline_number(timeline), start, LSN_NONE);
	(void)record_verifier_feed(verifier,
		model_archive_bytes(archive, timeline, start),
		archive->segment_size, &ignored);
}

/*
 * A segment that begins with the rest of a record is proved with the one
 * before, if that is there and complete.
 */
static bool
is_proven(const struct model_archive *archive, int timeline, lsn start,
	const struct record_verifier *alone, lsn *previous)
{
	lsn boundary = record_verifier_boundary(alone);
	lsn before = start - archive->segment_size;
	struct record_verifier verifier;
	struct error ignored;

	if (boundary == start)
		return true;
	if (start > archive->base &&
		model_archive_file(archive, timeline, before) == FILE_FINAL) {
		scan(archive, timeline, before, &verifier);
		if (verifier.position == start &&
			record_verifier_previous(&verifier) != LSN_NONE) {
			(void)record_verifier_feed(&verifier,
				model_archive_bytes(archive, timeline, start),
				archive->segment_size, &ignored);
			*previous = record_verifier_previous(&verifier);
			return record_verifier_boundary(&verifier) >= boundary;
		}
	}
	/* What lies before is a switch that was not seen. */
	return record_verifier_previous(alone) >= start;
}

/* The segment before says what has to come. */
static void
stand_at_start(const struct model_archive *archive, int timeline, lsn start,
	struct archive_position *position)
{
	lsn before = start - archive->segment_size;
	struct record_verifier verifier;

	if (start == archive->base ||
		model_archive_file(archive, timeline, before) != FILE_FINAL)
		return;
	scan(archive, timeline, before, &verifier);
	position->follows = verifier.position == start;
	if (position->follows)
		position->verifier = verifier;
}

static void
measure_open(struct model_archive *archive, int timeline, lsn start,
	struct archive_position *position)
{
	struct record_verifier *verifier = &position->verifier;
	lsn end = start + archive->segment_size;
	lsn previous;

	scan(archive, timeline, start, verifier);
	position->at = record_verifier_boundary(verifier);
	previous = record_verifier_previous(verifier);
	position->held = model_archive_held(archive, timeline, start);
	if (position->held < position->at)
		position->held = position->at;
	if (!is_proven(archive, timeline, start, verifier, &previous)) {
		position->at = start;
		previous = LSN_NONE;
	}
	sync_bytes(copy_of(archive, timeline), archive->base, start, end);
	position->follows = previous != LSN_NONE;
	record_verifier_start(verifier, model_timeline_number(timeline),
		position->at, previous);
	if (position->at == start)
		stand_at_start(archive, timeline, start, position);
	if (position->at < end)
		return;
	archive->timeline = timeline;
	set_file(archive, start, FILE_FINAL);
	archive->finished = end;
}

static void
follow_fork(const struct model_archive *archive,
	const struct timeline_history *history,
	const struct timeline_entry *entry, struct archive_position *position)
{
	const struct timeline_entry *next;

	while (position->at >= entry->end &&
		(next = timeline_history_next(history, entry)) != NULL) {
		lsn start = start_of(archive, entry->end);

		*position = (struct archive_position){
			.timeline = next->timeline, .at = start, .held = start};
		entry = next;
	}
}

bool
model_archive_locate(struct model_archive *archive,
	const struct timeline_history *history,
	struct archive_position *position)
{
	archive->finished = LSN_NONE;
	*position = (struct archive_position){0};
	for (size_t i = history->count; i > 0; i--) {
		const struct timeline_entry *entry = &history->entries[i - 1];
		int timeline = (int)entry->timeline - 1;
		lsn start;
		lsn end;

		if (timeline < 0 || timeline >= MODEL_TIMELINES)
			continue;
		start = newest_segment(archive, timeline);
		end = start + archive->segment_size;
		if (start == LSN_NONE || end <= entry->begin)
			continue;
		if (model_archive_file(archive, timeline, start) ==
			FILE_FINAL) {
			scan(archive, timeline, start, &position->verifier);
			position->at = end;
			position->held = end;
			position->follows = position->verifier.position == end;
		} else {
			measure_open(archive, timeline, start, position);
		}
		position->timeline = entry->timeline;
		follow_fork(archive, history, entry, position);
		return true;
	}
	return model_archive_is_empty(archive);
}

void
model_archive_begin(
	struct model_archive *archive, const struct archive_position *position)
{
	archive->begun = true;
	archive->timeline = (int)position->timeline - 1;
	archive->begin = position->at;
	archive->appended = position->at;
	archive->written = position->at;
	archive->durable = position->at;
	archive->target = position->at;
	archive->closed = false;
	archive->failed = false;
	(void)copy_of(archive, archive->timeline);
}

size_t
model_archive_append(
	struct model_archive *archive, const void *data, size_t len)
{
	struct model_copy *copy = copy_of(archive, archive->timeline);
	size_t most = IN_WORK_MAX * (size_t)archive->segment_size -
		(size_t)(archive->appended - archive->durable);

	if (dice_one_in(archive->dice, 16))
		most = dice_below(archive->dice, most + 1);
	if (archive->failed)
		most = 0;
	if (len > most)
		len = most;
	memcpy(copy->cache + (archive->appended - archive->base), data, len);
	archive->appended += len;
	return len;
}

void
model_archive_persist(struct model_archive *archive)
{
	archive->target = archive->appended;
}

void
model_archive_close(struct model_archive *archive)
{
	archive->target = archive->appended;
	archive->closed = true;
}

void
model_archive_progress(
	const struct model_archive *archive, struct finisher_progress *progress)
{
	bool done = archive->durable == archive->appended &&
		(archive->closed || archive->durable == archive->begin ||
			archive->durable ==
				start_of(archive, archive->durable));

	*progress = (struct finisher_progress){
		.written = archive->written,
		.durable = archive->durable,
		.idle = done || archive->failed,
	};
}

static void
publish(struct model_archive *archive, lsn start, lsn end)
{
	sync_bytes(
		copy_of(archive, archive->timeline), archive->base, start, end);
	set_file(archive, start, FILE_FINAL);
	archive->durable = end;
	if (archive->written < end)
		archive->written = end;
	archive->finished = end;
}

/* Make the open segment durable up to an LSN. */
static void
persist_to(struct model_archive *archive, lsn start, lsn to)
{
	sync_bytes(copy_of(archive, archive->timeline), archive->base,
		archive->durable, to);
	set_file(archive, start, FILE_PARTIAL);
	archive->durable = to;
	if (archive->written < to)
		archive->written = to;
}

static lsn
lowest(lsn a, lsn b)
{
	return a < b ? a : b;
}

/* Bytes get to the kernel, of one segment at a time. */
static void
write_bytes(struct model_archive *archive, lsn start, lsn end)
{
	lsn most = lowest(archive->appended, end);

	if (archive->written >= most ||
		(archive->compresses && archive->target <= start))
		return;
	archive->written =
		dice_between(archive->dice, archive->written + 1, most);
	set_file(archive, start, FILE_PARTIAL);
}

bool
model_archive_work(struct model_archive *archive, bool thorough)
{
	lsn start = start_of(archive, archive->durable);
	lsn end = start + archive->segment_size;
	bool all = thorough || dice_one_in(archive->dice, 2);

	archive->finished = LSN_NONE;
	if (!archive->begun || archive->failed ||
		archive->durable == archive->appended)
		return false;
	write_bytes(archive, start, end);
	if (archive->appended >= end && all) {
		publish(archive, start, end);
		return true;
	}
	if (archive->target > archive->durable) {
		/* Without its final name, a full segment may end in zeros. */
		lsn most = lowest(archive->target, end - 1);

		if (most <= archive->durable)
			return false;
		if (!all)
			most = dice_between(
				archive->dice, archive->durable + 1, most);
		persist_to(archive, start, most);
	}
	return false;
}

void
model_archive_forget(struct model_archive *archive)
{
	if (archive->begun)
		lose_bytes(copy_of(archive, archive->timeline), archive->base,
			archive->written, archive->appended);
	archive->begun = false;
}

/* What the kernel had not written: each page is there, or as it was. */
static void
lose_pages(struct model_archive *archive)
{
	struct model_copy *copy = copy_of(archive, archive->timeline);
	lsn at = archive->durable;

	while (at < archive->written) {
		lsn next = at - lsn_page_offset(at) + WAL_PAGE_SIZE;

		if (next > archive->written)
			next = archive->written;
		if (dice_one_in(archive->dice, 2))
			sync_bytes(copy, archive->base, at, next);
		else
			lose_bytes(copy, archive->base, at, next);
		at = next;
	}
}

/* A file of which nothing is durable may be gone altogether. */
static void
lose_file(struct model_archive *archive, lsn start)
{
	struct model_copy *copy = copy_of(archive, archive->timeline);
	size_t offset = (size_t)(start - archive->base);

	if (archive->durable > start || archive->begin > start ||
		model_archive_file(archive, archive->timeline, start) !=
			FILE_PARTIAL ||
		dice_one_in(archive->dice, 2))
		return;
	for (size_t i = 0; i < archive->segment_size; i++)
		if (copy->disk[offset + i] != 0)
			return;
	memset(copy->cache + offset, 0, archive->segment_size);
	set_file(archive, start, FILE_NONE);
}

void
model_archive_crash(struct model_archive *archive, bool power)
{
	lsn start = start_of(archive, archive->durable);

	if (!archive->begun)
		return;
	model_archive_forget(archive);
	if (!power) {
		sync_bytes(copy_of(archive, archive->timeline), archive->base,
			archive->durable, archive->written);
		return;
	}
	lose_pages(archive);
	lose_file(archive, start);
}
