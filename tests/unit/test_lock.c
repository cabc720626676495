#include "archive/lock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "failing_call.h"
#include "temporary_directory.h"

static void
assert_locked_by(const struct directory *directory, long pid)
{
	struct error error;
	char expected[400];
	int fd = 42;

	assert_false(archive_lock_acquire(directory, &fd, &error));
	assert_int_equal(error.code, ERR_LOCKED);
	(void)snprintf(expected, sizeof(expected),
		"archive \"%s\" is in use by another walfetch (process %ld)",
		directory->path, pid);
	assert_string_equal(error.message, expected);
	assert_int_equal(fd, 42);
}

static void
test_second_open_in_one_process(void **state)
{
	struct directory *directory = *state;
	struct error error;
	int fd = -1;

	assert_true(archive_lock_acquire(directory, &fd, &error));
	assert_locked_by(directory, (long)getpid());
	assert_locked_by(directory, (long)getpid());
	archive_lock_release(fd);
	assert_true(archive_lock_acquire(directory, &fd, &error));
	archive_lock_release(fd);
	archive_lock_release(-1);
}

static void
test_another_process(void **state)
{
	struct directory *directory = *state;
	struct error error;
	pid_t child;
	int status = 0;
	int fd = -1;

	assert_true(archive_lock_acquire(directory, &fd, &error));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct error seen;
		int second = -1;
		bool taken = archive_lock_acquire(directory, &second, &seen);

		_exit(!taken && seen.code == ERR_LOCKED ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* Its end closed its copy of the descriptor, which must not matter. */
	assert_locked_by(directory, (long)getpid());
	archive_lock_release(fd);
}

static void
test_query(void **state)
{
	struct directory *directory = *state;
	struct error error;
	bool held = true;
	long pid = 42;
	int fd = -1;

	/* Nobody was ever there, and asking leaves no trace. */
	assert_true(archive_lock_query(directory, &held, &pid, &error));
	assert_false(held);
	assert_int_equal(pid, 0);
	assert_int_equal(temporary_directory_count(directory), 0);

	assert_true(archive_lock_acquire(directory, &fd, &error));
	assert_true(archive_lock_query(directory, &held, &pid, &error));
	assert_true(held);
	assert_int_equal(pid, getpid());

	archive_lock_release(fd);
	assert_true(archive_lock_query(directory, &held, &pid, &error));
	assert_false(held);
	/* A lock that was only asked for keeps nobody out. */
	assert_true(archive_lock_acquire(directory, &fd, &error));
	archive_lock_release(fd);
}

static void
test_lock_dies_with_the_process(void **state)
{
	struct directory *directory = *state;
	struct error error;
	int ready[2];
	int fd = -1;
	char byte = 0;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (archive_lock_acquire(directory, &fd, &error) &&
			write(ready[1], "y", 1) == 1)
			for (;;)
				(void)pause();
		_exit(1);
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	assert_locked_by(directory, (long)child);

	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(archive_lock_acquire(directory, &fd, &error));
	assert_locked_by(directory, (long)getpid());
	archive_lock_release(fd);
}

static void
test_close_of_another_descriptor(void **state)
{
	struct directory *directory = *state;
	struct error error;
	int other;
	int fd = -1;

	assert_true(archive_lock_acquire(directory, &fd, &error));
	other = openat(directory->fd, LOCK_FILE_NAME, O_RDWR);
	assert_true(other >= 0);
	assert_int_equal(close(other), 0);
	assert_locked_by(directory, (long)getpid());
	archive_lock_release(fd);
}

static void
test_file_has_mode_and_pid(void **state)
{
	struct directory *directory = *state;
	mode_t mask = umask(0777);
	struct error error;
	struct stat status;
	char content[64] = "";
	char expected[64];
	int fd = -1;

	directory->file_mode = 0640;
	assert_true(archive_lock_acquire(directory, &fd, &error));
	(void)umask(mask);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_true(pread(fd, content, sizeof(content) - 1, 0) > 0);
	(void)snprintf(expected, sizeof(expected), "%ld\n", (long)getpid());
	assert_string_equal(content, expected);
	archive_lock_release(fd);
}

static void
test_pid_that_cannot_be_read(void **state)
{
	struct directory *directory = *state;
	struct error error;
	char expected[400];
	int second = 42;
	int fd = -1;

	assert_true(archive_lock_acquire(directory, &fd, &error));
	assert_int_equal(pwrite(fd, "?", 1, 0), 1);
	assert_false(archive_lock_acquire(directory, &second, &error));
	assert_int_equal(error.code, ERR_LOCKED);
	(void)snprintf(expected, sizeof(expected),
		"archive \"%s\" is in use by another walfetch",
		directory->path);
	assert_string_equal(error.message, expected);
	archive_lock_release(fd);
}

static void
test_symbolic_link_is_refused(void **state)
{
	struct directory *directory = *state;
	struct error error;
	int fd = 42;

	assert_int_equal(
		symlinkat("elsewhere", directory->fd, LOCK_FILE_NAME), 0);
	assert_false(archive_lock_acquire(directory, &fd, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_int_equal(error.sys_errno, ELOOP);
	assert_int_equal(fd, 42);
	assert_int_equal(temporary_directory_count(directory), 1);
}

/* Some kernels, and what takes their place, have no locks of open files. */
static void
test_without_locks_of_open_files(void **state)
{
	struct directory *directory = *state;
	struct error error;
	bool held = false;
	long pid;
	int fd = -1;

	call_fails(CALL_fcntl, 1, 100, EINVAL);
	assert_true(archive_lock_acquire(directory, &fd, &error));
	assert_locked_by(directory, (long)getpid());
	assert_true(archive_lock_query(directory, &held, &pid, &error));
	assert_true(held);
	assert_int_equal(pid, getpid());
	archive_lock_release(fd);
	assert_true(archive_lock_query(directory, &held, &pid, &error));
	assert_false(held);
	assert_true(archive_lock_acquire(directory, &fd, &error));
	archive_lock_release(fd);
	calls_work();
}

static void
test_lock_that_cannot_be_read(void **state)
{
	struct directory *directory = *state;
	struct error error;
	bool held = true;
	long pid = 42;
	int fd = -1;

	assert_true(archive_lock_acquire(directory, &fd, &error));
	call_fails(CALL_fcntl, 1, 1, EIO);
	assert_false(archive_lock_query(directory, &held, &pid, &error));
	calls_work();
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_string_equal(error.message,
		"could not read the lock of file \".walfetch.lock\": "
		"Input/output error");
	assert_int_equal(pid, 42);
	archive_lock_release(fd);
}

/* The process id is for people; the lock is held without it. */
static void
test_pid_that_cannot_be_written(void **state)
{
	static const enum call calls[] = {CALL_ftruncate, CALL_pwrite};
	struct directory *directory = *state;
	struct error error;
	int second = 42;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int fd = -1;

		call_fails(calls[i], 1, 1, ENOSPC);
		assert_true(archive_lock_acquire(directory, &fd, &error));
		assert_true(call_has_failed());
		call_fails(CALL_pread, 1, 1, EIO);
		assert_false(archive_lock_acquire(directory, &second, &error));
		calls_work();
		assert_int_equal(error.code, ERR_LOCKED);
		assert_null(strstr(error.message, "process"));
		archive_lock_release(fd);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_second_open_in_one_process),
		directory_test(test_another_process),
		directory_test(test_query),
		directory_test(test_lock_dies_with_the_process),
		directory_test(test_close_of_another_descriptor),
		directory_test(test_file_has_mode_and_pid),
		directory_test(test_pid_that_cannot_be_read),
		directory_test(test_symbolic_link_is_refused),
		directory_test(test_without_locks_of_open_files),
		directory_test(test_lock_that_cannot_be_read),
		directory_test(test_pid_that_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
