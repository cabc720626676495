/*
 * stall.c - a preloaded library that makes a disk stand still.
 *
 * While the file $STALL_FLAG exists, calls that write, sync, reserve or rename
 * in the folder $STALL_FOLDER wait. The first that waits creates
 * $STALL_FLAG.waiting. Only for tests.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static void
wait_for_disk(void)
{
	const char *flag = getenv("STALL_FLAG");
	char waiting[4096];
	int fd;

	if (flag == NULL || access(flag, F_OK) != 0)
		return;
	snprintf(waiting, sizeof(waiting), "%s.waiting", flag);
	fd = open(waiting, O_WRONLY | O_CREAT, 0600);
	if (fd >= 0)
		close(fd);
	while (access(flag, F_OK) == 0)
		usleep(10000);
}

static void
wait_if_inside(int fd)
{
	const char *folder = getenv("STALL_FOLDER");
	char link[64];
	char path[4096];
	ssize_t len;

	if (folder == NULL)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0)
		return;
	path[len] = '\0';
	if (strncmp(path, folder, strlen(folder)) == 0)
		wait_for_disk();
}

#define STALL(type, name, parameters, arguments, fd)       \
	type name parameters                               \
	{                                                  \
		type(*real) parameters;                    \
                                                           \
		*(void **)&real = dlsym(RTLD_NEXT, #name); \
		wait_if_inside(fd);                        \
		return real arguments;                     \
	}

STALL(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len),
	fd)
STALL(ssize_t, pwrite, (int fd, const void *data, size_t len, off_t at),
	(fd, data, len, at), fd)
STALL(ssize_t, pwrite64, (int fd, const void *data, size_t len, off64_t at),
	(fd, data, len, at), fd)
STALL(ssize_t, writev, (int fd, const struct iovec *parts, int count),
	(fd, parts, count), fd)
STALL(ssize_t, pwritev,
	(int fd, const struct iovec *parts, int count, off_t at),
	(fd, parts, count, at), fd)
STALL(int, fsync, (int fd), (fd), fd)
STALL(int, fdatasync, (int fd), (fd), fd)
STALL(int, fallocate, (int fd, int mode, off_t at, off_t len),
	(fd, mode, at, len), fd)
STALL(int, fallocate64, (int fd, int mode, off64_t at, off64_t len),
	(fd, mode, at, len), fd)
STALL(int, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len), fd)
STALL(int, posix_fallocate64, (int fd, off64_t at, off64_t len), (fd, at, len),
	fd)
STALL(int, sync_file_range,
	(int fd, off64_t at, off64_t len, unsigned int flags),
	(fd, at, len, flags), fd)
STALL(int, ftruncate, (int fd, off_t len), (fd, len), fd)
STALL(int, ftruncate64, (int fd, off64_t len), (fd, len), fd)
STALL(int, renameat, (int from, const char *old, int to, const char *new),
	(from, old, to, new), from)
STALL(int, unlinkat, (int fd, const char *name, int flags), (fd, name, flags),
	fd)
