#include "archive/segment.h"

#include "archive_files.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#define SIZE WAL_SEGMENT_SIZE_MIN
#define NUMBER 0x1234u
#define START ((lsn)NUMBER * SIZE)
#define S "000000020000000100000234"

/* How a scenario goes wrong, and what it did. */
struct faults {
	int countdown; /* this many calls succeed; below 0: all */
	bool for_ever; /* all after the first that failed fail, too */
	bool failed;
	bool tracing;
	char trace[2000];
};

static struct faults faults;

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __real_fallocate(int fd, int mode, off_t offset, off_t len);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t offset);
int __wrap_fdatasync(int fd);
int __real_fdatasync(int fd);
int __wrap_fsync(int fd);
int __real_fsync(int fd);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __real_unlinkat(int fd, const char *name, int flags);

static bool
fails(void)
{
	if (faults.countdown == 0 || (faults.failed && faults.for_ever)) {
		faults.countdown = -1;
		faults.failed = true;
		errno = EIO;
		return true;
	}
	if (faults.countdown > 0)
		faults.countdown--;
	return false;
}

static void
trace(const char *action, const char *name)
{
	size_t used = strlen(faults.trace);

	if (faults.tracing)
		(void)snprintf(faults.trace + used, sizeof(faults.trace) - used,
			"%s %s\n", action, name);
}

/* The name that a descriptor's file bears just now. */
static void
trace_descriptor(const char *action, int fd)
{
	char link[64];
	char path[512];
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	assert_true(len > 0);
	path[len] = '\0';
	trace(action, strrchr(path, '/') + 1);
}

int
__wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	return fails() ? -1 : __real_fallocate(fd, mode, offset, len);
}

ssize_t
__wrap_pwrite(int fd, const void *data, size_t len, off_t offset)
{
	return fails() ? -1 : __real_pwrite(fd, data, len, offset);
}

int
__wrap_fdatasync(int fd)
{
	trace_descriptor("sync", fd);
	return fails() ? -1 : __real_fdatasync(fd);
}

int
__wrap_fsync(int fd)
{
	trace("sync", "directory");
	return fails() ? -1 : __real_fsync(fd);
}

int
__wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	trace("rename", from);
	trace("to", to);
	return fails() ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

int
__wrap_unlinkat(int fd, const char *name, int flags)
{
	int result = fails() ? -1 : __real_unlinkat(fd, name, flags);

	if (result == 0)
		trace("unlink", name);
	return result;
}

/* One segment, and the WAL that belongs into it. */
struct fixture {
	struct directory *directory;
	struct segment *segment;
	unsigned char *wal; /* SIZE bytes, none of them zero */
	enum codec codec;
	struct error error;
};

static int
setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	uint32_t seed = 7;
	void *directory;

	if (fixture == NULL)
		return -1;
	fixture->wal = malloc(SIZE);
	if (fixture->wal == NULL || temporary_directory_setup(&directory) != 0)
		return -1;
	for (size_t i = 0; i < SIZE; i++) {
		seed = seed * 1664525 + 1013904223;
		fixture->wal[i] = (unsigned char)(seed >> 24 | 1);
	}
	fixture->directory = directory;
	faults = (struct faults){.countdown = -1};
	*state = fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;
	void *directory = fixture->directory;

	faults = (struct faults){.countdown = -1};
	segment_free(fixture->segment);
	(void)temporary_directory_teardown(&directory);
	free(fixture->wal);
	free(fixture);
	return 0;
}

static void
open_at(struct fixture *f, enum codec codec, size_t begin, size_t held)
{
	const struct segment_spec spec = {
		.directory = f->directory,
		.timeline = 2,
		.number = NUMBER,
		.segment_size = SIZE,
		.begin = START + begin,
		.held = held == 0 ? LSN_NONE : START + held,
		.codec = codec,
		.level = 1,
	};

	segment_free(f->segment);
	f->segment = NULL;
	f->codec = codec;
	assert_true(segment_open(&f->segment, &spec, &f->error));
}

/* Write the WAL that comes next. */
static bool
write_to(struct fixture *f, size_t end)
{
	size_t at = (size_t)(segment_written(f->segment) - START);

	return segment_write(f->segment, f->wal + at, end - at, &f->error);
}

static bool
persist(struct fixture *f)
{
	return segment_persist(f->segment, &f->error);
}

static bool
prepare(struct fixture *f, bool from_memory)
{
	return segment_prepare(
		f->segment, from_memory ? f->wal : NULL, &f->error);
}

static bool
publish(struct fixture *f)
{
	return segment_publish(f->segment, &f->error);
}

static bool
abandon(struct fixture *f)
{
	return segment_abandon(f->segment, &f->error);
}

/* The name with the codec's suffix, or ".NAME.tmp" of that. */
static const char *
suffixed(char name[ARCHIVE_NAME_MAX], const struct fixture *f,
	const char *before, const char *after)
{
	(void)snprintf(name, ARCHIVE_NAME_MAX, "%s" S "%s%s", before,
		codec_suffix(f->codec), after);
	return name;
}

/* A raw file holds len bytes of the WAL and then zeros. */
static void
assert_raw(const struct fixture *f, const char *name, size_t len)
{
	unsigned char *expected = calloc(1, SIZE);

	assert_non_null(expected);
	memcpy(expected, f->wal, len);
	assert_plain(f->directory, name, CODEC_NONE, expected, SIZE);
	free(expected);
}

static void
assert_at(const struct fixture *f, size_t written, size_t durable)
{
	assert_true(segment_written(f->segment) == START + written);
	assert_true(segment_durable(f->segment) == START + durable);
}

static void
begin_trace(void)
{
	faults.trace[0] = '\0';
	faults.tracing = true;
}

static void
assert_trace(const char *expected)
{
	faults.tracing = false;
	assert_string_equal(faults.trace, expected);
}

static void
test_raw_life(void **state)
{
	struct fixture *f = *state;

	open_at(f, CODEC_NONE, 0, 0);
	assert_names(f->directory, "");
	assert_at(f, 0, 0);
	assert_true(persist(f));
	assert_names(f->directory, "");

	assert_true(write_to(f, 1000));
	assert_names(f->directory, "." S ".tmp");
	assert_at(f, 1000, 0);
	begin_trace();
	assert_true(persist(f));
	assert_trace("sync ." S ".tmp\nrename ." S ".tmp\nto " S
		     ".partial\nsync directory\n");
	assert_names(f->directory, S ".partial");
	assert_raw(f, S ".partial", 1000);
	assert_at(f, 1000, 1000);

	begin_trace();
	assert_true(persist(f));
	assert_trace("");
	assert_true(write_to(f, 5000));
	assert_at(f, 5000, 1000);
	begin_trace();
	assert_true(persist(f));
	assert_trace("sync " S ".partial\n");
	assert_names(f->directory, S ".partial");
	assert_raw(f, S ".partial", 5000);
	assert_at(f, 5000, 5000);

	begin_trace();
	assert_true(prepare(f, true));
	assert_trace("sync " S ".partial\n");
	assert_names(f->directory, S ".partial");
	begin_trace();
	assert_true(publish(f));
	assert_trace("rename " S ".partial\nto " S "\nsync directory\n");
	assert_names(f->directory, S);
	assert_raw(f, S, SIZE);
	assert_at(f, SIZE, SIZE);
	segment_free(f->segment);
	f->segment = NULL;
	assert_names(f->directory, S);
}

/* Nothing bears a WAL name until the whole segment does. */
static void
test_raw_without_persist(void **state)
{
	struct fixture *f = *state;

	open_at(f, CODEC_NONE, 0, 0);
	assert_true(write_to(f, 3 * SIZE / 4));
	assert_true(write_to(f, SIZE));
	assert_names(f->directory, "." S ".tmp");
	begin_trace();
	assert_true(prepare(f, false));
	assert_trace("sync ." S ".tmp\n");
	assert_names(f->directory, "." S ".tmp");
	assert_at(f, SIZE, 0);
	begin_trace();
	assert_true(publish(f));
	assert_trace("rename ." S ".tmp\nto " S "\nsync directory\n");
	assert_names(f->directory, S);
	assert_raw(f, S, SIZE);
	assert_at(f, SIZE, SIZE);
}

static void
test_raw_all_at_once(void **state)
{
	struct fixture *f = *state;

	open_at(f, CODEC_NONE, 0, 0);
	assert_true(prepare(f, true));
	assert_names(f->directory, "." S ".tmp");
	assert_true(publish(f));
	assert_names(f->directory, S);
	assert_raw(f, S, SIZE);
}

static void
encoded_life(struct fixture *f, enum codec codec, bool from_memory)
{
	char encoded[ARCHIVE_NAME_MAX];
	char temporary[ARCHIVE_NAME_MAX];
	char expected[300];

	open_at(f, codec, 0, 0);
	suffixed(encoded, f, "", "");
	suffixed(temporary, f, ".", ".tmp");
	assert_true(write_to(f, 1000));
	assert_names(f->directory, "." S ".tmp");
	assert_true(persist(f));
	assert_names(f->directory, S ".partial");
	if (!from_memory)
		assert_true(write_to(f, SIZE));

	begin_trace();
	assert_true(prepare(f, from_memory));
	(void)snprintf(expected, sizeof(expected), "sync %s\n", temporary);
	assert_trace(expected);
	(void)snprintf(
		expected, sizeof(expected), "%s " S ".partial", temporary);
	assert_names(f->directory, expected);
	assert_true(segment_durable(f->segment) == START + 1000);

	begin_trace();
	assert_true(publish(f));
	(void)snprintf(expected, sizeof(expected),
		"rename %s\nto %s\nsync directory\nunlink " S ".partial\n",
		temporary, encoded);
	assert_trace(expected);
	assert_names(f->directory, encoded);
	assert_plain(f->directory, encoded, codec, f->wal, SIZE);
	assert_at(f, SIZE, SIZE);
	assert_int_equal(unlinkat(f->directory->fd, encoded, 0), 0);
}

static void
test_encoded_life(void **state)
{
	for (int codec = CODEC_GZIP; codec < CODECS; codec++) {
		if (!codec_available((enum codec)codec))
			continue;
		encoded_life(*state, (enum codec)codec, false);
		encoded_life(*state, (enum codec)codec, true);
	}
}

/* Its raw bytes never reach the disk. */
static void
test_encoded_all_at_once(void **state)
{
	struct fixture *f = *state;

	open_at(f, CODEC_GZIP, 0, 0);
	assert_true(prepare(f, true));
	assert_names(f->directory, "." S ".gz.tmp");
	assert_at(f, 0, 0);
	assert_true(publish(f));
	assert_names(f->directory, S ".gz");
	assert_plain(f->directory, S ".gz", CODEC_GZIP, f->wal, SIZE);
	assert_at(f, SIZE, SIZE);
}

/* The raw file was begun but never persisted. */
static void
test_encoded_without_persist(void **state)
{
	struct fixture *f = *state;

	open_at(f, CODEC_LZ4, 0, 0);
	assert_true(write_to(f, 1000));
	assert_true(prepare(f, true));
	assert_names(f->directory, "." S ".lz4.tmp ." S ".tmp");
	assert_true(publish(f));
	assert_names(f->directory, S ".lz4");
	assert_plain(f->directory, S ".lz4", CODEC_LZ4, f->wal, SIZE);
}

static void
test_abandon_raw(void **state)
{
	struct fixture *f = *state;

	open_at(f, CODEC_NONE, 0, 0);
	assert_true(write_to(f, 123457));
	begin_trace();
	assert_true(abandon(f));
	assert_trace("sync ." S ".tmp\nrename ." S ".tmp\nto " S
		     ".partial\nsync directory\n");
	assert_at(f, 123457, 123457);
	segment_free(f->segment);
	f->segment = NULL;
	assert_names(f->directory, S ".partial");
	assert_raw(f, S ".partial", 123457);
}

static void
test_abandon_encoded(void **state)
{
	struct fixture *f = *state;

	for (int codec = CODEC_GZIP; codec < CODECS; codec++) {
		char name[ARCHIVE_NAME_MAX];
		char temporary[ARCHIVE_NAME_MAX];
		char expected[600];

		if (!codec_available((enum codec)codec))
			continue;
		open_at(f, (enum codec)codec, 0, 0);
		suffixed(name, f, "", ".partial");
		suffixed(temporary, f, ".", ".tmp");
		assert_true(write_to(f, 123457));
		begin_trace();
		assert_true(abandon(f));
		(void)snprintf(expected, sizeof(expected),
			"sync ." S ".tmp\nrename ." S ".tmp\nto " S
			".partial\nsync directory\n"
			"sync %s\nrename %s\nto %s\nsync directory\n"
			"unlink " S ".partial\n",
			temporary, temporary, name);
		assert_trace(expected);
		assert_names(f->directory, name);
		assert_plain(
			f->directory, name, (enum codec)codec, f->wal, 123457);
		assert_at(f, 123457, 123457);
		assert_int_equal(unlinkat(f->directory->fd, name, 0), 0);
	}
}

static void
test_abandon_nothing(void **state)
{
	struct fixture *f = *state;

	open_at(f, CODEC_NONE, 0, 0);
	assert_true(abandon(f));
	open_at(f, CODEC_GZIP, 0, 0);
	assert_true(abandon(f));
	assert_names(f->directory, "");
}

/* What an earlier run left: held bytes of WAL in a raw file. */
static void
store_held(struct fixture *f, size_t held)
{
	file_store(f->directory, S ".partial", f->wal, held);
	file_cut(f->directory, S ".partial", SIZE);
}

static void
test_resume(void **state)
{
	struct fixture *f = *state;
	ino_t number;

	store_held(f, 3000);
	number = file_number(f->directory, S ".partial");
	open_at(f, CODEC_NONE, 2000, 3000);
	assert_at(f, 2000, 2000);
	assert_true(write_to(f, 2500));
	assert_true(persist(f));
	assert_names(f->directory, S ".partial");
	assert_raw(f, S ".partial", 3000);
	assert_at(f, 2500, 2500);
	assert_true(write_to(f, 4000));
	begin_trace();
	assert_true(persist(f));
	assert_trace("sync " S ".partial\n");
	assert_raw(f, S ".partial", 4000);
	assert_int_equal(file_number(f->directory, S ".partial"), number);
	assert_true(write_to(f, SIZE));
	assert_true(prepare(f, false));
	assert_true(publish(f));
	assert_names(f->directory, S);
	assert_raw(f, S, SIZE);
}

/* The rest comes from memory, or from the file. */
static void
test_resume_and_prepare(void **state)
{
	struct fixture *f = *state;

	store_held(f, 3000);
	open_at(f, CODEC_NONE, 2000, 3000);
	assert_true(prepare(f, true));
	assert_names(f->directory, S ".partial");
	assert_true(publish(f));
	assert_names(f->directory, S);
	assert_raw(f, S, SIZE);
	assert_int_equal(unlinkat(f->directory->fd, S, 0), 0);

	store_held(f, 3000);
	open_at(f, CODEC_GZIP, 2000, 3000);
	assert_true(write_to(f, SIZE));
	assert_true(prepare(f, false));
	assert_names(f->directory, "." S ".gz.tmp " S ".partial");
	assert_true(publish(f));
	assert_names(f->directory, S ".gz");
	assert_plain(f->directory, S ".gz", CODEC_GZIP, f->wal, SIZE);
}

/* As archive_locate does with one that is full. */
static void
test_resume_at_the_end(void **state)
{
	struct fixture *f = *state;

	store_held(f, SIZE);
	open_at(f, CODEC_NONE, SIZE, SIZE);
	begin_trace();
	assert_true(prepare(f, false));
	assert_true(publish(f));
	assert_trace("sync " S ".partial\nrename " S ".partial\nto " S
		     "\nsync directory\n");
	assert_raw(f, S, SIZE);
	assert_int_equal(unlinkat(f->directory->fd, S, 0), 0);

	store_held(f, SIZE);
	open_at(f, CODEC_GZIP, SIZE, SIZE);
	assert_true(prepare(f, false));
	assert_true(publish(f));
	assert_names(f->directory, S ".gz");
	assert_plain(f->directory, S ".gz", CODEC_GZIP, f->wal, SIZE);
}

/* What is held is durable: it may have been reported. */
static void
test_abandon_keeps_what_is_held(void **state)
{
	static const size_t ends[] = {2000, 2500, 3500};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t kept = ends[i] > 3000 ? ends[i] : 3000;

		store_held(f, 3000);
		open_at(f, CODEC_NONE, 2000, 3000);
		assert_true(write_to(f, ends[i]));
		assert_true(abandon(f));
		assert_names(f->directory, S ".partial");
		assert_raw(f, S ".partial", kept);

		store_held(f, 3000);
		open_at(f, CODEC_GZIP, 2000, 3000);
		assert_true(write_to(f, ends[i]));
		assert_true(abandon(f));
		assert_names(f->directory, S ".gz.partial");
		assert_plain(f->directory, S ".gz.partial", CODEC_GZIP, f->wal,
			kept);
		assert_int_equal(
			unlinkat(f->directory->fd, S ".gz.partial", 0), 0);
	}
}

static void
test_fill(void **state)
{
	struct fixture *f = *state;

	open_at(f, CODEC_NONE, 0, 0);
	begin_trace();
	assert_true(segment_fill(f->segment, &f->error));
	assert_trace("sync ." S ".tmp\n");
	assert_names(f->directory, "." S ".tmp");
	assert_raw(f, "." S ".tmp", 0);
	assert_at(f, 0, 0);
	assert_true(persist(f));
	assert_names(f->directory, "." S ".tmp");
	assert_true(write_to(f, 1000));
	assert_true(persist(f));
	assert_names(f->directory, S ".partial");
	assert_raw(f, S ".partial", 1000);
	assert_true(prepare(f, true));
	assert_true(publish(f));
	assert_names(f->directory, S);
	assert_raw(f, S, SIZE);
}

/* Then the zeros go as they came. */
static void
test_fill_for_nothing(void **state)
{
	struct fixture *f = *state;

	for (int codec = CODEC_NONE; codec <= CODEC_GZIP; codec++) {
		open_at(f, (enum codec)codec, 0, 0);
		assert_true(segment_fill(f->segment, &f->error));
		assert_true(abandon(f));
		segment_free(f->segment);
		f->segment = NULL;
		assert_names(f->directory, "");
	}
	open_at(f, CODEC_GZIP, 0, 0);
	assert_true(segment_fill(f->segment, &f->error));
	assert_true(prepare(f, true));
	assert_true(publish(f));
	assert_names(f->directory, S ".gz");
}

/* After a failure the segment is as new. */
static void
test_fill_that_fails(void **state)
{
	struct fixture *f = *state;
	int countdown = 0;

	open_at(f, CODEC_NONE, 0, 0);
	for (;;) {
		faults.countdown = countdown++;
		faults.failed = false;
		if (segment_fill(f->segment, &f->error))
			break;
		assert_true(faults.failed);
		assert_int_equal(f->error.sys_errno, EIO);
		assert_names(f->directory, "");
	}
	faults.countdown = -1;
	assert_false(faults.failed);
	assert_true(countdown > 3);
	assert_true(write_to(f, 1000));
	assert_true(persist(f));
	assert_raw(f, S ".partial", 1000);
}

/* held at or below the start of the segment: there is no file. */
static void
test_held_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct segment_spec spec = {
		.directory = f->directory,
		.timeline = 2,
		.number = NUMBER,
		.segment_size = SIZE,
		.begin = START,
		.held = START,
	};

	assert_true(segment_open(&f->segment, &spec, &f->error));
	assert_true(write_to(f, 10));
	assert_names(f->directory, "." S ".tmp");
	assert_true(persist(f));
	assert_raw(f, S ".partial", 10);
}

static void
test_free_leaves_no_temporary(void **state)
{
	struct fixture *f = *state;

	segment_free(NULL);
	open_at(f, CODEC_GZIP, 0, 0);
	assert_true(write_to(f, 1000));
	segment_free(f->segment);
	f->segment = NULL;
	assert_names(f->directory, "");

	open_at(f, CODEC_GZIP, 0, 0);
	assert_true(write_to(f, 1000));
	assert_true(persist(f));
	assert_true(prepare(f, true));
	segment_free(f->segment);
	f->segment = NULL;
	assert_names(f->directory, S ".partial");
	assert_raw(f, S ".partial", 1000);

	open_at(f, CODEC_NONE, 1000, 1000);
	assert_true(prepare(f, true));
	segment_free(f->segment);
	f->segment = NULL;
	assert_names(f->directory, S ".partial");
	assert_raw(f, S ".partial", SIZE);
}

static void
test_modes(void **state)
{
	struct fixture *f = *state;
	struct stat status;

	f->directory->file_mode = 0640;
	open_at(f, CODEC_GZIP, 0, 0);
	assert_true(write_to(f, 1000));
	assert_true(persist(f));
	assert_int_equal(
		fstatat(f->directory->fd, S ".partial", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_true(prepare(f, true));
	assert_true(publish(f));
	assert_int_equal(fstatat(f->directory->fd, S ".gz", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
}

static void
test_without_sync(void **state)
{
	struct fixture *f = *state;

	f->directory->sync = false;
	open_at(f, CODEC_NONE, 0, 0);
	assert_true(write_to(f, 1000));
	begin_trace();
	assert_true(persist(f));
	assert_trace("rename ." S ".tmp\nto " S ".partial\n");
	assert_at(f, 1000, 1000);
}

/* All that a segment goes through, up to the first failure. */
static bool
live(struct fixture *f, bool to_the_end)
{
	if (!write_to(f, 5000) || !persist(f) || !write_to(f, 9000) ||
		!persist(f) || !write_to(f, SIZE / 2))
		return false;
	if (!to_the_end)
		return abandon(f);
	return prepare(f, true) && publish(f);
}

static bool
exists(const struct fixture *f, const char *name)
{
	return faccessat(f->directory->fd, name, F_OK, 0) == 0;
}

/* What lies in a raw .partial, or in its encoded form, below durable. */
static void
assert_prefix(const struct fixture *f, const char *name, size_t durable)
{
	size_t len;
	unsigned char *bytes = file_load(f->directory, name, &len);

	assert_int_equal(len, SIZE);
	assert_memory_equal(bytes, f->wal, durable);
	free(bytes);
}

/*
 * Whatever call failed: what bears a final name is whole, what was durable is
 * still there, and nothing else bears a WAL name.
 */
static void
assert_sound(const struct fixture *f, size_t durable)
{
	char final[ARCHIVE_NAME_MAX];
	char partial[ARCHIVE_NAME_MAX];
	bool raw = exists(f, S ".partial");
	int known = raw;

	suffixed(final, f, "", "");
	suffixed(partial, f, "", ".partial");
	if (exists(f, final)) {
		assert_plain(f->directory, final, f->codec, f->wal, SIZE);
		durable = 0;
		known++;
	}
	if (f->codec != CODEC_NONE && exists(f, partial)) {
		assert_plain(f->directory, partial, f->codec, f->wal, SIZE / 2);
		durable = 0;
		known++;
	}
	if (raw)
		assert_prefix(f, S ".partial", durable);
	else
		assert_int_equal(durable, 0);
	if (faults.for_ever)
		known += exists(f, "." S ".tmp") + exists(f, "." S ".gz.tmp");
	assert_int_equal(temporary_directory_count(f->directory), known);
}

static void
remove_all(const struct fixture *f)
{
	static const char *const names[] = {S, S ".gz", S ".partial",
		S ".gz.partial", "." S ".tmp", "." S ".gz.tmp"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(f->directory->fd, names[i], 0);
	assert_int_equal(temporary_directory_count(f->directory), 0);
}

/* True if a call failed that was to fail. */
static bool
live_with_fault(struct fixture *f, int countdown, bool to_the_end)
{
	size_t durable;
	bool success;

	open_at(f, f->codec, 0, 0);
	faults.countdown = countdown;
	faults.failed = false;
	success = live(f, to_the_end);
	assert_int_equal(success, !faults.failed);
	if (!success) {
		assert_int_equal(f->error.code, ERR_SYSTEM);
		assert_int_equal(f->error.sys_errno, EIO);
		assert_non_null(strstr(f->error.message, "could not "));
	}
	durable = (size_t)(segment_durable(f->segment) - START);
	segment_free(f->segment);
	f->segment = NULL;
	faults.countdown = -1;
	success = faults.failed;
	faults.failed = false;
	assert_sound(f, durable);
	remove_all(f);
	return success;
}

static void
test_every_call_that_fails(void **state)
{
	struct fixture *f = *state;

	for (int variant = 0; variant < 8; variant++) {
		int countdown = 0;

		f->codec = (variant & 1) != 0 ? CODEC_GZIP : CODEC_NONE;
		faults.for_ever = (variant & 2) != 0;
		while (live_with_fault(f, countdown, (variant & 4) != 0))
			countdown++;
		assert_true(countdown >= 10);
	}
}

/* The real thing: a file may not grow, as if the disk were full. */
static void
limit_file_size(rlim_t limit)
{
	struct rlimit limits;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limits), 0);
	limits.rlim_cur = limit;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limits), 0);
}

static void
test_no_room(void **state)
{
	struct fixture *f = *state;
	bool success;

	(void)signal(SIGXFSZ, SIG_IGN);
	open_at(f, CODEC_GZIP, 0, 0);
	limit_file_size(SIZE / 2);
	success = write_to(f, 1000);
	limit_file_size(RLIM_INFINITY);
	assert_false(success);
	assert_int_equal(f->error.code, ERR_SYSTEM);
	assert_int_equal(f->error.sys_errno, EFBIG);
	assert_names(f->directory, "");

	open_at(f, CODEC_GZIP, 0, 0);
	assert_true(write_to(f, 1000));
	assert_true(persist(f));
	limit_file_size(SIZE / 2);
	success = prepare(f, true);
	limit_file_size(RLIM_INFINITY);
	assert_false(success);
	assert_int_equal(f->error.sys_errno, EFBIG);
	segment_free(f->segment);
	f->segment = NULL;
	assert_names(f->directory, S ".partial");
	assert_raw(f, S ".partial", 1000);
}

static void
test_no_directory(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rmdir(f->directory->path), 0);
	open_at(f, CODEC_NONE, 0, 0);
	assert_false(write_to(f, 1000));
	assert_int_equal(f->error.code, ERR_SYSTEM);
	assert_int_equal(f->error.sys_errno, ENOENT);
	open_at(f, CODEC_GZIP, 0, 0);
	assert_false(prepare(f, true));
	assert_int_equal(f->error.sys_errno, ENOENT);
	open_at(f, CODEC_NONE, 1000, 1000);
	assert_false(write_to(f, 2000));
	assert_int_equal(f->error.sys_errno, ENOENT);
}

/* The open segment vanished, or lost its end, while we were away. */
static void
test_partial_that_is_not_as_it_was(void **state)
{
	struct fixture *f = *state;

	store_held(f, 3000);
	file_cut(f->directory, S ".partial", 3000);
	open_at(f, CODEC_GZIP, 3000, 3000);
	assert_true(write_to(f, SIZE / 2));
	file_cut(f->directory, S ".partial", 3000);
	assert_false(abandon(f));
	assert_int_equal(f->error.code, ERR_DAMAGED);
	segment_free(f->segment);
	f->segment = NULL;
	assert_names(f->directory, S ".partial");
}

#define segment_test(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		segment_test(test_raw_life),
		segment_test(test_raw_without_persist),
		segment_test(test_raw_all_at_once),
		segment_test(test_encoded_life),
		segment_test(test_encoded_all_at_once),
		segment_test(test_encoded_without_persist),
		segment_test(test_abandon_raw),
		segment_test(test_abandon_encoded),
		segment_test(test_abandon_nothing),
		segment_test(test_resume),
		segment_test(test_resume_and_prepare),
		segment_test(test_resume_at_the_end),
		segment_test(test_abandon_keeps_what_is_held),
		segment_test(test_fill),
		segment_test(test_fill_for_nothing),
		segment_test(test_fill_that_fails),
		segment_test(test_held_elsewhere),
		segment_test(test_free_leaves_no_temporary),
		segment_test(test_modes),
		segment_test(test_without_sync),
		segment_test(test_every_call_that_fails),
		segment_test(test_no_room),
		segment_test(test_no_directory),
		segment_test(test_partial_that_is_not_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
