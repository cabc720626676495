#include "failing_call.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <termios.h>
#include <unistd.h>

static struct {
	enum call call; /* CALLS: none fails */
	int first;
	int last;
	int sys_errno;
	atomic_int seen;
	atomic_bool failed;
} wanted = {.call = CALLS};

const char *
call_name(enum call call)
{
#define NAME(name) #name,
	static const char *const names[CALLS] = {FAILING_CALLS(NAME)};
#undef NAME

	return names[call];
}

void
calls_work(void)
{
	wanted.call = CALLS;
	atomic_store(&wanted.failed, false);
}

void
call_fails(enum call call, int nth, int times, int sys_errno)
{
	wanted.call = call;
	wanted.first = nth;
	wanted.last = nth + times - 1;
	wanted.sys_errno = sys_errno;
	atomic_store(&wanted.seen, 0);
	atomic_store(&wanted.failed, false);
}

bool
call_has_failed(void)
{
	return atomic_load(&wanted.failed);
}

/* Set errno if this call is to fail. */
static bool
fails(enum call call)
{
	int number;

	if (wanted.call != call)
		return false;
	number = atomic_fetch_add(&wanted.seen, 1) + 1;
	if (number < wanted.first || number > wanted.last)
		return false;
	atomic_store(&wanted.failed, true);
	errno = wanted.sys_errno;
	return true;
}

/* The linker gives the names; result: what the call returns if it fails. */
#define WRAP(type, name, result, parameters, arguments)              \
	type __real_##name parameters;                               \
	type __wrap_##name parameters;                               \
	type __wrap_##name parameters                                \
	{                                                            \
		return fails(CALL_##name) ? (result)                 \
					  : __real_##name arguments; \
	}

/* These return what errno would be. */
#define WRAP_PTHREAD(name, parameters, arguments) \
	WRAP(int, name, wanted.sys_errno, parameters, arguments)

WRAP(DIR *, fdopendir, NULL, (int fd), (fd))
WRAP(struct dirent *, readdir, NULL, (DIR * stream), (stream))
WRAP(int, fstat, -1, (int fd, struct stat *status), (fd, status))
WRAP(int, fstatat, -1,
	(int fd, const char *name, struct stat *status, int flags),
	(fd, name, status, flags))
WRAP(int, fstatvfs, -1, (int fd, struct statvfs *status), (fd, status))
WRAP(int, fchmod, -1, (int fd, mode_t mode), (fd, mode))
WRAP(int, flock, -1, (int fd, int operation), (fd, operation))
WRAP(int, ftruncate, -1, (int fd, off_t len), (fd, len))
WRAP(ssize_t, read, -1, (int fd, void *data, size_t len), (fd, data, len))
WRAP(ssize_t, pread, -1, (int fd, void *data, size_t len, off_t offset),
	(fd, data, len, offset))
WRAP(ssize_t, write, -1, (int fd, const void *data, size_t len),
	(fd, data, len))
WRAP(ssize_t, pwrite, -1, (int fd, const void *data, size_t len, off_t offset),
	(fd, data, len, offset))
WRAP(int, fallocate, -1, (int fd, int mode, off_t offset, off_t len),
	(fd, mode, offset, len))
WRAP(int, fsync, -1, (int fd), (fd))
WRAP(int, fdatasync, -1, (int fd), (fd))
WRAP(int, renameat, -1,
	(int from_fd, const char *from, int to_fd, const char *to),
	(from_fd, from, to_fd, to))
WRAP(int, unlinkat, -1, (int fd, const char *name, int flags),
	(fd, name, flags))
WRAP(int, pipe, -1, (int fds[2]), (fds))
WRAP(int, pipe2, -1, (int fds[2], int flags), (fds, flags))
WRAP(int, poll, -1, (struct pollfd * fds, nfds_t count, int timeout_ms),
	(fds, count, timeout_ms))
WRAP(long, sysconf, -1, (int name), (name))
WRAP_PTHREAD(pthread_create,
	(pthread_t * thread, const pthread_attr_t *attributes,
		void *(*start)(void *), void *argument),
	(thread, attributes, start, argument))
WRAP(int, tcgetattr, -1, (int fd, struct termios *settings), (fd, settings))
WRAP(int, tcsetattr, -1, (int fd, int when, const struct termios *settings),
	(fd, when, settings))
WRAP(ssize_t, getrandom, -1, (void *data, size_t len, unsigned flags),
	(data, len, flags))

int __real_close(int fd);
int __wrap_close(int fd);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __real_openat(int fd, const char *name, int flags, ...);
int __wrap_openat(int fd, const char *name, int flags, ...);
int __wrap___openat_2(int fd, const char *name, int flags);

/* The descriptor is gone whatever close says. */
int
__wrap_close(int fd)
{
	int saved;

	if (!fails(CALL_close))
		return __real_close(fd);
	saved = errno;
	(void)__real_close(fd);
	errno = saved;
	return -1;
}

int
__wrap_fcntl(int fd, int command, ...)
{
	unsigned long argument;
	va_list list;

	va_start(list, command);
	argument = va_arg(list, unsigned long);
	va_end(list);
	return fails(CALL_fcntl) ? -1 : __real_fcntl(fd, command, argument);
}

int
__wrap_openat(int fd, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list list;

	if (fails(CALL_openat))
		return -1;
	va_start(list, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(list, mode_t);
	va_end(list);
	return __real_openat(fd, name, flags, mode);
}

/* What openat is under _FORTIFY_SOURCE, without O_CREAT. */
int
__wrap___openat_2(int fd, const char *name, int flags)
{
	return __wrap_openat(fd, name, flags);
}
