#include "archive/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Make room for one more element behind count of them. */
static bool
grow(void **array, size_t count, size_t element_size, struct error *error)
{
	void *larger;

	if ((count & (count - 1)) != 0)
		return true;
	larger = realloc(*array, (count == 0 ? 1 : 2 * count) * element_size);
	if (larger == NULL)
		return error_set_memory(error);
	*array = larger;
	return true;
}

static struct catalog_timeline *
find_or_add(struct catalog *catalog, uint32_t timeline, struct error *error)
{
	struct catalog_timeline *row = NULL;
	void *array = catalog->timelines;

	/* Nearly always the row that the last name was of: search backwards. */
	for (size_t i = catalog->timeline_count; i > 0; i--)
		if (catalog->timelines[i - 1].timeline == timeline)
			return &catalog->timelines[i - 1];

	if (!grow(&array, catalog->timeline_count, sizeof(*row), error))
		return NULL;
	catalog->timelines = array;
	row = &catalog->timelines[catalog->timeline_count++];
	memset(row, 0, sizeof(*row));
	row->timeline = timeline;
	return row;
}

static bool
add_partial(struct catalog *catalog, const struct archive_name *name,
	struct error *error)
{
	void *array = catalog->partials;

	if (!grow(&array, catalog->partial_count, sizeof(*name), error))
		return false;
	catalog->partials = array;
	catalog->partials[catalog->partial_count++] = *name;
	return true;
}

static bool
add_temporary(struct catalog *catalog, const char *name, struct error *error)
{
	void *array = catalog->temporaries;
	size_t size = strlen(name) + 1;

	if (size > ARCHIVE_NAME_MAX) /* too long to be one of ours */
		return true;
	if (!grow(&array, catalog->temporary_count, ARCHIVE_NAME_MAX, error))
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

static bool
add_name(struct catalog *catalog, const char *name, uint32_t segment_size,
	struct error *error)
{
	struct archive_name parsed;
	struct catalog_timeline *row;

	archive_name_parse(&parsed, name, segment_size);
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
		note_foreign(catalog, name, segment_size);
		return true;
	}
	return true;
}

/* A stream of its own, so that the directory's descriptor is not moved. */
static DIR *
open_stream(const struct directory *directory)
{
	int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream;

	if (fd < 0)
		return NULL;
	stream = fdopendir(fd);
	if (stream == NULL)
		(void)close(fd);
	return stream;
}

bool
catalog_scan(struct catalog *result, const struct directory *directory,
	uint32_t segment_size, struct error *error)
{
	struct catalog catalog = {0};
	DIR *stream = open_stream(directory);
	const struct dirent *entry;
	bool success = false;

	if (stream == NULL)
		return error_set_errno(error, "could not open directory \"%s\"",
			directory->path);
	while (errno = 0, (entry = readdir(stream)) != NULL)
		if (!add_name(&catalog, entry->d_name, segment_size, error))
			goto finish;
	if (errno != 0) {
		error_set_errno(error, "could not read directory \"%s\"",
			directory->path);
		goto finish;
	}
	success = true;

finish:
	(void)closedir(stream);
	if (success)
		*result = catalog;
	else
		catalog_free(&catalog);
	return success;
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
