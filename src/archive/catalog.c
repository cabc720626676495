#include "archive/catalog.h"

#include "base/array.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct catalog_timeline *
find_or_add(struct catalog *catalog, uint32_t timeline, struct error *error)
{
	struct catalog_timeline *row;

	/* Nearly always the row that the last name was of: search backwards. */
	for (size_t i = catalog->timeline_count; i > 0; i--)
		if (catalog->timelines[i - 1].timeline == timeline)
			return &catalog->timelines[i - 1];

	row = array_room(catalog->timelines, catalog->timeline_count,
		sizeof(*row), error);
	if (row == NULL)
		return NULL;
	catalog->timelines = row;
	row = &catalog->timelines[catalog->timeline_count++];
	memset(row, 0, sizeof(*row));
	row->timeline = timeline;
	return row;
}

static bool
add_partial(struct catalog *catalog, const struct archive_name *name,
	struct error *error)
{
	struct archive_name *array = array_room(catalog->partials,
		catalog->partial_count, sizeof(*name), error);

	if (array == NULL)
		return false;
	catalog->partials = array;
	catalog->partials[catalog->partial_count++] = *name;
	return true;
}

static bool
add_temporary(struct catalog *catalog, const char *name, struct error *error)
{
	size_t size = strlen(name) + 1;
	void *array;

	assert(size <= ARCHIVE_NAME_MAX);
	array = array_room(catalog->temporaries, catalog->temporary_count,
		ARCHIVE_NAME_MAX, error);
	if (array == NULL)
		return false;
	catalog->temporaries = array;
	memcpy(catalog->temporaries[catalog->temporary_count++], name, size);
	return true;
}

static bool
add_complete(struct catalog *catalog, const struct archive_name *name,
	struct error *error)
{
	struct catalog_timeline *row =
		find_or_add(catalog, name->timeline, error);

	if (row == NULL)
		return false;
	if (!row->has_complete || name->number > row->newest.number)
		row->newest = *name;
	row->has_complete = true;
	return true;
}

/* A name with the 24 digits of a segment of some other segment size. */
static void
note_foreign(struct catalog *catalog, const char *name, uint32_t segment_size)
{
	size_t digits = strspn(name, "0123456789ABCDEF");
	uint32_t timeline;
	uint64_t number;

	if (digits != SEGMENT_NAME_LEN || strlen(name) >= ARCHIVE_NAME_MAX)
		return;
	if (!segment_name_parse(name, segment_size, &timeline, &number))
		memcpy(catalog->foreign, name, strlen(name) + 1);
}

/* What a reading of the directory fills. */
struct scanning {
	struct catalog catalog;
	uint32_t segment_size;
};

static bool
add_name(void *context, const char *name, struct error *error)
{
	struct scanning *scanning = context;
	struct catalog *catalog = &scanning->catalog;
	struct archive_name parsed;
	struct catalog_timeline *row;

	archive_name_parse(&parsed, name, scanning->segment_size);
	switch (parsed.kind) {
	case NAME_SEGMENT:
		return add_complete(catalog, &parsed, error);
	case NAME_PARTIAL:
		return add_partial(catalog, &parsed, error);
	case NAME_TEMPORARY:
		return add_temporary(catalog, name, error);
	case NAME_HISTORY:
		row = find_or_add(catalog, parsed.timeline, error);
		if (row == NULL)
			return false;
		row->has_history = true;
		return true;
	case NAME_OTHER:
		note_foreign(catalog, name, scanning->segment_size);
		return true;
	}
	return true;
}

bool
catalog_scan(struct catalog *catalog, const struct directory *directory,
	uint32_t segment_size, struct error *error)
{
	struct scanning scanning = {.segment_size = segment_size};

	if (!directory_each(directory, add_name, &scanning, error)) {
		catalog_free(&scanning.catalog);
		return false;
	}
	*catalog = scanning.catalog;
	return true;
}

void
catalog_free(struct catalog *catalog)
{
	free(catalog->timelines);
	free(catalog->partials);
	free(catalog->temporaries);
	memset(catalog, 0, sizeof(*catalog));
}

const struct catalog_timeline *
catalog_find(const struct catalog *catalog, uint32_t timeline)
{
	for (size_t i = 0; i < catalog->timeline_count; i++)
		if (catalog->timelines[i].timeline == timeline)
			return &catalog->timelines[i];
	return NULL;
}

bool
catalog_sweep(const struct catalog *catalog, const struct directory *directory,
	struct error *error)
{
	for (size_t i = 0; i < catalog->temporary_count; i++)
		if (!durable_unlink(directory, catalog->temporaries[i], error))
			return false;
	return true;
}
