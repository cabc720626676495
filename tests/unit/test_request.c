/*
 * What is asked for, and where it goes.
 */
#include "restore/request.h"

#include "archive_files.h"

#include <errno.h>

#define SEGMENT "0000000A00000001000000FF"

static void
path_in(const struct directory *directory, const char *rest, char path[512])
{
	(void)snprintf(path, 512, "%s/%s", directory->path, rest);
}

static void
names_are_told_apart(void **state)
{
	static const struct {
		const char *name;
		enum restore_kind kind;
		uint32_t timeline;
	} names[] = {
		{SEGMENT, RESTORE_SEGMENT, 10},
		{"00000001000000000000000B", RESTORE_SEGMENT, 1},
		{"000000010000000000000FFF", RESTORE_SEGMENT, 1},
		{"00000002.history", RESTORE_HISTORY, 2},
		{SEGMENT ".00000028.backup", RESTORE_BACKUP, 10},
	};
	char path[512];
	struct error error;

	path_in(*state, "RECOVERYXLOG", path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct restore_request request;

		assert_true(restore_request_open(
			&request, names[i].name, path, &error));
		assert_int_equal(request.kind, names[i].kind);
		assert_int_equal(request.timeline, names[i].timeline);
		assert_string_equal(request.target, "RECOVERYXLOG");
		assert_string_equal(request.temporary, ".RECOVERYXLOG.tmp");
		assert_int_equal(request.system_identifier, 0);
		restore_request_close(&request);
	}
}

static void
other_names_are_refused(void **state)
{
	static const char *const names[] = {"", "x", "..", "/etc/passwd",
		SEGMENT ".gz", SEGMENT ".partial", SEGMENT "0", SEGMENT ".",
		SEGMENT ".00000028", SEGMENT ".0000028.backup",
		SEGMENT ".00000028.backup.gz", SEGMENT ".0000002g.backup",
		("../" SEGMENT), "0000000a0000000100000001",
		"000000000000000100000001", "000000010000000000001000",
		"00000000.history", "00000002.history.gz", "2.history"};
	char path[512];
	struct restore_request request;
	struct error error;

	path_in(*state, "RECOVERYXLOG", path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_false(
			restore_request_open(&request, names[i], path, &error));
		assert_int_equal(error.code, ERR_USAGE);
	}
}

static void
other_paths_are_refused(void **state)
{
	static const char *const ends[] = {"", ".", "..",
		"0123456789abcdef0123456789abcdef0123456789abcdef01234567890"};
	char path[512];
	struct restore_request request;
	struct error error;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		path_in(*state, ends[i], path);
		assert_false(
			restore_request_open(&request, SEGMENT, path, &error));
		assert_int_equal(error.code, ERR_USAGE);
	}
	assert_false(restore_request_open(&request, SEGMENT, "", &error));
	assert_int_equal(error.code, ERR_USAGE);
	path_in(*state, "missing/RECOVERYXLOG", path);
	assert_false(restore_request_open(&request, SEGMENT, path, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
}

/* A data directory in the temporary one, taken away again by clear(). */
static void
make_data_directory(
	const struct directory *directory, const char *control, size_t len)
{
	assert_int_equal(mkdirat(directory->fd, "pg_wal", S_IRWXU), 0);
	assert_int_equal(mkdirat(directory->fd, "global", S_IRWXU), 0);
	if (control != NULL)
		file_store(directory, "global/pg_control", control, len);
}

static void
clear(const struct directory *directory)
{
	(void)unlinkat(directory->fd, "global/pg_control", 0);
	assert_int_equal(unlinkat(directory->fd, "global", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(directory->fd, "pg_wal", AT_REMOVEDIR), 0);
}

static void
the_cluster_is_told_by_pg_control(void **state)
{
	static const char *const paths[] = {
		"pg_wal/RECOVERYXLOG", "pg_wal//RECOVERYXLOG", "./pg_wal/x"};
	const char control[] = "\x01\x02\x03\x04\x05\x06\x07\x08 and more";
	struct restore_request request;
	struct error error;
	char path[512];
	int before = open(".", O_RDONLY | O_DIRECTORY);
	const struct directory *directory = *state;

	make_data_directory(directory, control, sizeof(control));
	assert_int_equal(fchdir(directory->fd), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_true(restore_request_open(
			&request, SEGMENT, paths[i], &error));
		assert_true(request.system_identifier ==
			UINT64_C(0x0807060504030201));
		restore_request_close(&request);
	}
	path_in(directory, "pg_wal/RECOVERYXLOG", path);
	assert_true(restore_request_open(&request, SEGMENT, path, &error));
	assert_true(request.system_identifier == UINT64_C(0x0807060504030201));
	restore_request_close(&request);
	path_in(directory, "global/file", path);
	assert_true(restore_request_open(&request, SEGMENT, path, &error));
	assert_int_equal(request.system_identifier, 0);
	restore_request_close(&request);
	assert_int_equal(fchdir(before), 0);
	assert_int_equal(close(before), 0);
	clear(directory);
}

static void
a_short_pg_control_is_a_fault(void **state)
{
	struct restore_request request;
	struct error error;
	char path[512];

	make_data_directory(*state, "1234567", 7);
	path_in(*state, "pg_wal/RECOVERYXLOG", path);
	assert_false(restore_request_open(&request, SEGMENT, path, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	clear(*state);
	make_data_directory(*state, NULL, 0);
	assert_true(restore_request_open(&request, SEGMENT, path, &error));
	assert_int_equal(request.system_identifier, 0);
	restore_request_close(&request);
	clear(*state);
}

static void
the_group_reads_what_its_folder_allows(void **state)
{
	const struct directory *directory = *state;
	struct restore_request request;
	struct error error;
	char path[512];

	path_in(directory, "file", path);
	assert_true(restore_request_open(&request, SEGMENT, path, &error));
	assert_int_equal(request.directory.file_mode, 0600);
	restore_request_close(&request);
	assert_int_equal(fchmod(directory->fd, 0750), 0);
	assert_true(restore_request_open(&request, SEGMENT, path, &error));
	assert_int_equal(request.directory.file_mode, 0640);
	restore_request_close(&request);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(names_are_told_apart),
		directory_test(other_names_are_refused),
		directory_test(other_paths_are_refused),
		directory_test(the_cluster_is_told_by_pg_control),
		directory_test(a_short_pg_control_is_a_fault),
		directory_test(the_group_reads_what_its_folder_allows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
