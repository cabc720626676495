#include "archive/durable.h"
#include "archive/archive_name.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define WRITE_PIECE ((size_t)1024 * 1024)

/* Less than this is not worth the two calls that direct writing costs. */
#define DIRECT_MIN ((size_t)1024 * 1024)
#define DIRECT_PIECE ((size_t)4 * 1024 * 1024)

/* Of less than this, a durable_sync follows soon enough by itself. */
#define WRITEBACK_MIN ((size_t)128 * 1024)

void
directory_init(struct directory *directory)
{
	directory->fd = -1;
	directory->path = NULL;
	directory->file_mode = S_IRUSR | S_IWUSR;
	directory->sync = true;
}

bool
directory_open(
	struct directory *directory, const char *path, struct error *error)
{
	char *copy = strdup(path);
	int fd;

	if (copy == NULL)
		return error_set_memory(error);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		(void)error_set_errno(
			error, "could not open directory \"%s\"", path);
		free(copy);
		return false;
	}
	directory->fd = fd;
	directory->path = copy;
	return true;
}

void
directory_close(struct directory *directory)
{
	if (directory->fd >= 0)
		(void)close(directory->fd);
	free(directory->path);
	directory->fd = -1;
	directory->path = NULL;
}

static bool
write_fully(int fd, const unsigned char *data, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t written = pwrite(fd, data, len, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			if (written == 0)
				errno = ENOSPC;
			return false;
		}
		data += written;
		len -= (size_t)written;
		offset += (uint64_t)written;
	}
	return true;
}

static void
start_writeback(int fd, uint64_t offset, size_t len)
{
#ifdef SYNC_FILE_RANGE_WRITE
	/* Only a hint: what fails here shows in durable_sync. */
	if (len >= WRITEBACK_MIN)
		(void)sync_file_range(
			fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
#else
	(void)fd;
	(void)offset;
	(void)len;
#endif
}

static bool
fill_with_zeros(int fd, uint64_t size)
{
	static const unsigned char zeros[64 * 1024];
	uint64_t offset = 0;

	while (offset < size) {
		size_t len = size - offset < sizeof(zeros)
			? (size_t)(size - offset)
			: sizeof(zeros);

		if (!write_fully(fd, zeros, len, offset))
			return false;
		offset += len;
	}
	return true;
}

static bool
reserve_space(int fd, uint64_t size)
{
#ifdef __linux__
	int result;

	do
		result = fallocate(fd, 0, 0, (off_t)size);
	while (result != 0 && errno == EINTR);
	if (result == 0)
		return true;
	if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
		return false;
#endif
	return fill_with_zeros(fd, size);
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
directory_each(const struct directory *directory,
	bool (*visit)(void *context, const char *name, struct error *error),
	void *context, struct error *error)
{
	DIR *stream = open_stream(directory);
	const struct dirent *entry;
	bool success = true;

	if (stream == NULL)
		return error_set_errno(error, "could not open directory \"%s\"",
			directory->path);
	while (success && (errno = 0, (entry = readdir(stream)) != NULL))
		if (strcmp(entry->d_name, ".") != 0 &&
			strcmp(entry->d_name, "..") != 0)
			success = visit(context, entry->d_name, error);
	if (success && errno != 0)
		success = error_set_errno(error,
			"could not read directory \"%s\"", directory->path);
	(void)closedir(stream);
	return success;
}

bool
directory_free_bytes(const struct directory *directory, uint64_t *bytes)
{
	struct statvfs status;

	if (fstatvfs(directory->fd, &status) != 0)
		return false;
	*bytes = (uint64_t)status.f_bavail * status.f_frsize;
	return true;
}

bool
durable_create(const struct directory *directory, const char *name,
	uint64_t size, int *fd, struct error *error)
{
	int made;

	assert(strchr(name, '/') == NULL);
	/* Emptying an old file would empty its other links too. */
	if (!durable_unlink(directory, name, error))
		return false;
	made = openat(directory->fd, name,
		O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		S_IRUSR | S_IWUSR);
	if (made < 0)
		return error_set_errno(
			error, "could not create file \"%s\"", name);
	if (fchmod(made, directory->file_mode) != 0) {
		(void)error_set_errno(error,
			"could not set permissions of file \"%s\"", name);
		goto failed;
	}
	if (size > 0 && !reserve_space(made, size)) {
		(void)error_set_errno(error,
			"could not reserve %llu bytes for file \"%s\"",
			(unsigned long long)size, name);
		goto failed;
	}
	*fd = made;
	return true;

failed:
	(void)close(made);
	(void)unlinkat(directory->fd, name, 0);
	return false;
}

bool
durable_fill(int fd, const char *name, uint64_t size, struct error *error)
{
	if (fill_with_zeros(fd, size))
		return true;
	return error_set_errno(error, "could not write to file \"%s\"", name);
}

bool
durable_open_failed(const char *name, struct error *error)
{
	int reason = errno;

	if (reason != ELOOP)
		return error_set_errno(
			error, "could not open file \"%s\"", name);
	error_set(error, ERR_SYSTEM,
		"could not open file \"%s\": symbolic links are not followed",
		name);
	error->sys_errno = reason;
	return false;
}

static bool
open_regular(const struct directory *directory, const char *name, int flags,
	int *fd, struct error *error)
{
	struct stat status;
	int opened;

	assert(strchr(name, '/') == NULL);
	/* A FIFO would block for ever without O_NONBLOCK. */
	opened = openat(directory->fd, name,
		flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (opened < 0)
		return durable_open_failed(name, error);
	if (fstat(opened, &status) != 0) {
		(void)error_set_errno(
			error, "could not stat file \"%s\"", name);
		goto failed;
	}
	if (!S_ISREG(status.st_mode)) {
		(void)error_set(error, ERR_SYSTEM,
			"could not open file \"%s\": not a regular file", name);
		goto failed;
	}
	*fd = opened;
	return true;

failed:
	(void)close(opened);
	return false;
}

bool
durable_open(const struct directory *directory, const char *name, int *fd,
	struct error *error)
{
	return open_regular(directory, name, O_RDWR, fd, error);
}

bool
durable_open_to_read(const struct directory *directory, const char *name,
	int *fd, struct error *error)
{
	return open_regular(directory, name, O_RDONLY, fd, error);
}

static bool
write_buffered(int fd, const unsigned char *next, size_t len, uint64_t offset)
{
	while (len > 0) {
		size_t piece = len < WRITE_PIECE ? len : WRITE_PIECE;

		if (!write_fully(fd, next, piece, offset))
			return false;
		start_writeback(fd, offset, piece);
		next += piece;
		len -= piece;
		offset += piece;
	}
	return true;
}

/* Let the next transfers go past the page cache, if they may; flags: before. */
static bool
begin_direct(int fd, const unsigned char *data, size_t len, int *flags)
{
	*flags = fcntl(fd, F_GETFL);
	return len >= DIRECT_MIN && (uintptr_t)data % DURABLE_BLOCK == 0 &&
		*flags >= 0 && fcntl(fd, F_SETFL, *flags | O_DIRECT) == 0;
}

/*
 * Write whole blocks past the page cache: it spares a copy, and a machine that
 * runs a server, too, has better things to cache than WAL that is read once a
 * year. *written: how many bytes; 0 where the file system has no such thing.
 */
static bool
write_directly(int fd, const unsigned char *next, size_t len, uint64_t offset,
	size_t *written)
{
	bool success = true;
	int flags;

	*written = 0;
	len -= len % DURABLE_BLOCK;
	if (!begin_direct(fd, next, len, &flags))
		return true;
	while (success && *written < len) {
		size_t piece = len - *written;

		if (piece > DIRECT_PIECE)
			piece = DIRECT_PIECE;
		success = write_fully(
			fd, next + *written, piece, offset + *written);
		if (success)
			*written += piece;
	}
	if (!success && errno == EINVAL)
		success = true;
	return fcntl(fd, F_SETFL, flags) == 0 && success;
}

bool
durable_write(int fd, const char *name, const void *data, size_t len,
	uint64_t offset, struct error *error)
{
	const unsigned char *next = data;
	size_t head = (size_t)(-offset % DURABLE_BLOCK);
	size_t direct = 0;

	if (head > len)
		head = len;
	if (write_buffered(fd, next, head, offset) &&
		write_directly(
			fd, next + head, len - head, offset + head, &direct) &&
		write_buffered(fd, next + head + direct, len - head - direct,
			offset + head + direct))
		return true;
	return error_set_errno(error, "could not write to file \"%s\"", name);
}

static ssize_t
read_once(int fd, void *data, size_t len, uint64_t offset)
{
	ssize_t got;

	do
		got = pread(fd, data, len, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got;
}

/* What a direct read does not bring, the next one may. */
static ssize_t
read_directly(int fd, unsigned char *data, size_t len, uint64_t offset)
{
	ssize_t got;
	int flags;

	if (offset % DURABLE_BLOCK != 0 || len % DURABLE_BLOCK != 0 ||
		!begin_direct(fd, data, len, &flags))
		return 0;
	got = read_once(fd, data, len, offset);
	if (fcntl(fd, F_SETFL, flags) != 0)
		return -1;
	return got < 0 && errno == EINVAL ? 0 : got;
}

bool
durable_read(int fd, const char *name, void *data, size_t len, uint64_t offset,
	struct error *error)
{
	unsigned char *next = data;
	ssize_t got = read_directly(fd, next, len, offset);

	while (got >= 0 && (size_t)got < len) {
		next += got;
		len -= (size_t)got;
		offset += (size_t)got;
		got = read_once(fd, next, len, offset);
		if (got == 0)
			return error_set(error, ERR_DAMAGED,
				"file \"%s\" became shorter while it was read",
				name);
	}
	if (got < 0)
		return error_set_errno(
			error, "could not read file \"%s\"", name);
	return true;
}

bool
durable_sync(const struct directory *directory, int fd, const char *name,
	struct error *error)
{
	if (directory->sync && fdatasync(fd) != 0)
		return error_set_errno(
			error, "could not fsync file \"%s\"", name);
	return true;
}

bool
durable_close(int fd, const char *name, struct error *error)
{
	if (close(fd) != 0)
		return error_set_errno(
			error, "could not close file \"%s\"", name);
	return true;
}

bool
durable_rename(const struct directory *directory, const char *from,
	const char *to, struct error *error)
{
	assert(strchr(from, '/') == NULL && strchr(to, '/') == NULL);
	if (renameat(directory->fd, from, directory->fd, to) != 0)
		return error_set_errno(error,
			"could not rename file \"%s\" to \"%s\"", from, to);
	return true;
}

bool
durable_unlink(const struct directory *directory, const char *name,
	struct error *error)
{
	assert(strchr(name, '/') == NULL);
	if (unlinkat(directory->fd, name, 0) != 0 && errno != ENOENT)
		return error_set_errno(
			error, "could not remove file \"%s\"", name);
	return true;
}

bool
durable_sync_directory(const struct directory *directory, struct error *error)
{
	if (directory->sync && fsync(directory->fd) != 0)
		return error_set_errno(error,
			"could not fsync directory \"%s\"", directory->path);
	return true;
}

bool
durable_write_file(const struct directory *directory, const char *name,
	const void *data, size_t len, struct error *error)
{
	char temporary[ARCHIVE_NAME_MAX];
	struct error ignored;
	int fd = -1;
	bool ok;

	archive_name_temporary(temporary, name);
	if (!durable_create(directory, temporary, 0, &fd, error))
		return false;
	ok = durable_write(fd, temporary, data, len, 0, error) &&
		durable_sync(directory, fd, temporary, error);
	if (!durable_close(fd, temporary, ok ? error : &ignored))
		ok = false;
	if (!ok || !durable_rename(directory, temporary, name, error)) {
		(void)durable_unlink(directory, temporary, &ignored);
		return false;
	}
	return durable_sync_directory(directory, error);
}

static bool
read_all(int fd, const char *name, size_t max, struct text *content,
	struct error *error)
{
	size_t before = content->len;
	char buffer[8192];
	ssize_t len;

	do {
		len = read_once(
			fd, buffer, sizeof(buffer), content->len - before);
		if (len > 0)
			text_append(content, buffer, (size_t)len);
	} while (len > 0 && !content->failed && content->len - before <= max);
	if (len < 0)
		return error_set_errno(
			error, "could not read file \"%s\"", name);
	if (content->failed)
		return error_set_memory(error);
	if (content->len - before > max)
		return error_set(error, ERR_DAMAGED,
			"file \"%s\" is larger than %zu bytes", name, max);
	return true;
}

bool
durable_read_file(const struct directory *directory, const char *name,
	size_t max, struct text *content, struct error *error)
{
	bool ok;
	int fd;

	if (!durable_open_to_read(directory, name, &fd, error)) {
		if (error->sys_errno == ENOENT)
			error_set(error, ERR_NOT_FOUND,
				"file \"%s\" does not exist", name);
		return false;
	}
	ok = read_all(fd, name, max, content, error);
	(void)close(fd);
	return ok;
}
