#include "archive/inventory.h"

#include "archive/history_file.h"
#include "archive/segment_form.h"
#include "archive/segment_head.h"
#include "base/array.h"
#include "base/worker_pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Until a segment has told the real size, numbers are counted as if segments
 * were small: names that are legal for any size stay apart and in order.
 */
#define READING_SEGMENT_SIZE WAL_SEGMENT_SIZE_MIN

/* So many segments are asked whose they are; most of them decide. */
#define WITNESSES_MAX 7

/* Of files that one thread measures at a stretch. */
#define MEASURE_SLICE 4096

/* More of them measure no faster. */
#define PROCESSORS_MAX 32

static struct inventory_timeline *
find_row(const struct inventory *inventory, uint32_t timeline)
{
	/* Nearly always the row that the last name was of. */
	for (size_t i = inventory->timeline_count; i > 0; i--)
		if (inventory->timelines[i - 1].timeline == timeline)
			return &inventory->timelines[i - 1];
	return NULL;
}

static struct inventory_timeline *
find_or_add_row(
	struct inventory *inventory, uint32_t timeline, struct error *error)
{
	struct inventory_timeline *row = find_row(inventory, timeline);

	if (row != NULL)
		return row;
	row = array_room(inventory->timelines, inventory->timeline_count,
		sizeof(*row), error);
	if (row == NULL)
		return NULL;
	inventory->timelines = row;
	row = &inventory->timelines[inventory->timeline_count++];
	memset(row, 0, sizeof(*row));
	row->timeline = timeline;
	timeline_history_init(&row->history);
	return row;
}

static bool
add_file(struct inventory *inventory, const struct archive_name *name,
	struct error *error)
{
	struct inventory_file *files;

	if (find_or_add_row(inventory, name->timeline, error) == NULL)
		return false;
	files = array_room(
		inventory->files, inventory->file_count, sizeof(*files), error);
	if (files == NULL)
		return false;
	inventory->files = files;
	files[inventory->file_count++] = (struct inventory_file){.name = *name};
	return true;
}

/* A segment's name, were it not for its digits. */
static bool
looks_like_segment(const char *name)
{
	static const char legal[] = "000000010000000000000001";
	struct archive_name parsed;
	char copy[ARCHIVE_NAME_MAX];
	size_t len = strlen(name);

	if (len >= sizeof(copy) ||
		strspn(name, "0123456789ABCDEF") != SEGMENT_NAME_LEN)
		return false;
	memcpy(copy, name, len + 1);
	memcpy(copy, legal, SEGMENT_NAME_LEN);
	archive_name_parse(&parsed, copy, READING_SEGMENT_SIZE);
	return parsed.kind != NAME_OTHER;
}

static bool
add_odd(struct inventory *inventory, const char *name, struct error *error)
{
	char(*odd)[ARCHIVE_NAME_MAX];
	size_t size = strlen(name) + 1;

	assert(size <= ARCHIVE_NAME_MAX);
	odd = array_room(
		inventory->odd, inventory->odd_count, sizeof(*odd), error);
	if (odd == NULL)
		return false;
	inventory->odd = odd;
	memcpy(odd[inventory->odd_count++], name, size);
	return true;
}

static bool
add_name(void *context, const char *name, struct error *error)
{
	struct inventory *inventory = context;
	struct inventory_timeline *row;
	struct archive_name parsed;

	archive_name_parse(&parsed, name, READING_SEGMENT_SIZE);
	switch (parsed.kind) {
	case NAME_SEGMENT:
	case NAME_PARTIAL:
		return add_file(inventory, &parsed, error);
	case NAME_HISTORY:
		row = find_or_add_row(inventory, parsed.timeline, error);
		if (row == NULL)
			return false;
		row->has_history = true;
		return true;
	case NAME_TEMPORARY:
		return true;
	case NAME_OTHER:
		return !looks_like_segment(name) ||
			add_odd(inventory, name, error);
	}
	return true;
}

static int
compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int
compare_files(const void *a, const void *b)
{
	const struct archive_name *x =
		&((const struct inventory_file *)a)->name;
	const struct archive_name *y =
		&((const struct inventory_file *)b)->name;

	if (x->timeline != y->timeline)
		return compare(x->timeline, y->timeline);
	if (x->number != y->number)
		return compare(x->number, y->number);
	if (x->kind != y->kind)
		return compare(x->kind, y->kind);
	return compare(x->codec, y->codec);
}

static int
compare_rows(const void *a, const void *b)
{
	return compare(((const struct inventory_timeline *)a)->timeline,
		((const struct inventory_timeline *)b)->timeline);
}

/* What the witnesses said. */
struct votes {
	struct wal_identity identity[WITNESSES_MAX];
	size_t count;
	struct error fault; /* why one could not be read; ERR_NONE: none */
};

static void
elect(const struct votes *votes, struct wal_identity *identity)
{
	size_t best = 0;

	for (size_t i = 0; i < votes->count; i++) {
		const struct wal_identity *candidate = &votes->identity[i];
		size_t agreeing = 0;

		for (size_t j = 0; j < votes->count; j++)
			if (votes->identity[j].system_identifier ==
					candidate->system_identifier &&
				votes->identity[j].segment_size ==
					candidate->segment_size)
				agreeing++;
		if (agreeing > best) {
			best = agreeing;
			*identity = *candidate;
		}
	}
}

/* Files that vanish, cannot be read or say nothing are no witnesses. */
static bool
ask(const struct archive_name *name, const struct directory *directory,
	struct votes *votes, struct error *error)
{
	struct wal_identity *identity = &votes->identity[votes->count];
	char file[ARCHIVE_NAME_MAX];
	bool told;

	archive_name_format(file, name, READING_SEGMENT_SIZE);
	if (!segment_head_read(
		    directory, file, name->codec, identity, &told, error)) {
		if (error->code == ERR_SYSTEM)
			votes->fault = *error;
		return error->code == ERR_NOT_FOUND ||
			error->code == ERR_SYSTEM;
	}
	if (told && wal_segment_size_valid(identity->segment_size))
		votes->count++;
	return true;
}

/* Ask files from all over the archive, and more while none has told. */
static bool
identify(struct inventory *inventory, const struct directory *directory,
	struct error *error)
{
	size_t count = inventory->file_count;
	size_t step = count / WITNESSES_MAX + 1;
	struct votes votes = {.count = 0};
	bool any_complete = false;

	for (size_t i = 0; i < count; i += step)
		if (!ask(&inventory->files[i].name, directory, &votes, error))
			return false;
	for (size_t i = 0; i < count && votes.count == 0; i++) {
		const struct archive_name *name = &inventory->files[i].name;

		any_complete |= name->kind == NAME_SEGMENT;
		if (!ask(name, directory, &votes, error))
			return false;
	}
	if (votes.count > 0) {
		elect(&votes, &inventory->identity);
		return true;
	}
	inventory->file_count = 0;
	if (votes.fault.code != ERR_NONE) {
		*error = votes.fault;
		return false;
	}
	if (!any_complete)
		return true;
	return error_set(error, ERR_DAMAGED,
		"no segment in archive \"%s\" begins with a page header that "
		"tells its size",
		directory->path);
}

/* Segments of a size in 4 GiB, which the second part of a name counts. */
static uint64_t
per_field(uint32_t size)
{
	return (UINT64_C(1) << 32) / size;
}

/*
 * Count in segments of the real size. By arithmetic, for there may be a million
 * names: the two parts stay as they are.
 */
static bool
renumber(struct inventory *inventory, struct error *error)
{
	uint64_t count = per_field(inventory->identity.segment_size);
	uint64_t read = per_field(READING_SEGMENT_SIZE);
	size_t kept = 0;

	for (size_t i = 0; i < inventory->file_count; i++) {
		struct inventory_file file = inventory->files[i];
		uint64_t number = file.name.number;
		char name[ARCHIVE_NAME_MAX];

		if (number % read < count) {
			file.name.number =
				number / read * count + number % read;
			inventory->files[kept++] = file;
			continue;
		}
		archive_name_format(name, &file.name, READING_SEGMENT_SIZE);
		if (!add_odd(inventory, name, error))
			return false;
	}
	inventory->file_count = kept;
	return true;
}

/* Tell each timeline which files are its own. */
static void
assign_files(struct inventory *inventory)
{
	size_t next = 0;

	for (size_t i = 0; i < inventory->timeline_count; i++) {
		struct inventory_timeline *row = &inventory->timelines[i];

		row->first = next;
		while (next < inventory->file_count &&
			inventory->files[next].name.timeline == row->timeline)
			next++;
		row->count = next - row->first;
	}
}

static bool
read_history(struct inventory_timeline *row, const struct directory *directory,
	struct error *error)
{
	struct text content;
	bool success = true;

	if (!row->has_history && row->timeline > 1)
		return true;
	text_init(&content);
	if (row->has_history &&
		!history_file_read(directory, row->timeline, &content, error)) {
		row->has_history = error->code != ERR_NOT_FOUND;
		success = false;
	} else {
		success = timeline_history_parse(&row->history, row->timeline,
			content.string, content.len, error);
	}
	text_free(&content);
	if (!success && error->code != ERR_MEMORY)
		row->history_fault = *error;
	return success || error->code != ERR_MEMORY;
}

static bool
read_all(struct inventory *inventory, const struct directory *directory,
	struct error *error)
{
	if (!directory_each(directory, add_name, inventory, error))
		return false;
	if (inventory->file_count > 1)
		qsort(inventory->files, inventory->file_count,
			sizeof(inventory->files[0]), compare_files);
	if (inventory->timeline_count > 1)
		qsort(inventory->timelines, inventory->timeline_count,
			sizeof(inventory->timelines[0]), compare_rows);
	if (!identify(inventory, directory, error) ||
		(inventory->file_count > 0 && !renumber(inventory, error)))
		return false;
	assign_files(inventory);
	for (size_t i = 0; i < inventory->timeline_count; i++)
		if (!read_history(&inventory->timelines[i], directory, error))
			return false;
	return true;
}

bool
inventory_read(struct inventory *inventory, const struct directory *directory,
	struct error *error)
{
	struct inventory made = {0};

	if (!read_all(&made, directory, error)) {
		inventory_free(&made);
		return false;
	}
	*inventory = made;
	return true;
}

/* Some files, for one thread. */
struct slice {
	struct work work; /* first: run() gets it */
	const struct directory *directory;
	struct inventory_file *files;
	size_t count;
	uint32_t segment_size;
	bool failed;
	struct error error;
};

/* A receiver may have given the segment another name since. */
static bool
measure_file(struct slice *slice, struct inventory_file *file)
{
	do {
		char name[ARCHIVE_NAME_MAX];
		struct stat status;

		archive_name_format(name, &file->name, slice->segment_size);
		if (fstatat(slice->directory->fd, name, &status,
			    AT_SYMLINK_NOFOLLOW) == 0) {
			file->stored = (uint64_t)status.st_size;
			file->modified = status.st_mtime;
			return true;
		}
		if (errno != ENOENT)
			return error_set_errno(&slice->error,
				"could not stat file \"%s\"", name);
	} while (segment_form_find_any(
		slice->directory, &file->name, slice->segment_size));
	file->name.kind = NAME_OTHER;
	return true;
}

static void
measure_slice(struct work *work)
{
	struct slice *slice = (struct slice *)work;

	for (size_t i = 0; i < slice->count && !slice->failed; i++)
		slice->failed = !measure_file(slice, &slice->files[i]);
}

/* Two files of a segment may have become one. */
static void
forget_vanished(struct inventory *inventory)
{
	struct inventory_file *files = inventory->files;
	size_t kept = 0;

	for (size_t i = 0; i < inventory->file_count; i++)
		if (files[i].name.kind != NAME_OTHER &&
			(kept == 0 ||
				compare_files(&files[kept - 1], &files[i]) !=
					0))
			files[kept++] = files[i];
	inventory->file_count = kept;
	assign_files(inventory);
}

bool
inventory_measure(struct inventory *inventory,
	const struct directory *directory, struct error *error)
{
	/* They wait as much as they work. */
	unsigned threads = 2 * worker_pool_processors(PROCESSORS_MAX);
	size_t slice_count =
		(inventory->file_count + MEASURE_SLICE - 1) / MEASURE_SLICE;
	struct slice *slices = calloc(slice_count + 1, sizeof(*slices));
	struct worker_pool *pool;
	bool success = false;

	if (slices == NULL)
		return error_set_memory(error);
	if (!worker_pool_create(&pool, threads, error))
		goto finish;
	for (size_t i = 0; i < slice_count; i++) {
		size_t first = i * MEASURE_SLICE;
		size_t left = inventory->file_count - first;

		slices[i] = (struct slice){
			.work.run = measure_slice,
			.directory = directory,
			.files = inventory->files + first,
			.count = left < MEASURE_SLICE ? left : MEASURE_SLICE,
			.segment_size = inventory->identity.segment_size,
		};
		worker_pool_submit(pool, &slices[i].work);
	}
	worker_pool_destroy(pool);
	success = true;
	for (size_t i = 0; i < slice_count && success; i++) {
		success = !slices[i].failed;
		if (!success)
			*error = slices[i].error;
	}
	if (success)
		forget_vanished(inventory);

finish:
	free(slices);
	return success;
}

const struct inventory_timeline *
inventory_find(const struct inventory *inventory, uint32_t timeline)
{
	return find_row(inventory, timeline);
}

const struct timeline_entry *
inventory_parent(const struct inventory_timeline *timeline)
{
	const struct timeline_history *history = &timeline->history;

	return history->count < 2 ? NULL
				  : &history->entries[history->count - 2];
}

const struct inventory_file *
inventory_newest(const struct inventory *inventory,
	const struct inventory_timeline *timeline)
{
	for (size_t i = timeline->count; i > 0; i--) {
		const struct inventory_file *file =
			&inventory->files[timeline->first + i - 1];

		if (file->name.kind == NAME_SEGMENT)
			return file;
	}
	return NULL;
}

void
inventory_free(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->timeline_count; i++)
		timeline_history_free(&inventory->timelines[i].history);
	free(inventory->timelines);
	free(inventory->files);
	free(inventory->odd);
	memset(inventory, 0, sizeof(*inventory));
}
