/*
 * fail_history.c - a preloaded library that makes it impossible to write a
 * timeline history file.
 *
 * While the file $FAIL_FLAG exists, opening a file for writing fails with EIO
 * if ".history" is in its name. Only for tests.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int
is_to_fail(const char *path, int flags)
{
	const char *flag = getenv("FAIL_FLAG");

	return (flags & (O_CREAT | O_WRONLY | O_RDWR)) != 0 &&
		strstr(path, ".history") != NULL && flag != NULL &&
		access(flag, F_OK) == 0;
}

static mode_t
mode_of(int flags, va_list arguments)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t)
						    : 0;
}

#define OPEN(name)                                         \
	int name(const char *path, int flags, ...)         \
	{                                                  \
		int (*real)(const char *, int, mode_t);    \
		va_list arguments;                         \
		mode_t mode;                               \
                                                           \
		va_start(arguments, flags);                \
		mode = mode_of(flags, arguments);          \
		va_end(arguments);                         \
		*(void **)&real = dlsym(RTLD_NEXT, #name); \
		if (!is_to_fail(path, flags))              \
			return real(path, flags, mode);    \
		errno = EIO;                               \
		return -1;                                 \
	}

#define OPENAT(name)                                            \
	int name(int folder, const char *path, int flags, ...)  \
	{                                                       \
		int (*real)(int, const char *, int, mode_t);    \
		va_list arguments;                              \
		mode_t mode;                                    \
                                                                \
		va_start(arguments, flags);                     \
		mode = mode_of(flags, arguments);               \
		va_end(arguments);                              \
		*(void **)&real = dlsym(RTLD_NEXT, #name);      \
		if (!is_to_fail(path, flags))                   \
			return real(folder, path, flags, mode); \
		errno = EIO;                                    \
		return -1;                                      \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
