#include "base/number.h"
#include "cmd/list_print.h"
#include "list/bar.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define TIME_MAX 40

static void
format_time(char text[TIME_MAX], int64_t seconds)
{
	time_t value = (time_t)seconds;
	struct tm tm;

	text[0] = '\0';
	if (localtime_r(&value, &tm) == NULL ||
		strftime(text, TIME_MAX, "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		(void)snprintf(text, TIME_MAX, "@%" PRId64, seconds);
}

static void
print_field(const char *name)
{
	(void)printf("  %-10s", name);
}

static void
print_heading(const struct list_timeline *timeline)
{
	const struct inventory_timeline *row = timeline->row;
	const struct timeline_entry *parent =
		row == NULL ? NULL : inventory_parent(row);

	(void)printf("\nTimeline %" PRIu32, timeline->timeline);
	if (parent != NULL)
		(void)printf(", which left timeline %" PRIu32 " at " LSN_FORMAT,
			parent->timeline, LSN_ARGS(parent->end));
	(void)putchar('\n');
	if (row != NULL && row->history_fault.code != ERR_NONE) {
		print_field("History:");
		(void)printf("not usable: %s\n", row->history_fault.message);
	} else if (row != NULL && !row->has_history && timeline->timeline > 1) {
		print_field("History:");
		(void)printf("missing\n");
	}
}

static void
print_complete(const struct list_timeline *timeline, uint32_t size)
{
	char first[SEGMENT_NAME_LEN + 1];
	char last[SEGMENT_NAME_LEN + 1];
	char stored[SIZE_TEXT_MAX];
	char plain[SIZE_TEXT_MAX];

	print_field("Complete:");
	if (timeline->first == NULL) {
		(void)printf("none\n");
		return;
	}
	segment_name_format(
		first, timeline->timeline, timeline->first->name.number, size);
	segment_name_format(
		last, timeline->timeline, timeline->last->name.number, size);
	(void)printf(
		"%" PRIu64 ", %s to %s\n", timeline->complete, first, last);
	size_format(stored, timeline->stored);
	size_format(plain, timeline->complete * size);
	print_field("Stored:");
	(void)printf("%s, %s of WAL", stored, plain);
	if (timeline->stored > 0)
		(void)printf(", ratio %.1f",
			(double)timeline->complete * size /
				(double)timeline->stored);
	(void)putchar('\n');
}

static void
print_times(const struct list_timeline *timeline)
{
	char oldest[TIME_MAX];
	char newest[TIME_MAX];

	if (timeline->row == NULL || timeline->row->count == 0)
		return;
	format_time(oldest, timeline->oldest);
	format_time(newest, timeline->newest);
	print_field("Written:");
	(void)printf("%s to %s\n", oldest, newest);
}

static void
print_open(const struct list_timeline *timeline, uint32_t size)
{
	char name[ARCHIVE_NAME_MAX];

	if (timeline->open == NULL)
		return;
	archive_name_format(name, &timeline->open->name, size);
	print_field("Open:");
	(void)printf("%s", name);
	if (timeline->open_read)
		(void)printf(
			", valid up to " LSN_FORMAT, LSN_ARGS(timeline->valid));
	(void)putchar('\n');
}

static void
print_gaps(const struct list_timeline *timeline, uint32_t size)
{
	for (size_t i = 0; i < timeline->gap_count; i++) {
		const struct coverage_gap *gap = &timeline->gaps[i];
		uint64_t first = gap->range.begin / size;
		uint64_t count = gap->range.end / size - first;
		char name[SEGMENT_NAME_LEN + 1];

		segment_name_format(name, timeline->timeline, first, size);
		print_field("Gap:");
		(void)printf(LSN_FORMAT " to " LSN_FORMAT ", %" PRIu64
					" %s from %s on%s\n",
			LSN_ARGS(gap->range.begin), LSN_ARGS(gap->range.end),
			count, count == 1 ? "segment" : "segments", name,
			gap->accepted ? ", accepted" : "");
	}
}

static void
print_bar(const struct list_timeline *timeline,
	const struct inventory *inventory, const struct list_style *style)
{
	const struct list_bar_style bar = {style->bar_width, style->utf8};
	struct text text;

	if (style->bar_width == 0)
		return;
	text_init(&text);
	list_bar_append(&text, timeline, inventory, &bar);
	if (text.len > 0) {
		print_field("Coverage:");
		(void)printf("%s\n", text.string);
	}
	text_free(&text);
}

static void
print_files(
	const struct list_timeline *timeline, const struct inventory *inventory)
{
	const struct inventory_timeline *row = timeline->row;

	for (size_t i = 0; row != NULL && i < row->count; i++) {
		const struct inventory_file *file =
			&inventory->files[row->first + i];
		char name[ARCHIVE_NAME_MAX];
		char size[SIZE_TEXT_MAX];
		char written[TIME_MAX];

		archive_name_format(
			name, &file->name, inventory->identity.segment_size);
		size_format(size, file->stored);
		format_time(written, file->modified);
		(void)printf("  %-36s %9s  %s\n", name, size, written);
	}
}

static void
print_archive(
	const struct list_summary *summary, const struct list_style *style)
{
	const struct inventory *inventory = summary->inventory;
	char size[SIZE_TEXT_MAX];

	(void)printf("Archive \"%s\"\n", style->directory);
	if (inventory->file_count == 0) {
		(void)printf("  It holds no WAL.\n");
		return;
	}
	size_format(size, inventory->identity.segment_size);
	print_field("Cluster:");
	(void)printf("%" PRIu64 ", segments of %s\n",
		inventory->identity.system_identifier, size);
	if (inventory->odd_count > 0) {
		print_field("Odd:");
		(void)printf("%zu %s that cannot be of this cluster, %s%s\n",
			inventory->odd_count,
			inventory->odd_count == 1 ? "name" : "names",
			inventory->odd[0],
			inventory->odd_count == 1 ? "" : " and others");
	}
}

void
list_print_text(
	const struct list_summary *summary, const struct list_style *style)
{
	const struct inventory *inventory = summary->inventory;
	uint32_t size = inventory->identity.segment_size;

	print_archive(summary, style);
	for (size_t i = 0; i < summary->count; i++) {
		const struct list_timeline *timeline = &summary->timelines[i];

		print_heading(timeline);
		print_complete(timeline, size);
		print_times(timeline);
		print_open(timeline, size);
		print_gaps(timeline, size);
		print_bar(timeline, inventory, style);
		if (style->segments)
			print_files(timeline, inventory);
	}
}
