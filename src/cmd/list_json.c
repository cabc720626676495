#include "cmd/json_output.h"
#include "cmd/list_print.h"

#include <stdio.h>
#include <time.h>

#define TIME_MAX 40
#define LSN_MAX_LEN 20

/* "2026-11-23T02:00:00Z" */
static json_t *
time_to_json(int64_t seconds)
{
	time_t value = (time_t)seconds;
	char text[TIME_MAX];
	struct tm tm;

	if (gmtime_r(&value, &tm) == NULL ||
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return json_null();
	return json_string(text);
}

static json_t *
lsn_to_json(lsn at)
{
	char text[LSN_MAX_LEN];

	(void)snprintf(text, sizeof(text), LSN_FORMAT, LSN_ARGS(at));
	return json_string(text);
}

static json_t *
segment_to_json(const struct inventory_file *file, uint32_t size)
{
	char name[SEGMENT_NAME_LEN + 1];

	if (file == NULL)
		return json_null();
	segment_name_format(name, file->name.timeline, file->name.number, size);
	return json_string(name);
}

static json_t *
file_name_to_json(const struct inventory_file *file, uint32_t size)
{
	char name[ARCHIVE_NAME_MAX];

	archive_name_format(name, &file->name, size);
	return json_string(name);
}

static const char *
history_word(const struct list_timeline *timeline)
{
	const struct inventory_timeline *row = timeline->row;

	if (row != NULL && row->history_fault.code != ERR_NONE)
		return "damaged";
	if (row != NULL && row->has_history)
		return "sound";
	return timeline->timeline == 1 ? "none" : "missing";
}

static json_t *
open_to_json(const struct list_timeline *timeline, uint32_t size)
{
	if (timeline->open == NULL)
		return json_null();
	return json_pack("{s:o, s:o}", "name",
		file_name_to_json(timeline->open, size), "valid_lsn",
		timeline->open_read ? lsn_to_json(timeline->valid)
				    : json_null());
}

static json_t *
gaps_to_json(const struct list_timeline *timeline, uint32_t size)
{
	json_t *gaps = json_array();
	bool ok = gaps != NULL;

	for (size_t i = 0; ok && i < timeline->gap_count; i++) {
		const struct coverage_gap *gap = &timeline->gaps[i];
		lsn len = gap->range.end - gap->range.begin;

		ok = json_append(gaps,
			json_pack("{s:o, s:o, s:I, s:b}", "begin_lsn",
				lsn_to_json(gap->range.begin), "end_lsn",
				lsn_to_json(gap->range.end), "segments",
				(json_int_t)(len / size), "accepted",
				gap->accepted));
	}
	return json_whole(gaps, ok);
}

static json_t *
files_to_json(
	const struct list_timeline *timeline, const struct inventory *inventory)
{
	const struct inventory_timeline *row = timeline->row;
	json_t *files = json_array();
	bool ok = files != NULL;

	for (size_t i = 0; ok && row != NULL && i < row->count; i++) {
		const struct inventory_file *file =
			&inventory->files[row->first + i];

		ok = json_append(files,
			json_pack("{s:o, s:I, s:o}", "name",
				file_name_to_json(
					file, inventory->identity.segment_size),
				"stored_bytes", (json_int_t)file->stored,
				"written", time_to_json(file->modified)));
	}
	return json_whole(files, ok);
}

/* What is where it came from. */
static json_t *
origin_to_json(const struct list_timeline *timeline)
{
	const struct inventory_timeline *row = timeline->row;
	const struct timeline_entry *parent =
		row == NULL ? NULL : inventory_parent(row);

	return json_pack("{s:I, s:s, s:o, s:o}", "timeline",
		(json_int_t)timeline->timeline, "history",
		history_word(timeline), "parent",
		parent == NULL ? json_null()
			       : json_integer((json_int_t)parent->timeline),
		"switch_lsn",
		parent == NULL ? json_null() : lsn_to_json(parent->end));
}

/* What it holds. */
static json_t *
content_to_json(const struct list_timeline *timeline, uint32_t size)
{
	bool any = timeline->row != NULL && timeline->row->count > 0;
	uint64_t plain = timeline->complete * size;

	return json_pack("{s:I, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o}",
		"complete", (json_int_t)timeline->complete, "first",
		segment_to_json(timeline->first, size), "last",
		segment_to_json(timeline->last, size), "plain_bytes",
		(json_int_t)plain, "stored_bytes", (json_int_t)timeline->stored,
		"ratio",
		timeline->stored == 0
			? json_null()
			: json_real((double)plain / (double)timeline->stored),
		"oldest", any ? time_to_json(timeline->oldest) : json_null(),
		"newest", any ? time_to_json(timeline->newest) : json_null(),
		"open", open_to_json(timeline, size), "gaps",
		gaps_to_json(timeline, size));
}

static json_t *
timeline_to_json(const struct list_timeline *timeline,
	const struct inventory *inventory, bool files)
{
	uint32_t size = inventory->identity.segment_size;
	json_t *object = origin_to_json(timeline);

	if (json_object_update_new(object, content_to_json(timeline, size)) !=
			0 ||
		(files &&
			json_object_set_new(object, "files",
				files_to_json(timeline, inventory)) != 0)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* 64 bits without a sign: a string. */
static json_t *
identifier_to_json(const struct inventory *inventory)
{
	char text[LSN_MAX_LEN + 4];

	if (inventory->file_count == 0)
		return json_null();
	(void)snprintf(text, sizeof(text), "%llu",
		(unsigned long long)inventory->identity.system_identifier);
	return json_string(text);
}

static json_t *
summary_to_json(
	const struct list_summary *summary, const struct list_style *style)
{
	const struct inventory *inventory = summary->inventory;
	json_t *timelines = json_array();
	json_t *odd = json_array();
	bool ok = true;

	for (size_t i = 0; ok && i < summary->count; i++)
		ok = json_append(timelines,
			timeline_to_json(&summary->timelines[i], inventory,
				style->segments));
	timelines = json_whole(timelines, ok);
	for (size_t i = 0; ok && i < inventory->odd_count; i++)
		ok = json_append(odd, json_string(inventory->odd[i]));
	odd = json_whole(odd, ok);
	return json_pack("{s:s, s:o, s:I, s:o, s:o}", "directory",
		style->directory, "system_identifier",
		identifier_to_json(inventory), "segment_size",
		(json_int_t)inventory->identity.segment_size, "timelines",
		timelines, "odd", odd);
}

bool
list_print_json(const struct list_summary *summary,
	const struct list_style *style, struct error *error)
{
	return json_output(summary_to_json(summary, style), error);
}
