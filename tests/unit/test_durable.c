#include "archive/durable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "temporary_directory.h"

/* What the wrapped system calls do next; zero: what they always do. */
struct faults {
	int fallocate_errno;
	int fdatasync_errno;
	int fdatasync_calls;
	int pwrite_errno;
	int pwrite_interrupts; /* so many calls fail with EINTR first */
	size_t pwrite_most;    /* bytes that one call takes */
	bool pwrite_nothing;   /* 0 bytes, for ever */
	size_t pwrite_longest; /* that was asked for */
	size_t direct_bytes;   /* written past the page cache */
	int direct_errno;      /* of such a write */
};

static struct faults faults;

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __real_fallocate(int fd, int mode, off_t offset, off_t len);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t offset);
int __wrap_fdatasync(int fd);
int __real_fdatasync(int fd);

int
__wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (faults.fallocate_errno != 0) {
		errno = faults.fallocate_errno;
		return -1;
	}
	return __real_fallocate(fd, mode, offset, len);
}

static bool
is_direct(int fd)
{
	return (fcntl(fd, F_GETFL) & O_DIRECT) != 0;
}

ssize_t
__wrap_pwrite(int fd, const void *data, size_t len, off_t offset)
{
	if (len > faults.pwrite_longest)
		faults.pwrite_longest = len;
	if (faults.pwrite_nothing)
		return 0;
	if (faults.pwrite_interrupts > 0) {
		faults.pwrite_interrupts--;
		errno = EINTR;
		return -1;
	}
	if (is_direct(fd) && faults.direct_errno != 0) {
		errno = faults.direct_errno;
		return -1;
	}
	if (faults.pwrite_errno != 0) {
		errno = faults.pwrite_errno;
		return -1;
	}
	if (is_direct(fd))
		faults.direct_bytes += len;
	if (faults.pwrite_most != 0 && len > faults.pwrite_most)
		len = faults.pwrite_most;
	return __real_pwrite(fd, data, len, offset);
}

int
__wrap_fdatasync(int fd)
{
	faults.fdatasync_calls++;
	if (faults.fdatasync_errno != 0) {
		errno = faults.fdatasync_errno;
		return -1;
	}
	return __real_fdatasync(fd);
}

static int
setup(void **state)
{
	faults = (struct faults){0};
	return temporary_directory_setup(state);
}

#define durable_test(function)           \
	cmocka_unit_test_setup_teardown( \
		function, setup, temporary_directory_teardown)

static void
assert_mode(const struct directory *directory, const char *name, mode_t mode)
{
	struct stat status;

	assert_int_equal(fstatat(directory->fd, name, &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, mode);
}

static void
assert_content(const struct directory *directory, const char *name,
	const void *data, size_t len)
{
	char *content = malloc(len + 1);
	int fd = openat(directory->fd, name, O_RDONLY);

	assert_non_null(content);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, content, len + 1), len);
	assert_memory_equal(content, data, len);
	(void)close(fd);
	free(content);
}

static void
make_file(const struct directory *directory, const char *name,
	const char *content)
{
	int fd = openat(directory->fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(close(fd), 0);
}

static void
assert_missing(const struct directory *directory, const char *name)
{
	assert_int_equal(
		faccessat(directory->fd, name, F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(errno, ENOENT);
}

static void
test_directory_must_exist(void **state)
{
	struct directory directory;
	struct error error;

	(void)state;
	directory_init(&directory);
	assert_false(directory_open(&directory, "/nonexistent/x", &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_int_equal(error.sys_errno, ENOENT);
	assert_string_equal(error.message,
		"could not open directory \"/nonexistent/x\": "
		"No such file or directory");
	assert_int_equal(directory.fd, -1);
	directory_close(&directory);
}

static void
test_create_sets_the_mode(void **state)
{
	struct directory *directory = *state;
	struct error error;
	mode_t mask = umask(0777);
	int fd = -1;

	assert_true(durable_create(directory, "a", 0, &fd, &error));
	assert_true(durable_close(fd, "a", &error));
	directory->file_mode = 0640;
	(void)umask(0);
	assert_true(durable_create(directory, "b", 0, &fd, &error));
	assert_true(durable_close(fd, "b", &error));
	(void)umask(mask);
	assert_mode(directory, "a", 0600);
	assert_mode(directory, "b", 0640);
}

static void
create_and_check_zeros(const struct directory *directory)
{
	size_t size = 1000 * 1000 + 1;
	char *zeros = calloc(1, size);
	struct error error;
	int fd = -1;

	assert_non_null(zeros);
	assert_true(durable_create(directory, "a", size, &fd, &error));
	assert_content(directory, "a", zeros, size);
	assert_true(durable_close(fd, "a", &error));
	free(zeros);
}

static void
test_create_reserves_zeros(void **state)
{
	create_and_check_zeros(*state);
}

static void
test_create_without_fallocate(void **state)
{
	static const int refusals[] = {EOPNOTSUPP, EINVAL, ENOSYS};

	faults.pwrite_most = 1000;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		faults.fallocate_errno = refusals[i];
		create_and_check_zeros(*state);
	}
}

static void
assert_no_space(const struct directory *directory)
{
	struct error error;
	int fd = 42;

	assert_false(durable_create(directory, ".a.tmp", 4096, &fd, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_int_equal(error.sys_errno, ENOSPC);
	assert_string_equal(error.message,
		"could not reserve 4096 bytes for file \".a.tmp\": "
		"No space left on device");
	assert_int_equal(fd, 42);
	assert_int_equal(temporary_directory_count(directory), 0);
}

static void
test_create_leaves_nothing_on_a_full_disk(void **state)
{
	faults.fallocate_errno = ENOSPC;
	assert_no_space(*state);
	faults.fallocate_errno = EOPNOTSUPP;
	faults.pwrite_errno = ENOSPC;
	assert_no_space(*state);
}

static void
test_create_spares_other_links(void **state)
{
	struct directory *directory = *state;
	struct error error;
	int fd = -1;

	make_file(directory, "kept", "content");
	assert_int_equal(
		linkat(directory->fd, "kept", directory->fd, "hard", 0), 0);
	assert_int_equal(symlinkat("kept", directory->fd, "soft"), 0);
	assert_true(durable_create(directory, "hard", 10, &fd, &error));
	assert_true(durable_close(fd, "hard", &error));
	assert_true(durable_create(directory, "soft", 10, &fd, &error));
	assert_true(durable_close(fd, "soft", &error));
	assert_content(directory, "kept", "content", 7);
}

static void
test_open_takes_regular_files_only(void **state)
{
	struct directory *directory = *state;
	struct error error;
	int fd = 42;

	make_file(directory, "file", "content");
	assert_int_equal(symlinkat("file", directory->fd, "soft"), 0);
	assert_int_equal(mkfifoat(directory->fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(directory->fd, "folder", 0700), 0);

	assert_false(durable_open(directory, "missing", &fd, &error));
	assert_string_equal(error.message,
		"could not open file \"missing\": No such file or directory");
	assert_false(durable_open(directory, "soft", &fd, &error));
	assert_int_equal(error.sys_errno, ELOOP);
	assert_false(durable_open(directory, "fifo", &fd, &error));
	assert_string_equal(error.message,
		"could not open file \"fifo\": not a regular file");
	assert_false(durable_open_to_read(directory, "fifo", &fd, &error));
	assert_false(durable_open(directory, "folder", &fd, &error));
	assert_false(durable_open_to_read(directory, "folder", &fd, &error));
	assert_int_equal(fd, 42);

	assert_true(durable_open(directory, "file", &fd, &error));
	assert_true(durable_write(fd, "file", "C", 1, 0, &error));
	assert_true(durable_close(fd, "file", &error));
	assert_content(directory, "file", "Content", 7);
	assert_true(durable_open_to_read(directory, "file", &fd, &error));
	assert_false(durable_write(fd, "file", "c", 1, 0, &error));
	assert_true(durable_close(fd, "file", &error));
}

static void
test_write_goes_on_until_all_is_written(void **state)
{
	struct directory *directory = *state;
	size_t len = 3 * 1024 * 1024 + 5;
	unsigned char *data = malloc(len);
	struct error error;
	int fd = -1;

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	faults.pwrite_most = 100 * 1000;
	faults.pwrite_interrupts = 3;
	assert_true(durable_create(directory, "a", 0, &fd, &error));
	assert_true(durable_write(fd, "a", data + 2, len - 2, 2, &error));
	assert_true(durable_write(fd, "a", data, 2, 0, &error));
	assert_int_equal(faults.pwrite_interrupts, 0);
	assert_int_equal(faults.pwrite_longest, 1024 * 1024);
	assert_content(directory, "a", data, len);
	assert_true(durable_close(fd, "a", &error));
	free(data);
}

#define MIB ((size_t)1024 * 1024)

/* Memory as a window's, and a file to write it to. */
static unsigned char *
make_window(const struct directory *directory, size_t len, int *fd)
{
	unsigned char *data = aligned_alloc(DURABLE_BLOCK, len);
	struct error error;

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	assert_true(durable_create(directory, "a", len, fd, &error));
	if (fcntl(*fd, F_SETFL, O_RDWR | O_DIRECT) != 0) {
		free(data);
		skip(); /* this file system has no direct writing */
	}
	assert_int_equal(fcntl(*fd, F_SETFL, O_RDWR), 0);
	return data;
}

/* Whole blocks go past the page cache, what is before and behind does not. */
static void
test_write_is_direct(void **state)
{
	struct directory *directory = *state;
	size_t len = 6 * MIB;
	struct error error;
	int fd = -1;
	unsigned char *data = make_window(directory, len, &fd);

	assert_true(durable_write(fd, "a", data, 100, 0, &error));
	assert_int_equal(faults.direct_bytes, 0);
	assert_true(durable_write(fd, "a", data + 100, 5 * MIB, 100, &error));
	assert_int_equal(faults.direct_bytes, 5 * MIB - DURABLE_BLOCK);
	assert_false(is_direct(fd));
	assert_true(durable_write(fd, "a", data + 5 * MIB + 100, MIB - 100,
		5 * MIB + 100, &error));
	assert_int_equal(faults.direct_bytes, 5 * MIB - DURABLE_BLOCK);
	assert_content(directory, "a", data, len);
	assert_true(durable_close(fd, "a", &error));
	free(data);
}

/* Read back directly or not, it is what was written; a short file is told. */
static void
test_read(void **state)
{
	struct directory *directory = *state;
	size_t len = 2 * MIB;
	struct error error;
	int fd = -1;
	unsigned char *data = make_window(directory, len, &fd);
	unsigned char *copy = aligned_alloc(DURABLE_BLOCK, len);

	assert_non_null(copy);
	assert_true(durable_write(fd, "a", data, len, 0, &error));
	assert_true(durable_read(fd, "a", copy, len, 0, &error));
	assert_memory_equal(copy, data, len);
	memset(copy, 0, len);
	assert_true(durable_read(fd, "a", copy, MIB + 5, MIB - 7, &error));
	assert_memory_equal(copy, data + MIB - 7, MIB + 5);
	assert_false(is_direct(fd));

	assert_int_equal(ftruncate(fd, (off_t)(MIB + 100)), 0);
	assert_true(durable_read(fd, "a", copy, MIB + 100, 0, &error));
	assert_false(durable_read(fd, "a", copy, len, 0, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	assert_false(is_direct(fd));
	assert_true(durable_close(fd, "a", &error));
	free(copy);
	free(data);
}

/* Memory that lies otherwise than the file, or too little of it. */
static void
test_write_is_not_direct(void **state)
{
	struct directory *directory = *state;
	struct error error;
	int fd = -1;
	unsigned char *data = make_window(directory, 3 * MIB, &fd);

	assert_true(durable_write(fd, "a", data + 8, 2 * MIB, 0, &error));
	assert_true(durable_write(fd, "a", data, MIB / 2, 0, &error));
	assert_int_equal(faults.direct_bytes, 0);
	assert_true(durable_close(fd, "a", &error));
	free(data);
}

/* A file system may take the flag and refuse the write: others must do it. */
static void
test_write_without_direct(void **state)
{
	struct directory *directory = *state;
	struct error error;
	int fd = -1;
	unsigned char *data = make_window(directory, 2 * MIB, &fd);

	faults.direct_errno = EINVAL;
	assert_true(durable_write(fd, "a", data, 2 * MIB, 0, &error));
	assert_int_equal(faults.direct_bytes, 0);
	assert_content(directory, "a", data, 2 * MIB);
	faults.direct_errno = EIO;
	assert_false(durable_write(fd, "a", data, 2 * MIB, 0, &error));
	assert_int_equal(error.sys_errno, EIO);
	assert_true(durable_close(fd, "a", &error));
	free(data);
}

static void
test_write_reports_failures(void **state)
{
	struct error error;
	int fd = -1;

	assert_true(durable_create(*state, "a", 0, &fd, &error));
	faults.pwrite_errno = EIO;
	assert_false(durable_write(fd, "a", "x", 1, 0, &error));
	assert_string_equal(error.message,
		"could not write to file \"a\": Input/output error");
	faults.pwrite_nothing = true;
	assert_false(durable_write(fd, "a", "x", 1, 0, &error));
	assert_int_equal(error.sys_errno, ENOSPC);
	assert_true(durable_close(fd, "a", &error));
}

static void
test_sync_fails_once(void **state)
{
	struct directory *directory = *state;
	struct error error;
	int fd = -1;

	assert_true(durable_create(directory, "a", 0, &fd, &error));
	assert_true(durable_sync(directory, fd, "a", &error));
	assert_int_equal(faults.fdatasync_calls, 1);
	faults.fdatasync_errno = EINTR;
	assert_false(durable_sync(directory, fd, "a", &error));
	assert_int_equal(faults.fdatasync_calls, 2);
	assert_string_equal(error.message,
		"could not fsync file \"a\": Interrupted system call");
	directory->sync = false;
	assert_true(durable_sync(directory, fd, "a", &error));
	assert_int_equal(faults.fdatasync_calls, 2);
	assert_true(durable_close(fd, "a", &error));
	assert_false(durable_close(fd, "a", &error));
	assert_string_equal(error.message,
		"could not close file \"a\": Bad file descriptor");
}

static void
test_rename_and_unlink(void **state)
{
	struct directory *directory = *state;
	struct error error;

	make_file(directory, "a", "new");
	make_file(directory, "b", "old");
	assert_true(durable_rename(directory, "a", "b", &error));
	assert_true(durable_sync_directory(directory, &error));
	assert_missing(directory, "a");
	assert_content(directory, "b", "new", 3);

	assert_false(durable_rename(directory, "a", "c", &error));
	assert_string_equal(error.message,
		"could not rename file \"a\" to \"c\": "
		"No such file or directory");

	assert_true(durable_unlink(directory, "b", &error));
	assert_missing(directory, "b");
	assert_true(durable_unlink(directory, "b", &error));
	assert_int_equal(mkdirat(directory->fd, "folder", 0700), 0);
	assert_false(durable_unlink(directory, "folder", &error));
	assert_int_equal(error.code, ERR_SYSTEM);
}

static void
test_sync_directory_fails_on_a_closed_one(void **state)
{
	struct directory *directory = *state;
	struct directory closed = *directory;
	struct error error;
	char expected[400];

	closed.fd = -1;
	assert_false(durable_sync_directory(&closed, &error));
	(void)snprintf(expected, sizeof(expected),
		"could not fsync directory \"%s\": Bad file descriptor",
		directory->path);
	assert_string_equal(error.message, expected);
	closed.sync = false;
	assert_true(durable_sync_directory(&closed, &error));
}

static void
test_write_file_replaces_whole(void **state)
{
	struct directory *directory = *state;
	struct error error;

	directory->file_mode = 0640;
	assert_true(durable_write_file(directory, "a", "first", 5, &error));
	assert_true(durable_write_file(directory, "a", "2nd", 3, &error));
	assert_content(directory, "a", "2nd", 3);
	assert_mode(directory, "a", 0640);
	assert_int_equal(temporary_directory_count(directory), 1);
}

static void
test_write_file_keeps_the_old_on_failure(void **state)
{
	struct directory *directory = *state;
	struct error error;

	make_file(directory, "a", "old");
	faults.fdatasync_errno = EIO;
	assert_false(durable_write_file(directory, "a", "new!", 4, &error));
	assert_int_equal(error.sys_errno, EIO);
	faults.fdatasync_errno = 0;
	faults.pwrite_errno = ENOSPC;
	assert_false(durable_write_file(directory, "a", "new!", 4, &error));
	assert_int_equal(error.sys_errno, ENOSPC);
	assert_content(directory, "a", "old", 3);
	assert_int_equal(temporary_directory_count(directory), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory_must_exist),
		durable_test(test_create_sets_the_mode),
		durable_test(test_create_reserves_zeros),
		durable_test(test_create_without_fallocate),
		durable_test(test_create_leaves_nothing_on_a_full_disk),
		durable_test(test_create_spares_other_links),
		durable_test(test_open_takes_regular_files_only),
		durable_test(test_write_goes_on_until_all_is_written),
		durable_test(test_write_is_direct),
		durable_test(test_read),
		durable_test(test_write_is_not_direct),
		durable_test(test_write_without_direct),
		durable_test(test_write_reports_failures),
		durable_test(test_sync_fails_once),
		durable_test(test_rename_and_unlink),
		durable_test(test_sync_directory_fails_on_a_closed_one),
		durable_test(test_write_file_replaces_whole),
		durable_test(test_write_file_keeps_the_old_on_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
