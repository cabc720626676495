#include "archive/history_file.h"

#include "wal/segment_name.h"

#include <string.h>

bool
history_file_read(const struct directory *directory, uint32_t timeline,
	struct text *content, struct error *error)
{
	char name[HISTORY_NAME_LEN + 1];

	history_name_format(name, timeline);
	return durable_read_file(
		directory, name, HISTORY_FILE_MAX, content, error);
}

static bool
compare(const struct directory *directory, const char *name,
	const struct text *ours, const struct text *theirs, struct error *error)
{
	if (ours->len == theirs->len &&
		memcmp(ours->string, theirs->string, ours->len) == 0)
		return true;
	error_set(error, ERR_DIVERGED,
		"file \"%s\" of archive \"%s\" differs from the server's", name,
		directory->path);
	return error_set_hint(error,
		"Two servers were promoted to the same timeline. Use another "
		"directory for this one.");
}

bool
history_file_store(const struct directory *directory, uint32_t timeline,
	const struct text *content, struct error *error)
{
	char name[HISTORY_NAME_LEN + 1];
	struct text present;
	bool success;

	history_name_format(name, timeline);
	text_init(&present);
	success = history_file_read(directory, timeline, &present, error);
	if (success)
		success = compare(directory, name, &present, content, error);
	else if (error->code == ERR_NOT_FOUND)
		success = durable_write_file(
			directory, name, content->string, content->len, error);
	text_free(&present);
	return success;
}
