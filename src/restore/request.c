#include "restore/request.h"

#include "base/byteorder.h"
#include "base/text.h"
#include "wal/lsn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAL_FOLDER "pg_wal"
#define CONTROL_FILE "global/pg_control"

/* The system identifier is what the file begins with. */
#define CONTROL_HEAD 8

#define BACKUP_POSITION_LEN 8
#define BACKUP_SUFFIX ".backup"

static bool
parse_name(struct restore_request *request, const char *name)
{
	const char *rest;
	uint64_t number;

	if (history_name_parse(name, &request->timeline)) {
		request->kind = RESTORE_HISTORY;
		return true;
	}
	/* The segment size that allows most: the file will tell its own. */
	if (!segment_name_parse(
		    name, WAL_SEGMENT_SIZE_MIN, &request->timeline, &number))
		return false;
	rest = name + SEGMENT_NAME_LEN;
	request->kind = *rest == '\0' ? RESTORE_SEGMENT : RESTORE_BACKUP;
	if (*rest == '\0')
		return true;
	return *rest == '.' &&
		strspn(rest + 1, "0123456789ABCDEF") == BACKUP_POSITION_LEN &&
		strcmp(rest + 1 + BACKUP_POSITION_LEN, BACKUP_SUFFIX) == 0;
}

/* Split a path: the name at its end, and the folder before that. */
static bool
split_path(struct restore_request *request, const char *path, char **folder,
	struct error *error)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (name[0] == '\0' || strcmp(name, ".") == 0 ||
		strcmp(name, "..") == 0)
		return error_set(error, ERR_USAGE,
			"path \"%s\" does not end in the name of a file", path);
	if (strlen(name) + strlen("..tmp") >= ARCHIVE_NAME_MAX)
		return error_set(error, ERR_USAGE,
			"name \"%s\" of the file to make is too long", name);
	memcpy(request->target, name, strlen(name) + 1);
	archive_name_temporary(request->temporary, name);
	while (len > 1 && path[len - 1] == '/')
		len--;
	*folder =
		slash == NULL ? strdup(".") : strndup(path, len == 0 ? 1 : len);
	return *folder != NULL || error_set_memory(error);
}

/*
 * The path of pg_control where folder is the pg_wal of a data directory, as
 * its name goes: pg_wal may be a symbolic link, so ".." would lead elsewhere.
 */
static bool
control_path(struct text *path, const char *folder)
{
	const char *slash = strrchr(folder, '/');
	const char *name = slash == NULL ? folder : slash + 1;

	if (strcmp(name, WAL_FOLDER) != 0)
		return false;
	text_append(path, folder, (size_t)(name - folder));
	text_append(path, CONTROL_FILE, strlen(CONTROL_FILE));
	return true;
}

static bool
read_control(const char *path, uint64_t *identifier, struct error *error)
{
	unsigned char head[CONTROL_HEAD];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got;

	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0)
		return error_set_errno(
			error, "could not open file \"%s\"", path);
	got = pread(fd, head, sizeof(head), 0);
	if (got < 0)
		(void)error_set_errno(
			error, "could not read file \"%s\"", path);
	else if (got < (ssize_t)sizeof(head))
		(void)error_set(error, ERR_DAMAGED,
			"file \"%s\" has only %zd bytes", path, got);
	else
		*identifier = get_le64(head);
	(void)close(fd);
	return got == (ssize_t)sizeof(head);
}

static bool
find_identifier(struct restore_request *request, const char *folder,
	struct error *error)
{
	struct text path;
	bool success = true;

	text_init(&path);
	if (control_path(&path, folder))
		success = path.failed
			? error_set_memory(error)
			: read_control(path.string, &request->system_identifier,
				  error);
	text_free(&path);
	return success;
}

/* Files are as open to the group as the folder that they are made in. */
static bool
open_folder(
	struct directory *directory, const char *folder, struct error *error)
{
	struct stat status;

	directory_init(directory);
	directory->sync = false;
	if (!directory_open(directory, folder, error))
		return false;
	if (fstat(directory->fd, &status) == 0 &&
		(status.st_mode & S_IRGRP) != 0)
		directory->file_mode |= S_IRGRP;
	return true;
}

bool
restore_request_open(struct restore_request *result, const char *name,
	const char *path, struct error *error)
{
	struct restore_request request = {.name = name};
	char *folder = NULL;
	bool success = false;

	directory_init(&request.directory);
	if (!parse_name(&request, name))
		return error_set(error, ERR_USAGE,
			"\"%s\" is not the name of a WAL segment, a timeline "
			"history file or a backup history file",
			name);
	if (!split_path(&request, path, &folder, error) ||
		!find_identifier(&request, folder, error) ||
		!open_folder(&request.directory, folder, error))
		goto finish;
	*result = request;
	success = true;

finish:
	free(folder);
	return success;
}

void
restore_request_close(struct restore_request *request)
{
	directory_close(&request->directory);
}
