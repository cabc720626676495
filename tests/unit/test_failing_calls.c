/*
 * Every system call that an operation on an archive makes fails once, each in
 * its turn: the operation says so, and works the next time.
 */
#include "archive/backup_start.h"
#include "archive/coverage.h"
#include "archive/history_file.h"
#include "archive/inventory.h"
#include "archive/lock.h"
#include "archive/resume.h"
#include "archive/status_file.h"

#include <errno.h>

#include "archive_files.h"
#include "failing_call.h"
#include "wal_builder.h"

#define SIZE WAL_BUILDER_SEGMENT

#define A "000000010000000000000001"
#define B "000000010000000000000002"
#define C "000000010000000000000003"
#define LABEL "START WAL LOCATION: 0/100028 (file " A ")\nSTART TIMELINE: 1\n"

static const struct gap gap = {1, 0x2000000, 0x2000008};

struct fixture {
	struct directory *directory;
	struct wal_builder wal;
};

/* One thing to do with the archive, on an archive of its own. */
struct operation {
	void (*prepare)(struct fixture *f);
	bool (*run)(const struct fixture *f, struct error *error);
	/* The calls whose failure it has to report; CALLS ends the list. */
	enum call calls[CALLS];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *directory;

	if (f == NULL || temporary_directory_setup(&directory) != 0)
		return -1;
	f->directory = directory;
	wal_builder_init(&f->wal, SIZE);
	wal_builder_add_many(&f->wal, (size_t)3 * SIZE - SIZE / 2);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	void *directory = f->directory;

	wal_builder_free(&f->wal);
	(void)temporary_directory_teardown(&directory);
	free(f);
	return 0;
}

#define archive_test(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

static bool
remove_name(void *context, const char *name, struct error *error)
{
	return durable_unlink(context, name, error);
}

static void
begin_anew(struct fixture *f, const struct operation *operation)
{
	struct error error;

	assert_true(directory_each(
		f->directory, remove_name, f->directory, &error));
	if (operation->prepare != NULL)
		operation->prepare(f);
}

/* True if the operation makes that many calls of the kind. */
static bool
fails_at(struct fixture *f, const struct operation *operation, enum call call,
	int nth)
{
	struct error error;
	bool success;
	bool failed;

	begin_anew(f, operation);
	call_fails(call, nth, 1, EIO);
	success = operation->run(f, &error);
	failed = call_has_failed();
	calls_work();
	if (!failed) {
		assert_true(success);
		return false;
	}
	if (success)
		fail_msg("%s %d: nothing was said", call_name(call), nth);
	if (error.code != ERR_SYSTEM || error.sys_errno != EIO ||
		strncmp(error.message, "could not ", 10) != 0 ||
		strstr(error.message, strerror(EIO)) == NULL)
		fail_msg("%s %d: code %d, %s", call_name(call), nth, error.code,
			error.message);
	if (!operation->run(f, &error))
		fail_msg(
			"%s %d, then: %s", call_name(call), nth, error.message);
	return true;
}

static void
every_call_fails(void **state, const struct operation *operation)
{
	for (const enum call *call = operation->calls; *call != CALLS; call++) {
		int nth = 1;

		while (fails_at(*state, operation, *call, nth))
			nth++;
		if (nth == 1)
			fail_msg("there is no %s", call_name(*call));
	}
}

/* A signal during a call that waits is no failure. */
static void
interruptions_do_not_matter(void **state, const struct operation *operation)
{
	static const enum call calls[] = {
		CALL_read, CALL_pread, CALL_pwrite, CALL_fallocate};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct error error;
		bool failed = true;

		for (int nth = 1; failed; nth++) {
			begin_anew(*state, operation);
			call_fails(calls[i], nth, 2, EINTR);
			if (!operation->run(*state, &error))
				fail_msg("%s %d: %s", call_name(calls[i]), nth,
					error.message);
			failed = call_has_failed();
			calls_work();
		}
	}
}

static void
store(const struct fixture *f, const char *name, const char *text)
{
	file_store(f->directory, name, text, strlen(text));
}

static unsigned char *
segment(struct fixture *f, unsigned number)
{
	return wal_builder_at(&f->wal, (lsn)number * SIZE);
}

static bool
take_and_release(const struct fixture *f, struct error *error)
{
	int fd = -1;

	if (!archive_lock_acquire(f->directory, &fd, error))
		return false;
	archive_lock_release(fd);
	return true;
}

static void
test_lock(void **state)
{
	const struct operation operation = {
		.run = take_and_release,
		.calls = {CALL_openat, CALL_fcntl, CALL_fchmod, CALLS},
	};

	every_call_fails(state, &operation);
}

static void
prepare_lock(struct fixture *f)
{
	store(f, LOCK_FILE_NAME, "1\n");
}

static bool
query_lock(const struct fixture *f, struct error *error)
{
	bool held;
	long pid;

	return archive_lock_query(f->directory, &held, &pid, error) && !held;
}

static void
test_lock_query(void **state)
{
	const struct operation operation = {
		.prepare = prepare_lock,
		.run = query_lock,
		.calls = {CALL_openat, CALL_fcntl, CALLS},
	};

	every_call_fails(state, &operation);
}

static void
prepare_gaps(struct fixture *f)
{
	store(f, GAP_FILE_NAME, "1 0/1000000 0/1000008\n");
}

static bool
add_gap(const struct fixture *f, struct error *error)
{
	return gap_record_add(f->directory, &gap, error);
}

static void
test_gap_record(void **state)
{
	const struct operation operation = {
		.prepare = prepare_gaps,
		.run = add_gap,
		.calls = {CALL_openat, CALL_fstat, CALL_pread, CALL_fchmod,
			CALL_pwrite, CALL_fdatasync, CALL_renameat, CALL_fsync,
			CALLS},
	};

	every_call_fails(state, &operation);
	interruptions_do_not_matter(state, &operation);
}

static bool
store_history(const struct fixture *f, struct error *error)
{
	struct text content;
	bool ok;

	text_init(&content);
	text_printf(&content, "1\t0/123456\tno reason\n");
	ok = history_file_store(f->directory, 2, &content, error);
	text_free(&content);
	return ok;
}

static void
test_history_file(void **state)
{
	const struct operation operation = {
		.run = store_history,
		.calls = {CALL_openat, CALL_unlinkat, CALL_fchmod, CALL_pwrite,
			CALL_fdatasync, CALL_close, CALL_renameat, CALL_fsync,
			CALLS},
	};

	every_call_fails(state, &operation);
	interruptions_do_not_matter(state, &operation);
}

static bool
write_status(const struct fixture *f, struct error *error)
{
	const struct receiver_status status = {.pid = 1};

	return status_file_write(f->directory, &status, error);
}

static void
test_status_file(void **state)
{
	const struct operation operation = {
		.run = write_status,
		.calls = {CALL_openat, CALL_fchmod, CALL_pwrite, CALL_renameat,
			CALLS},
	};

	every_call_fails(state, &operation);
}

static void
prepare_backup(struct fixture *f)
{
	store(f, "backup_label", LABEL);
}

static bool
read_backup(const struct fixture *f, struct error *error)
{
	struct backup_start start;

	return backup_start_read(&start, f->directory->path, error);
}

static void
test_backup_start(void **state)
{
	const struct operation operation = {
		.prepare = prepare_backup,
		.run = read_backup,
		.calls = {CALL_openat, CALL_fdopendir, CALL_readdir, CALL_fstat,
			CALLS},
	};

	every_call_fails(state, &operation);
}

/* A hole, a history, a foreign size, and every codec that there is. */
static void
prepare_inventory(struct fixture *f)
{
	file_encode(f->directory, A, CODEC_NONE, segment(f, 1), SIZE);
	file_encode(f->directory, B ".gz", CODEC_GZIP, segment(f, 2), SIZE);
	file_encode(f->directory, C ".lz4.partial", CODEC_LZ4, segment(f, 3),
		SIZE / 2);
	store(f, "00000001FFFFFFFF00001000", "");
	store(f, "00000002.history", "1\t0/123456\tno reason\n");
}

static bool
take_inventory(const struct fixture *f, struct error *error)
{
	struct inventory inventory = {.files = NULL};
	struct coverage coverage = {.gaps = NULL};
	bool ok = inventory_read(&inventory, f->directory, error) &&
		inventory_measure(&inventory, f->directory, error) &&
		coverage_find(&coverage, &inventory, f->directory, error);

	coverage_free(&coverage);
	inventory_free(&inventory);
	return ok;
}

static void
test_inventory_stat(void **state)
{
	const struct operation operation = {
		.prepare = prepare_inventory,
		.run = take_inventory,
		.calls = {CALL_fdopendir, CALL_readdir, CALL_fstatat, CALLS},
	};

	every_call_fails(state, &operation);
	interruptions_do_not_matter(state, &operation);
}

/* What a process left behind that died: each kind of work that there is. */
static void
prepare_resume(struct fixture *f)
{
	file_encode(
		f->directory, A ".partial", CODEC_NONE, segment(f, 1), SIZE);
	file_encode(f->directory, B, CODEC_NONE, segment(f, 2), SIZE);
	file_encode(
		f->directory, B ".partial", CODEC_NONE, segment(f, 2), SIZE);
	file_encode(f->directory, C ".gz.partial", CODEC_GZIP, segment(f, 3),
		SIZE / 2);
	store(f, "." A ".gz.tmp", "");
}

static bool
resume(const struct fixture *f, struct error *error)
{
	struct timeline_history history;
	struct archive_position found;
	struct text notices;
	bool ok;
	const struct archive_resume work = {
		.directory = f->directory,
		.identity = {WAL_BUILDER_SYSTEM, SIZE},
		.codec = CODEC_GZIP,
		.level = 1,
		.notices = &notices,
	};

	text_init(&notices);
	timeline_history_init(&history);
	assert_true(timeline_history_parse(&history, 1, "", 0, error));
	ok = archive_check_identity(&work, error) &&
		archive_locate(&work, &history, &found, error);
	if (ok) {
		assert_int_equal(found.timeline, 1);
		assert_true(found.at > (lsn)3 * SIZE);
		assert_names(f->directory, A ".gz " B " " C ".partial");
		assert_string_equal(notices.string, "");
	}
	timeline_history_free(&history);
	text_free(&notices);
	return ok;
}

static void
test_resume(void **state)
{
	const struct operation operation = {
		.prepare = prepare_resume,
		.run = resume,
		.calls = {CALL_openat, CALL_fdopendir, CALL_readdir, CALL_fstat,
			CALL_fstatat, CALL_read, CALL_fchmod, CALL_pwrite,
			CALL_fdatasync, CALL_renameat, CALL_fsync,
			CALL_unlinkat, CALLS},
	};

	every_call_fails(state, &operation);
	interruptions_do_not_matter(state, &operation);
}

/* One that is no segment, and is moved aside. */
static void
prepare_odd(struct fixture *f)
{
	file_encode(f->directory, A, CODEC_NONE, segment(f, 1), SIZE);
	store(f, B ".gz.partial", "");
}

static bool
move_aside(const struct fixture *f, struct error *error)
{
	struct text notices;
	struct archive_name name = {.kind = NAME_PARTIAL,
		.timeline = 1,
		.number = 2,
		.codec = CODEC_GZIP};
	const struct archive_resume work = {
		.directory = f->directory,
		.identity = {WAL_BUILDER_SYSTEM, SIZE},
		.notices = &notices,
	};
	struct segment_scan scan;
	struct catalog catalog;
	bool found;
	bool ok;

	text_init(&notices);
	if (!catalog_scan(&catalog, f->directory, SIZE, error))
		return false;
	ok = open_segment_choose(&work, &catalog, &name, &scan, &found, error);
	if (ok) {
		assert_false(found);
		assert_names(f->directory, "." B ".gz.partial.bad " A);
	}
	catalog_free(&catalog);
	text_free(&notices);
	return ok;
}

static void
test_move_aside(void **state)
{
	const struct operation operation = {
		.prepare = prepare_odd,
		.run = move_aside,
		.calls = {CALL_renameat, CALL_fsync, CALLS},
	};

	every_call_fails(state, &operation);
}

static void
test_free_bytes(void **state)
{
	const struct fixture *f = *state;
	uint64_t bytes = 42;

	call_fails(CALL_fstatvfs, 1, 1, EIO);
	assert_false(directory_free_bytes(f->directory, &bytes));
	assert_int_equal(bytes, 42);
	calls_work();
	assert_true(directory_free_bytes(f->directory, &bytes));
	assert_true(bytes != 42);
}

/* An open segment that was scanned, and is to be kept. */
struct scanned {
	struct archive_resume work;
	struct catalog catalog; /* nothing else is there */
	struct segment_scan scan;
};

static void
scan_open_segment(struct fixture *f, struct scanned *scanned)
{
	const struct archive_name name = {
		.kind = NAME_PARTIAL, .timeline = 1, .number = 1};
	struct error error;

	*scanned = (struct scanned){
		.work = {.directory = f->directory,
			.identity = {WAL_BUILDER_SYSTEM, SIZE}},
	};
	file_encode(
		f->directory, A ".partial", CODEC_NONE, segment(f, 1), SIZE);
	assert_true(segment_scan(&scanned->scan, f->directory,
		&scanned->work.identity, &name, &error));
}

/* What the scan found has to be there when it is copied. */
static void
test_open_segment_becomes_shorter(void **state)
{
	struct fixture *f = *state;
	struct scanned scanned;
	struct error error;

	scan_open_segment(f, &scanned);
	assert_true(open_segment_keep(
		&scanned.work, &scanned.catalog, &scanned.scan, &error));
	file_cut(f->directory, A ".partial", SIZE / 2);
	assert_false(open_segment_keep(
		&scanned.work, &scanned.catalog, &scanned.scan, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	assert_string_equal(
		error.message, "file \"" A ".partial\" is shorter than it was");
	assert_int_equal(file_size(f->directory, A ".partial"), SIZE / 2);
}

/* The file that is written has to be closed without a failure. */
static void
test_open_segment_is_not_closed(void **state)
{
	struct fixture *f = *state;
	struct scanned scanned;
	struct error error;

	scan_open_segment(f, &scanned);
	/* The first close is that of the copy that is read. */
	call_fails(CALL_close, 2, 1, EIO);
	assert_false(open_segment_keep(
		&scanned.work, &scanned.catalog, &scanned.scan, &error));
	assert_true(call_has_failed());
	calls_work();
	assert_string_equal(error.message,
		"could not close file \"" A ".partial\": Input/output error");
	assert_true(open_segment_keep(
		&scanned.work, &scanned.catalog, &scanned.scan, &error));
}

/*
 * Past the page cache: a file that stays in that mode, or did not get into it,
 * and a read that fails there.
 */
static void
test_direct_transfers(void **state)
{
	const struct fixture *f = *state;
	size_t len = (size_t)2 << 20;
	unsigned char *data = aligned_alloc(DURABLE_BLOCK, len);
	struct error error;
	int fd = -1;

	assert_non_null(data);
	memset(data, 'x', len);
	assert_true(durable_create(f->directory, A, len, &fd, &error));
	if (fcntl(fd, F_SETFL, O_RDWR | O_DIRECT) != 0) {
		(void)close(fd);
		free(data);
		skip(); /* this file system has no direct writing */
	}
	assert_int_equal(fcntl(fd, F_SETFL, O_RDWR), 0);
	for (int nth = 1; nth <= 2; nth++) {
		call_fails(CALL_fcntl, nth, 1, EINVAL);
		assert_true(durable_write(fd, A, data, len, 0, &error));
		assert_true(call_has_failed());
		call_fails(CALL_fcntl, nth, 1, EINVAL);
		assert_true(durable_read(fd, A, data, len, 0, &error));
		assert_true(call_has_failed());
	}
	call_fails(CALL_fcntl, 3, 1, EIO);
	assert_false(durable_write(fd, A, data, len, 0, &error));
	assert_string_equal(error.message,
		"could not write to file \"" A "\": Input/output error");
	calls_work();
	assert_int_equal(fcntl(fd, F_SETFL, O_RDWR), 0);
	call_fails(CALL_fcntl, 3, 1, EIO);
	assert_false(durable_read(fd, A, data, len, 0, &error));
	assert_string_equal(error.message,
		"could not read file \"" A "\": Input/output error");
	calls_work();
	assert_int_equal(fcntl(fd, F_SETFL, O_RDWR), 0);
	for (int nth = 1; nth <= 2; nth++) {
		call_fails(CALL_pread, nth, 1, EIO);
		if (!durable_read(fd, A, data, len - 1, 0, &error))
			assert_int_equal(error.sys_errno, EIO);
		else
			assert_false(call_has_failed());
	}
	call_fails(CALL_pread, 1, 1, EINVAL);
	assert_true(durable_read(fd, A, data, len, 0, &error));
	assert_true(call_has_failed());
	calls_work();
	assert_true(durable_close(fd, A, &error));
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		archive_test(test_lock),
		archive_test(test_lock_query),
		archive_test(test_gap_record),
		archive_test(test_history_file),
		archive_test(test_status_file),
		archive_test(test_backup_start),
		archive_test(test_inventory_stat),
		archive_test(test_resume),
		archive_test(test_move_aside),
		archive_test(test_free_bytes),
		archive_test(test_open_segment_becomes_shorter),
		archive_test(test_open_segment_is_not_closed),
		archive_test(test_direct_transfers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
