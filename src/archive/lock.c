#include "archive/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A process id, a line feed and a terminator. */
#define PID_TEXT_MAX 24

/*
 * The lock belongs to the open file, not to the process as with F_SETLK: that
 * one would let a second open in this process in, and the close of any other
 * descriptor would drop it.
 */
static bool
lock_file(int fd)
{
#ifdef F_OFD_SETLK
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
	};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return true;
	if (errno != EINVAL)
		return false;
#endif
	return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* True, with errno 0: somebody holds it; with another errno: not to be told. */
static bool
is_locked(int fd)
{
#ifdef F_OFD_GETLK
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
	};

	if (fcntl(fd, F_OFD_GETLK, &lock) == 0) {
		errno = 0;
		return lock.l_type != F_UNLCK;
	}
	if (errno != EINVAL)
		return true;
#endif
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return false;
	if (errno == EWOULDBLOCK)
		errno = 0;
	return true;
}

/* The process that wrote its id there last; 0: unknown. */
static long
read_pid(int fd)
{
	char text[PID_TEXT_MAX] = "";
	char *end;
	long pid;

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	pid = strtol(text, &end, 10);
	return *end == '\n' && pid > 0 ? pid : 0;
}

static bool
set_locked_error(const struct directory *directory, int fd, struct error *error)
{
	long pid = read_pid(fd);

	if (pid == 0)
		return error_set(error, ERR_LOCKED,
			"archive \"%s\" is in use by another walfetch",
			directory->path);
	return error_set(error, ERR_LOCKED,
		"archive \"%s\" is in use by another walfetch (process %ld)",
		directory->path, pid);
}

/* In this order there is always one to be read. */
static bool
write_pid(int fd)
{
	char text[PID_TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	return pwrite(fd, text, (size_t)len, 0) == len &&
		ftruncate(fd, len) == 0;
}

/* A name among others of a file: what that holds is not ours to change. */
static bool
is_own_file(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
		status.st_nlink <= 1;
}

bool
archive_lock_set_mode(
	const struct directory *directory, int fd, struct error *error)
{
	if (!is_own_file(fd) || fchmod(fd, directory->file_mode) == 0)
		return true;
	return error_set_errno(error,
		"could not set permissions of file \"%s\"", LOCK_FILE_NAME);
}

bool
archive_lock_acquire(
	const struct directory *directory, int *fd, struct error *error)
{
	int opened = openat(directory->fd, LOCK_FILE_NAME,
		O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		S_IRUSR | S_IWUSR);

	if (opened < 0)
		return durable_open_failed(LOCK_FILE_NAME, error);
	if (!lock_file(opened)) {
		if (errno == EAGAIN || errno == EACCES)
			(void)set_locked_error(directory, opened, error);
		else
			(void)error_set_errno(error,
				"could not lock file \"%s\"", LOCK_FILE_NAME);
		goto failed;
	}
	if (!archive_lock_set_mode(directory, opened, error))
		goto failed;
	/* For people only: a full disk must not keep a receiver from starting.
	 */
	if (is_own_file(opened))
		(void)write_pid(opened);
	*fd = opened;
	return true;

failed:
	(void)close(opened);
	return false;
}

bool
archive_lock_query(const struct directory *directory, bool *held, long *pid,
	struct error *error)
{
	int fd = openat(directory->fd, LOCK_FILE_NAME,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool locked;

	if (fd < 0 && errno == ENOENT) {
		*held = false;
		*pid = 0;
		return true;
	}
	if (fd < 0)
		return durable_open_failed(LOCK_FILE_NAME, error);
	locked = is_locked(fd);
	if (locked && errno != 0) {
		(void)error_set_errno(error,
			"could not read the lock of file \"%s\"",
			LOCK_FILE_NAME);
		(void)close(fd);
		return false;
	}
	*held = locked;
	*pid = read_pid(fd);
	(void)close(fd);
	return true;
}

void
archive_lock_release(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}
