/*
 * The whole of it: parts of an archive, what is missing, several jobs.
 */
#include "verify/verify.h"

#include "archive/gap_record.h"
#include "archive/lock.h"
#include "verify_archive.h"

#include <sys/stat.h>

#define SEGMENTS 3

static void
build(struct wal_builder *b, const struct directory *directory)
{
	wal_builder_init(b, (lsn)FIRST * SIZE);
	wal_builder_add_many(b, SEGMENTS * SIZE + SIZE / 2);
	for (uint64_t i = 0; i < SEGMENTS; i++)
		store(directory, b, FIRST + i);
	store_open(directory, b, FIRST + SEGMENTS);
}

static void
drop(const struct directory *directory, const char *name)
{
	assert_int_equal(unlinkat(directory->fd, name, 0), 0);
}

static void
test_counts(void **state)
{
	const struct directory *directory = *state;
	struct verify_config config = config_of(directory);
	struct verify_report report;
	struct wal_builder b;
	uint64_t records = 0;

	build(&b, directory);
	for (unsigned jobs = 1; jobs <= 5; jobs++) {
		config.jobs = jobs;
		report = verify(&config);
		assert_int_equal(report.findings->count, 0);
		assert_int_equal(report.files, 4);
		assert_int_equal(report.segments, 4);
		assert_int_equal(report.vanished, 0);
		assert_true(report.bytes >= SEGMENTS * SIZE + SIZE / 2);
		assert_true(report.identity.segment_size == SIZE);
		assert_true(records == 0 || records == report.records);
		records = report.records;
		assert_true(records > 1000);
		verify_report_free(&report);
	}
	wal_builder_free(&b);
}

/* All faults of many files, in order, whatever the number of jobs. */
static void
test_many_faults(void **state)
{
	const struct directory *directory = *state;
	struct verify_report report;
	struct wal_builder b;

	build(&b, directory);
	for (uint64_t i = 0; i < SEGMENTS; i++) {
		*wal_builder_at(&b, (FIRST + i) * SIZE + 200000) ^= 1;
		store(directory, &b, FIRST + i);
	}
	report = verify_all(directory);
	assert_int_equal(report.findings->count, SEGMENTS);
	assert_int_equal(report.findings->faults, SEGMENTS);
	for (size_t i = 0; i < SEGMENTS; i++) {
		char file[ARCHIVE_NAME_MAX];

		segment_file(file, 1, FIRST + i, CODEC_NONE, NAME_SEGMENT);
		assert_string_equal(report.findings->items[i].file, file);
	}
	verify_report_free(&report);
	wal_builder_free(&b);
}

static void
test_missing_segment(void **state)
{
	const struct directory *directory = *state;
	struct verify_config config = config_of(directory);
	struct verify_report report;
	struct wal_builder b;

	build(&b, directory);
	drop(directory, "000000010000000000000006");
	report = verify(&config);
	assert_finding(&report, FINDING_GAP, "",
		"timeline 1 from 0/00600000 to 0/00700000 is missing");
	assert_int_equal(findings_code(report.findings), ERR_GAP);
	verify_report_free(&report);

	/* Accepted once, it is no fault any more. */
	config.accept_gap = true;
	report = verify(&config);
	assert_finding(&report, FINDING_ACCEPTED_GAP, "", "is missing");
	assert_int_equal(findings_code(report.findings), ERR_NONE);
	verify_report_free(&report);
	config.accept_gap = false;
	report = verify(&config);
	assert_finding(
		&report, FINDING_ACCEPTED_GAP, "", "was accepted as lost");
	verify_report_free(&report);
	wal_builder_free(&b);
}

/* Another writer would lose what we put on record, or we its. */
static void
test_accept_needs_the_lock(void **state)
{
	const struct directory *directory = *state;
	struct verify_config config = config_of(directory);
	struct verify_report report;
	struct wal_builder b;
	struct error error;
	int lock;

	build(&b, directory);
	drop(directory, "000000010000000000000006");
	config.accept_gap = true;
	assert_true(archive_lock_acquire(directory, &lock, &error));
	assert_false(try_to_verify(&config, &report, &error));
	assert_int_equal(error.code, ERR_LOCKED);
	archive_lock_release(lock);
	config.accept_gap = false;
	report = verify(&config);
	assert_int_equal(report.findings->faults, 1);
	verify_report_free(&report);
	wal_builder_free(&b);
}

/* Zeros at the end of what an open segment holds are part of its WAL. */
static void
test_left_open_with_zeros(void **state)
{
	const struct directory *directory = *state;
	struct verify_report report;
	struct wal_builder b;
	char message[96];
	lsn last;

	/* It is full, and its last byte, which is one of a record, is zero. */
	for (uint32_t seed = 1;; seed++) {
		wal_builder_init(&b, (lsn)FIRST * SIZE);
		b.seed = seed;
		wal_builder_add_many(&b, SIZE - WAL_PAGE_SIZE);
		wal_builder_add(&b, (size_t)3 * WAL_PAGE_SIZE);
		if (*wal_builder_at(&b, (FIRST + 1) * SIZE - 1) == 0)
			break;
		wal_builder_free(&b);
	}
	wal_builder_add_many(&b, SIZE + SIZE / 4);
	store_open(directory, &b, FIRST);
	store_open(directory, &b, FIRST + 1);
	assert_clean(directory, 2);
	drop(directory, "000000010000000000000005.partial");

	/* It is not, and its last record ends with zeros. */
	last = wal_builder_add(&b, 120);
	memset(wal_builder_at(&b, last + 80), 0, 40);
	wal_seal_record(wal_builder_at(&b, last), 120);
	store_open(directory, &b, FIRST + 1);
	(void)snprintf(message, sizeof(message), "from " LSN_FORMAT " to ",
		LSN_ARGS(b.at));
	wal_builder_add_many(&b, 3 * SIZE);
	store(directory, &b, FIRST + 2);
	report = verify_all(directory);
	assert_finding(&report, FINDING_GAP, "", message);
	verify_report_free(&report);
	wal_builder_free(&b);
}

/* An open segment that others follow lacks its end. */
static void
test_left_open(void **state)
{
	const struct directory *directory = *state;
	struct verify_config config = config_of(directory);
	struct verify_report report;
	struct wal_builder b;
	char message[96];
	lsn end;

	wal_builder_init(&b, (lsn)FIRST * SIZE);
	wal_builder_add_many(&b, SIZE + SIZE / 4);
	end = b.at;
	store(directory, &b, FIRST);
	store_open(directory, &b, FIRST + 1);
	wal_builder_add_many(&b, 3 * SIZE);
	store(directory, &b, FIRST + 2);
	(void)snprintf(message, sizeof(message),
		"from " LSN_FORMAT " to 0/00700000 is missing", LSN_ARGS(end));
	report = verify(&config);
	assert_finding(&report, FINDING_GAP, "", message);
	verify_report_free(&report);

	/* A form that holds all of it makes it no gap. */
	file_encode(directory, "000000010000000000000006.gz.partial",
		CODEC_GZIP, wal_builder_at(&b, 6 * SIZE), SIZE);
	assert_clean(directory, 4);
	drop(directory, "000000010000000000000006.gz.partial");

	config.accept_gap = true;
	report = verify(&config);
	assert_int_equal(report.findings->faults, 0);
	verify_report_free(&report);
	config.accept_gap = false;
	report = verify(&config);
	assert_finding(&report, FINDING_ACCEPTED_GAP, "", "accepted");
	verify_report_free(&report);
	wal_builder_free(&b);
}

static void
test_histories(void **state)
{
	const struct directory *directory = *state;
	char history[64];
	struct wal_builder b;

	wal_builder_init(&b, (lsn)FIRST * SIZE);
	wal_builder_add_many(&b, SIZE + SIZE / 2);
	(void)snprintf(history, sizeof(history), "1\t" LSN_FORMAT "\tp\n",
		LSN_ARGS(b.at));
	store(directory, &b, 5);
	b.timeline = 2;
	wal_builder_add_many(&b, 2 * SIZE + SIZE / 2);
	store(directory, &b, 6);
	store_open(directory, &b, 7);

	assert_found(directory, FINDING_HISTORY, "00000002.history",
		"the history of timeline 2 is missing");
	store_history(directory, 2, history);
	assert_clean(directory, 3);
	store_history(directory, 2, "1\tnonsense\n");
	assert_found(directory, FINDING_DAMAGE, "00000002.history", "");
	wal_builder_free(&b);
}

static void
test_twice(void **state)
{
	const struct directory *directory = *state;
	const struct archive_name again = {NAME_SEGMENT, 1, 6, CODEC_GZIP};
	struct verify_report report;
	struct wal_builder b;

	build(&b, directory);
	store_as(directory, &b, &again);
	report = verify_all(directory);
	assert_finding(&report, FINDING_TWICE, "000000010000000000000006.gz",
		"\"000000010000000000000006\"");
	assert_int_equal(report.findings->faults, 0);
	assert_int_equal(report.segments, 5);
	verify_report_free(&report);

	/* Each is verified. */
	*wal_builder_at(&b, 6 * SIZE + 200000) ^= 1;
	store_as(directory, &b, &again);
	report = verify_all(directory);
	assert_int_equal(report.findings->count, 2);
	assert_int_equal(report.findings->faults, 1);
	verify_report_free(&report);
	wal_builder_free(&b);
}

static void
test_odd_name(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;

	build(&b, directory);
	file_store(directory, "000000010000000000001000", "x", 1);
	assert_found(directory, FINDING_DAMAGE, "000000010000000000001000",
		"can have this name");
	wal_builder_free(&b);
}

static size_t
files_in(const struct directory *directory, const struct scope_wanted *scope)
{
	struct verify_config config = config_of(directory);
	struct verify_report report;
	size_t files;

	config.scope = *scope;
	report = verify(&config);
	print_findings(&report);
	assert_int_equal(report.findings->count, 0);
	files = report.files;
	verify_report_free(&report);
	return files;
}

static void
test_ranges(void **state)
{
	const struct directory *directory = *state;
	struct scope_wanted scope = {.to = LSN_MAX};
	struct wal_builder b;

	build(&b, directory);
	scope.from = 6 * SIZE;
	assert_int_equal(files_in(directory, &scope), 3);
	scope.from = 6 * SIZE - 1;
	assert_int_equal(files_in(directory, &scope), 4);
	scope.to = 7 * SIZE;
	assert_int_equal(files_in(directory, &scope), 2);
	scope.to = 7 * SIZE + 1;
	assert_int_equal(files_in(directory, &scope), 3);

	/* What is missing elsewhere does not count. */
	drop(directory, "000000010000000000000006");
	scope = (struct scope_wanted){.from = 7 * SIZE, .to = LSN_MAX};
	assert_int_equal(files_in(directory, &scope), 2);
	scope = (struct scope_wanted){.to = 6 * SIZE};
	assert_int_equal(files_in(directory, &scope), 1);
	wal_builder_free(&b);
}

static void
test_days(void **state)
{
	const struct directory *directory = *state;
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct scope_wanted scope = {.to = LSN_MAX, .modified = 2000};
	struct wal_builder b;

	build(&b, directory);
	assert_int_equal(files_in(directory, &scope), 4);
	assert_int_equal(
		utimensat(directory->fd, "000000010000000000000005", old, 0),
		0);
	assert_int_equal(
		utimensat(directory->fd, "000000010000000000000006", old, 0),
		0);
	assert_int_equal(utimensat(directory->fd,
				 "000000010000000000000008.partial", old, 0),
		0);
	assert_int_equal(files_in(directory, &scope), 3);
	wal_builder_free(&b);
}

static void
test_nothing_to_verify(void **state)
{
	const struct directory *directory = *state;
	struct verify_config config = config_of(directory);
	struct verify_report report;
	struct wal_builder b;
	struct error error;

	assert_false(try_to_verify(&config, &report, &error));
	assert_int_equal(error.code, ERR_NOT_FOUND);
	build(&b, directory);
	config.scope.from = 100 * SIZE;
	assert_false(try_to_verify(&config, &report, &error));
	assert_int_equal(error.code, ERR_NOT_FOUND);
	config = config_of(directory);
	config.scope.timeline = 9;
	assert_false(try_to_verify(&config, &report, &error));
	assert_int_equal(error.code, ERR_NOT_FOUND);
	config.directory = "/nonexistent";
	assert_false(try_to_verify(&config, &report, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	wal_builder_free(&b);
}

/* A signal that has come already: nothing is proved. */
static void
test_stop(void **state)
{
	const struct directory *directory = *state;
	const struct verify_config config = config_of(directory);
	FILE *stream = fopen("/dev/null", "w");
	struct verify_report report;
	struct wal_builder b;
	struct error error;
	struct stop stop;
	struct log log;
	int fds[2];

	assert_non_null(stream);
	build(&b, directory);
	drop(directory, "000000010000000000000006");
	for (uint64_t i = 0; i < 400; i++) {
		char file[ARCHIVE_NAME_MAX];

		segment_file(file, 1, 100 + i, CODEC_NONE, NAME_SEGMENT);
		assert_int_equal(
			linkat(directory->fd, "000000010000000000000005",
				directory->fd, file, 0),
			0);
	}
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "", 1), 1);
	stop = (struct stop){.fd = fds[0], .write_fd = fds[1]};
	log_init(&log, stream, "test");
	assert_true(verify_run(&report, &config, &stop, &log, &error));
	assert_false(report.finished);
	assert_true(report.segments < report.files);
	verify_report_free(&report);
	(void)fclose(stream);
	(void)close(fds[0]);
	(void)close(fds[1]);
	wal_builder_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_counts),
		directory_test(test_many_faults),
		directory_test(test_missing_segment),
		directory_test(test_accept_needs_the_lock),
		directory_test(test_left_open),
		directory_test(test_left_open_with_zeros),
		directory_test(test_histories),
		directory_test(test_twice),
		directory_test(test_odd_name),
		directory_test(test_ranges),
		directory_test(test_days),
		directory_test(test_nothing_to_verify),
		directory_test(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
