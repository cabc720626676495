#include "archive/catalog.h"

#include "archive_files.h"

#define SEGMENT_SIZE (UINT32_C(16) << 20)

static void
make(const struct directory *directory, const char *name)
{
	file_store(directory, name, "", 0);
}

static struct catalog
scan(const struct directory *directory, uint32_t segment_size)
{
	struct catalog catalog;
	struct error error;

	assert_true(catalog_scan(&catalog, directory, segment_size, &error));
	return catalog;
}

static const struct archive_name *
find_partial(const struct catalog *catalog, uint32_t timeline, enum codec codec)
{
	for (size_t i = 0; i < catalog->partial_count; i++)
		if (catalog->partials[i].timeline == timeline &&
			catalog->partials[i].codec == codec)
			return &catalog->partials[i];
	return NULL;
}

static bool
has_temporary(const struct catalog *catalog, const char *name)
{
	for (size_t i = 0; i < catalog->temporary_count; i++)
		if (strcmp(catalog->temporaries[i], name) == 0)
			return true;
	return false;
}

static void
test_empty(void **state)
{
	struct catalog catalog = scan(*state, SEGMENT_SIZE);

	assert_int_equal(catalog.timeline_count, 0);
	assert_int_equal(catalog.partial_count, 0);
	assert_int_equal(catalog.temporary_count, 0);
	assert_string_equal(catalog.foreign, "");
	assert_null(catalog_find(&catalog, 1));
	catalog_free(&catalog);
	catalog_free(&catalog);
}

static void
test_newest_of_each_timeline(void **state)
{
	static const char *const names[] = {"000000010000000000000003.gz",
		"000000010000000100000001.lz4", "0000000100000000000000FF",
		"000000010000000100000000", "000000020000000000000009",
		"000000020000000000000010.gz", "00000003.history",
		"000000040000000000000001.partial"};
	const struct catalog_timeline *row;
	struct catalog catalog;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		make(*state, names[i]);
	catalog = scan(*state, SEGMENT_SIZE);
	assert_int_equal(catalog.timeline_count, 3);

	row = catalog_find(&catalog, 1);
	assert_non_null(row);
	assert_true(row->has_complete);
	assert_false(row->has_history);
	assert_int_equal(row->timeline, 1);
	assert_int_equal(row->newest.kind, NAME_SEGMENT);
	assert_int_equal(row->newest.timeline, 1);
	assert_int_equal(row->newest.number, 0x101);
	assert_int_equal(row->newest.codec, CODEC_LZ4);

	row = catalog_find(&catalog, 2);
	assert_non_null(row);
	assert_int_equal(row->newest.number, 0x10);
	assert_int_equal(row->newest.codec, CODEC_GZIP);

	row = catalog_find(&catalog, 3);
	assert_non_null(row);
	assert_true(row->has_history);
	assert_false(row->has_complete);
	assert_null(catalog_find(&catalog, 4));
	catalog_free(&catalog);
}

static void
test_history_beside_segments(void **state)
{
	const struct catalog_timeline *row;
	struct catalog catalog;

	make(*state, "00000002.history");
	make(*state, "000000020000000000000010");
	catalog = scan(*state, SEGMENT_SIZE);
	assert_int_equal(catalog.timeline_count, 1);
	row = catalog_find(&catalog, 2);
	assert_non_null(row);
	assert_true(row->has_history && row->has_complete);
	catalog_free(&catalog);
}

static void
test_partials(void **state)
{
	const struct archive_name *partial;
	struct catalog catalog;

	make(*state, "000000010000000000000003.partial");
	make(*state, "000000010000000000000003.gz.partial");
	make(*state, "000000020000000000000004.zst.partial");
	catalog = scan(*state, SEGMENT_SIZE);
	assert_int_equal(catalog.timeline_count, 0);
	assert_int_equal(catalog.partial_count, 3);
	partial = find_partial(&catalog, 1, CODEC_NONE);
	assert_non_null(partial);
	assert_int_equal(partial->kind, NAME_PARTIAL);
	assert_int_equal(partial->number, 3);
	partial = find_partial(&catalog, 1, CODEC_GZIP);
	assert_non_null(partial);
	assert_int_equal(partial->number, 3);
	partial = find_partial(&catalog, 2, CODEC_ZSTD);
	assert_non_null(partial);
	assert_int_equal(partial->number, 4);
	catalog_free(&catalog);
}

/* What is not ours stays out, and stays. */
static void
test_other_names(void **state)
{
	static const char *const names[] = {".walfetch.lock", "backup_label",
		".000000010000000000000003.bad",
		"000000010000000000000003.00000028.backup",
		"000000010000000000000003.bz2", "00000001000000000000000",
		"00000001000000000000000a", "0000000100000000000010001",
		"000000010000000000000003.a-suffix-that-makes-it-longer-than-"
		"any-name-of-an-archive",
		".000000010000000000000003.bz2.tmp", ".x.tmp",
		"000000010000000000000003.tmp"};
	struct catalog catalog;
	struct error error;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		make(*state, names[i]);
	catalog = scan(*state, SEGMENT_SIZE);
	assert_int_equal(catalog.timeline_count, 0);
	assert_int_equal(catalog.partial_count, 0);
	assert_int_equal(catalog.temporary_count, 0);
	assert_string_equal(catalog.foreign, "");
	assert_true(catalog_sweep(&catalog, *state, &error));
	assert_int_equal(temporary_directory_count(*state),
		sizeof(names) / sizeof(names[0]));
	catalog_free(&catalog);
}

static void
test_sweep(void **state)
{
	static const char *const names[] = {
		".000000010000000000000003.tmp",
		".000000010000000000000003.gz.partial.tmp",
		".00000002.history.tmp",
		"..walfetch.status.tmp",
	};
	struct catalog catalog;
	struct error error;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		make(*state, names[i]);
	make(*state, "000000010000000000000003.partial");
	make(*state, "000000010000000000000002");
	catalog = scan(*state, SEGMENT_SIZE);
	assert_int_equal(catalog.temporary_count, 4);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(has_temporary(&catalog, names[i]));
	assert_true(catalog_sweep(&catalog, *state, &error));
	assert_names(*state,
		"000000010000000000000002 000000010000000000000003.partial");
	assert_true(catalog_sweep(&catalog, *state, &error));
	catalog_free(&catalog);
}

static void
test_sweep_that_fails(void **state)
{
	const struct directory *directory = *state;
	struct catalog catalog;
	struct error error;

	assert_int_equal(
		mkdirat(directory->fd, ".00000002.history.tmp", 0700), 0);
	catalog = scan(directory, SEGMENT_SIZE);
	assert_int_equal(catalog.temporary_count, 1);
	assert_false(catalog_sweep(&catalog, directory, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	catalog_free(&catalog);
}

/* 4096 segments of 1 MiB, but 256 of 16 MiB, are 4 GiB. */
static void
test_another_segment_size(void **state)
{
	struct catalog catalog;

	make(*state, "000000010000000000000100.gz");
	catalog = scan(*state, SEGMENT_SIZE);
	assert_string_equal(catalog.foreign, "000000010000000000000100.gz");
	assert_int_equal(catalog.timeline_count, 0);
	catalog_free(&catalog);

	catalog = scan(*state, UINT32_C(1) << 20);
	assert_string_equal(catalog.foreign, "");
	assert_int_equal(catalog.timeline_count, 1);
	assert_int_equal(catalog.timelines[0].newest.number, 0x100);
	catalog_free(&catalog);
}

static void
test_many_of_each_kind(void **state)
{
	struct catalog catalog;

	for (uint32_t i = 1; i <= 300; i++) {
		char name[ARCHIVE_NAME_MAX];

		(void)snprintf(name, sizeof(name), "%08X0000000000000003", i);
		make(*state, name);
		(void)snprintf(
			name, sizeof(name), "%08X0000000000000004.partial", i);
		make(*state, name);
		(void)snprintf(name, sizeof(name), ".%08X.history.tmp", i);
		make(*state, name);
	}
	catalog = scan(*state, SEGMENT_SIZE);
	assert_int_equal(catalog.timeline_count, 300);
	assert_int_equal(catalog.partial_count, 300);
	assert_int_equal(catalog.temporary_count, 300);
	for (uint32_t i = 1; i <= 300; i++) {
		char name[ARCHIVE_NAME_MAX];

		(void)snprintf(name, sizeof(name), ".%08X.history.tmp", i);
		assert_non_null(catalog_find(&catalog, i));
		assert_non_null(find_partial(&catalog, i, CODEC_NONE));
		assert_true(has_temporary(&catalog, name));
	}
	catalog_free(&catalog);
}

/* The directory's own descriptor is not read to its end. */
static void
test_scan_twice(void **state)
{
	make(*state, "000000010000000000000003");
	for (int i = 0; i < 2; i++) {
		struct catalog catalog = scan(*state, SEGMENT_SIZE);

		assert_int_equal(catalog.timeline_count, 1);
		catalog_free(&catalog);
	}
}

static void
test_failure_leaves_the_result(void **state)
{
	char path[] = "nowhere";
	const struct directory closed = {.fd = -1, .path = path};
	struct catalog catalog = {.partial_count = 42};
	struct error error;

	(void)state;
	assert_false(catalog_scan(&catalog, &closed, SEGMENT_SIZE, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_non_null(strstr(error.message, "\"nowhere\""));
	assert_int_equal(catalog.partial_count, 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_empty),
		directory_test(test_newest_of_each_timeline),
		directory_test(test_history_beside_segments),
		directory_test(test_partials),
		directory_test(test_other_names),
		directory_test(test_sweep),
		directory_test(test_sweep_that_fails),
		directory_test(test_another_segment_size),
		directory_test(test_many_of_each_kind),
		directory_test(test_scan_twice),
		cmocka_unit_test(test_failure_leaves_the_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
