/*
 * fail_sync.c - a preloaded library of a disk that cannot be synced: in the
 * folder $FAIL_FOLDER, fdatasync and fsync fail with EIO. Only for tests.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
fails(int fd)
{
	const char *folder = getenv("FAIL_FOLDER");
	char link[64];
	char path[4096];
	ssize_t len;

	if (folder == NULL)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0)
		return 0;
	path[len] = '\0';
	return strncmp(path, folder, strlen(folder)) == 0;
}

#define FAIL(name)                                         \
	int name(int fd)                                   \
	{                                                  \
		int (*real)(int);                          \
                                                           \
		*(void **)&real = dlsym(RTLD_NEXT, #name); \
		if (!fails(fd))                            \
			return real(fd);                   \
		errno = EIO;                               \
		return -1;                                 \
	}

FAIL(fsync)
FAIL(fdatasync)
