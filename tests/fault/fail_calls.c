/*
 * fail_calls.c - a preloaded library of a disk that fails once: the Nth call
 * of one kind that concerns the folder $FAIL_FOLDER. Only for tests.
 *
 * FAIL_CALL: open, write, sync, rename, unlink, reserve, close or mkdir.
 * FAIL_NTH: which of them, from 1 on.
 * FAIL_WITH: the name of an errno; "short" (half of the bytes are written);
 * "kill" (the process dies before the call).
 * FAIL_HIT: a file that is made when it happens.
 *
 * A power cut follows: at the end of the process, however it ends, what was
 * written in the folder and not synced is taken back. So it is at once when a
 * sync fails, for the kernel need not try again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A write that is not synced: what was there before. */
struct unsynced {
	struct unsynced *older;
	int fd; /* of our own, to write it back */
	dev_t device;
	ino_t file;
	off_t offset;
	off_t size; /* of the file */
	size_t len; /* of bytes */
	char *bytes;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct unsynced *newest;
static int calls;

#define REAL(name)                            \
	static __typeof__(name) *real_##name; \
	if (real_##name == NULL)              \
	*(void **)&real_##name = dlsym(RTLD_NEXT, #name)

static int
call_open(const char *path, int flags)
{
	REAL(open);
	return real_open(path, flags, 0600);
}

static int
call_close(int fd)
{
	REAL(close);
	return real_close(fd);
}

static ssize_t
call_pwrite(int fd, const void *data, size_t len, off_t offset)
{
	REAL(pwrite);
	return real_pwrite(fd, data, len, offset);
}

static int
path_inside(const char *path)
{
	const char *folder = getenv("FAIL_FOLDER");
	size_t len = folder == NULL ? 0 : strlen(folder);

	return len > 0 && strncmp(path, folder, len) == 0 &&
		(path[len] == '/' || path[len] == '\0');
}

static int
inside(int fd)
{
	int saved = errno;
	char link[64];
	char path[4096];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	errno = saved;
	if (len <= 0)
		return 0;
	path[len] = '\0';
	return path_inside(path);
}

/* Take back the unsynced writes, newest first: a file's, or with 0 all. */
static void
take_back(ino_t file, dev_t device, int write_back)
{
	struct unsynced **at = &newest;

	while (*at != NULL) {
		struct unsynced *one = *at;

		if (file != 0 && (one->file != file || one->device != device)) {
			at = &one->older;
			continue;
		}
		if (write_back) {
			call_pwrite(one->fd, one->bytes, one->len, one->offset);
			if (ftruncate(one->fd, one->size) != 0)
				abort();
		}
		call_close(one->fd);
		*at = one->older;
		free(one->bytes);
		free(one);
	}
}

static void
remember(int fd, size_t len, off_t offset)
{
	struct unsynced *one = calloc(1, sizeof(*one));
	struct stat status;
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	one->fd = call_open(link, O_RDWR | O_CLOEXEC);
	one->bytes = malloc(len);
	if (one->fd < 0 || fstat(one->fd, &status) != 0)
		abort();
	one->device = status.st_dev;
	one->file = status.st_ino;
	one->offset = offset;
	one->size = status.st_size;
	if (offset < status.st_size) {
		ssize_t got = pread(one->fd, one->bytes, len, offset);

		if (got < 0)
			abort();
		one->len = (size_t)got;
	}
	one->older = newest;
	newest = one;
}

__attribute__((destructor)) static void
power_cut(void)
{
	pthread_mutex_lock(&mutex);
	take_back(0, 0, 1);
	pthread_mutex_unlock(&mutex);
}

/* Is it the call's turn? 1: it fails, errno is set; 2: it is short. */
static int
fails(const char *call)
{
	static const struct {
		const char *name;
		int number;
	} numbers[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT},
		{"EROFS", EROFS}, {"EMFILE", EMFILE}};
	const char *wanted = getenv("FAIL_CALL");
	const char *with = getenv("FAIL_WITH");
	const char *hit = getenv("FAIL_HIT");

	if (wanted == NULL || with == NULL || hit == NULL ||
		strcmp(wanted, call) != 0 ||
		++calls != atoi(getenv("FAIL_NTH")))
		return 0;
	call_close(call_open(hit, O_WRONLY | O_CREAT));
	if (strcmp(with, "short") == 0)
		return 2;
	if (strcmp(with, "kill") == 0) {
		take_back(0, 0, 1);
		kill(getpid(), SIGKILL);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(with, numbers[i].name) == 0)
			errno = numbers[i].number;
	return 1;
}

/* The same for a call that concerns the folder if it is "in". */
static int
turn(const char *call, int in)
{
	int result;

	if (!in)
		return 0;
	pthread_mutex_lock(&mutex);
	result = fails(call);
	pthread_mutex_unlock(&mutex);
	return result;
}

#define MODE(flags)                                   \
	mode_t mode = 0;                              \
	if (((flags) & (O_CREAT | O_TMPFILE)) != 0) { \
		va_list arguments;                    \
		va_start(arguments, flags);           \
		mode = va_arg(arguments, unsigned);   \
		va_end(arguments);                    \
	}

int
open(const char *path, int flags, ...)
{
	MODE(flags)
	REAL(open);
	return turn("open", path_inside(path)) ? -1
					       : real_open(path, flags, mode);
}

int
openat(int dirfd, const char *path, int flags, ...)
{
	MODE(flags)
	REAL(openat);
	return turn("open", inside(dirfd) || path_inside(path))
		? -1
		: real_openat(dirfd, path, flags, mode);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t offset)
{
	ssize_t result;
	int how = 0;

	if (!inside(fd))
		return call_pwrite(fd, data, len, offset);
	pthread_mutex_lock(&mutex);
	how = fails("write");
	if (how == 2 && len > 1)
		len /= 2;
	if (how == 1) {
		result = -1;
	} else {
		remember(fd, len, offset);
		result = call_pwrite(fd, data, len, offset);
	}
	pthread_mutex_unlock(&mutex);
	return result;
}

static int
sync_or_fail(int fd, int (*real)(int))
{
	struct stat status;
	int result = 0;

	if (!inside(fd))
		return real(fd);
	pthread_mutex_lock(&mutex);
	if (fstat(fd, &status) != 0)
		abort();
	if (fails("sync"))
		result = -1;
	take_back(status.st_ino, status.st_dev, result != 0);
	pthread_mutex_unlock(&mutex);
	return result;
}

int
fsync(int fd)
{
	REAL(fsync);
	return sync_or_fail(fd, real_fsync);
}

int
fdatasync(int fd)
{
	REAL(fdatasync);
	return sync_or_fail(fd, real_fdatasync);
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	REAL(renameat);
	return turn("rename", inside(from_fd))
		? -1
		: real_renameat(from_fd, from, to_fd, to);
}

int
unlinkat(int fd, const char *path, int flags)
{
	REAL(unlinkat);
	return turn("unlink", inside(fd)) ? -1 : real_unlinkat(fd, path, flags);
}

int
fallocate(int fd, int mode, off_t offset, off_t len)
{
	REAL(fallocate);
	return turn("reserve", inside(fd))
		? -1
		: real_fallocate(fd, mode, offset, len);
}

/* Linux closes the descriptor even then. */
int
close(int fd)
{
	int failed = turn("close", inside(fd));
	int saved = errno;

	if (!failed)
		return call_close(fd);
	call_close(fd);
	errno = saved;
	return -1;
}

int
mkdir(const char *path, mode_t mode)
{
	REAL(mkdir);
	return turn("mkdir", path_inside(path)) ? -1 : real_mkdir(path, mode);
}
