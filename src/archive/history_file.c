#include "archive/history_file.h"

#include "wal/segment_name.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool
history_file_read(const struct directory *directory, uint32_t timeline,
	struct text *content, struct error *error)
{
	char name[HISTORY_NAME_LEN + 1];
	char buffer[8192];
	ssize_t len;
	int fd;

	history_name_format(name, timeline);
	fd = openat(directory->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(error, ERR_NOT_FOUND,
			"file \"%s\" does not exist", name);
	if (fd < 0)
		return error_set_errno(
			error, "could not open file \"%s\"", name);

	while ((len = read(fd, buffer, sizeof(buffer))) > 0 &&
		content->len <= HISTORY_FILE_MAX)
		text_append(content, buffer, (size_t)len);
	if (len < 0)
		error_set_errno(error, "could not read file \"%s\"", name);
	(void)close(fd);
	if (len < 0)
		return false;
	if (content->failed)
		return error_set_memory(error);
	if (content->len > HISTORY_FILE_MAX)
		return error_set(error, ERR_DAMAGED,
			"file \"%s\" is too large for a timeline history",
			name);
	return true;
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
