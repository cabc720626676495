#include "archive/backup_start.h"

#include "archive_files.h"

#include <archive.h>
#include <archive_entry.h>

#define LABEL_OF(segment, timeline)                                      \
	"START WAL LOCATION: 0/" segment "000028 (file 0000000" timeline \
	"00000000000000" segment ")\nLABEL: x\nSTART TIMELINE: " timeline "\n"
#define MANIFEST_OF(system, segment)                                           \
	"{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n" system                \
	"\"Files\": [\n],\n\"WAL-Ranges\": [\n{ \"Timeline\": 1, "             \
	"\"Start-LSN\": \"0/" segment "000028\", \"End-LSN\": \"0/FF000100\" " \
	"}\n],\n\"Manifest-Checksum\": \"1\"}\n"
#define SYSTEM(digits) "\"System-Identifier\": " digits ",\n"

static const char label[] = LABEL_OF("05", "1");
static const char manifest[] = MANIFEST_OF("", "05");

static void
store(const struct directory *directory, const char *name, const char *text)
{
	file_store(directory, name, text, strlen(text));
}

static bool
read_name(const struct directory *directory, const char *name,
	struct backup_start *start, struct error *error)
{
	char path[512];

	error_clear(error);
	(void)snprintf(path, sizeof(path), "%s/%s", directory->path, name);
	return backup_start_read(start, path, error);
}

/* The name may be "": the directory itself. */
static void
assert_start(const struct directory *directory, const char *name, lsn at)
{
	struct backup_start start;
	struct error error;

	if (!read_name(directory, name, &start, &error))
		fail_msg("%s: %s", name, error.message);
	assert_int_equal(start.timeline, 1);
	assert_int_equal(start.at, at);
}

static void
assert_refused(const struct directory *directory, const char *name,
	enum error_code code)
{
	struct backup_start start = {.timeline = 99};
	struct error error;

	if (read_name(directory, name, &start, &error))
		fail_msg("%s was taken", name);
	if (error.code != code)
		fail_msg("%s: %d, %s", name, error.code, error.message);
	if (strstr(error.message, directory->path) == NULL)
		fail_msg("%s: %s", name, error.message);
	assert_int_equal(start.timeline, 99);
}

/* A tar file of two rows, path and text each; path NULL: left out. */
static void
store_tar(const struct directory *directory, const char *name, int filter,
	const char *const rows[4])
{
	struct archive *archive = archive_write_new();
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", directory->path, name);
	assert_int_equal(archive_write_add_filter(archive, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_set_format_ustar(archive), ARCHIVE_OK);
	assert_int_equal(
		archive_write_open_filename(archive, path), ARCHIVE_OK);
	for (size_t i = 0; i < 4; i += 2) {
		struct archive_entry *entry = archive_entry_new();
		size_t len;

		if (rows[i] == NULL) {
			archive_entry_free(entry);
			continue;
		}
		len = strlen(rows[i + 1]);
		archive_entry_set_pathname(entry, rows[i]);
		archive_entry_set_size(entry, (la_int64_t)len);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0600);
		assert_int_equal(
			archive_write_header(archive, entry), ARCHIVE_OK);
		assert_int_equal(
			archive_write_data(archive, rows[i + 1], len), len);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

static void
test_files(void **state)
{
	store(*state, "backup_label", label);
	store(*state, "whatever", label);
	store(*state, "000000010000000000000005.00000028.backup", label);
	store(*state, "backup_manifest", manifest);
	assert_start(*state, "backup_label", 0x5000028);
	assert_start(*state, "whatever", 0x5000028);
	assert_start(
		*state, "000000010000000000000005.00000028.backup", 0x5000028);
	assert_start(*state, "backup_manifest", 0x5000028);
	assert_start(*state, "", 0x5000028);
}

static void
test_compressed_files(void **state)
{
	static const enum codec codecs[] = {CODEC_GZIP, CODEC_LZ4, CODEC_ZSTD};

	for (size_t i = 0; i < 3; i++) {
		if (!codec_available(codecs[i]))
			continue;
		file_encode(*state, "label", codecs[i], label, strlen(label));
		assert_start(*state, "label", 0x5000028);
		file_encode(*state, "manifest", codecs[i], manifest,
			strlen(manifest));
		assert_start(*state, "manifest", 0x5000028);
	}
}

static void
test_tar_files(void **state)
{
	static const char *const rows[4] = {
		"backup_label", label, "PG_VERSION", "15\n"};
	static const char *const within[4] = {
		"PG_VERSION", "15\n", "./backup_manifest", manifest};
	static const int filters[] = {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP,
		ARCHIVE_FILTER_LZ4, ARCHIVE_FILTER_ZSTD};

	for (size_t i = 0; i < 4; i++) {
		store_tar(*state, "base.tar", filters[i], rows);
		assert_start(*state, "base.tar", 0x5000028);
		assert_start(*state, "", 0x5000028);
		store_tar(*state, "base.tar", filters[i], within);
		assert_start(*state, "base.tar", 0x5000028);
	}
}

/* What is in a folder may be there several times. */
static void
test_folders_in_a_tar_file(void **state)
{
	static const char *const same[4] = {
		"data/backup_label", label, "data/backup_manifest", manifest};
	static const char *const differ[4] = {"monday/backup_label", label,
		"tuesday/backup_label", LABEL_OF("06", "1")};

	store_tar(*state, "a.tar", ARCHIVE_FILTER_GZIP, same);
	assert_start(*state, "a.tar", 0x5000028);
	store_tar(*state, "b.tar", ARCHIVE_FILTER_GZIP, differ);
	assert_refused(*state, "b.tar", ERR_DAMAGED);
}

/* The label at the top comes first: the rest, here cut off, is not read. */
static void
test_a_large_tar_file(void **state)
{
	static const char *const rows[4] = {
		"backup_label", label, "PG_VERSION", "15\n"};

	store_tar(*state, "base.tar", ARCHIVE_FILTER_NONE, rows);
	file_cut(*state, "base.tar", 1024);
	assert_start(*state, "base.tar", 0x5000028);
	file_cut(*state, "base.tar", 600);
	assert_refused(*state, "base.tar", ERR_DAMAGED);
}

static void
test_nothing_there(void **state)
{
	static const char *const rows[4] = {
		"PG_VERSION", "15\n", "old/backup_label.old", label};

	assert_refused(*state, "", ERR_NOT_FOUND);
	assert_refused(*state, "missing", ERR_NOT_FOUND);
	store(*state, "PG_VERSION", "15\n");
	assert_refused(*state, "", ERR_NOT_FOUND);
	assert_refused(*state, "PG_VERSION/missing", ERR_NOT_FOUND);
	store_tar(*state, "base.tar", ARCHIVE_FILTER_GZIP, rows);
	assert_refused(*state, "base.tar", ERR_NOT_FOUND);
	assert_refused(*state, "", ERR_NOT_FOUND);
}

/* Tar files of tablespaces and of WAL are passed over. */
static void
test_names_in_a_directory(void **state)
{
	store(*state, "backup_manifest", manifest);
	store(*state, "16384.tar.gz", "not one");
	store(*state, "pg_wal.tar.gz", "not one");
	store(*state, "database.backup", "not one");
	assert_start(*state, "", 0x5000028);
	store(*state, "other.tar.gz", "not one");
	assert_refused(*state, "", ERR_DAMAGED);
}

static void
test_sources_that_disagree(void **state)
{
	store(*state, "backup_manifest", manifest);
	store(*state, "backup_label", LABEL_OF("06", "1"));
	assert_refused(*state, "", ERR_DAMAGED);
	store(*state, "backup_label", LABEL_OF("05", "2"));
	assert_refused(*state, "", ERR_DAMAGED);
	store(*state, "backup_label", label);
	assert_start(*state, "", 0x5000028);
}

static void
test_system_identifiers(void **state)
{
	static const char *const rows[4] = {"x/backup_manifest",
		MANIFEST_OF(SYSTEM("7434233512381919234"), "05")};
	struct backup_start start;
	struct error error;

	store(*state, "backup_label", label);
	store_tar(*state, "base.tar", ARCHIVE_FILTER_NONE, rows);
	assert_true(read_name(*state, "", &start, &error));
	assert_true(start.system_identifier == UINT64_C(7434233512381919234));
	store(*state, "backup_manifest", MANIFEST_OF(SYSTEM("77"), "05"));
	assert_refused(*state, "", ERR_DAMAGED);
}

static void
test_garbage(void **state)
{
	const struct directory *directory = *state;
	char large[70000];

	store(*state, "empty", "");
	assert_refused(*state, "empty", ERR_DAMAGED);
	store(*state, "text", "START WAL");
	assert_refused(*state, "text", ERR_DAMAGED);
	store(*state, "json", "{");
	assert_refused(*state, "json", ERR_DAMAGED);
	store(*state, "gzip", "\x1f\x8b\x08 and no more");
	assert_refused(*state, "gzip", ERR_DAMAGED);
	memset(large, '\n', sizeof(large));
	memcpy(large, label, strlen(label));
	file_store(*state, "large", large, sizeof(large));
	assert_refused(*state, "large", ERR_DAMAGED);
	assert_int_equal(mkfifoat(directory->fd, "fifo", 0600), 0);
	assert_refused(*state, "fifo", ERR_DAMAGED);
}

/*
 * One bit of a compressed file may change a position and the name beside it
 * alike; the manifest beside the tar file still tells.
 */
static void
test_changed_bits(void **state)
{
	static const char *const rows[4] = {"backup_label", label};
	struct backup_start start;
	struct error error;
	unsigned char *bytes;
	unsigned refused = 0;
	size_t len;

	store(*state, "backup_manifest", manifest);
	store_tar(*state, "base.tar.gz", ARCHIVE_FILTER_GZIP, rows);
	bytes = file_load(*state, "base.tar.gz", &len);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		file_store(*state, "base.tar.gz", bytes, len);
		if (read_name(*state, "", &start, &error)) {
			assert_int_equal(start.timeline, 1);
			assert_int_equal(start.at, 0x5000028);
		} else {
			refused++;
		}
		bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	assert_true(refused > 0);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_files),
		directory_test(test_compressed_files),
		directory_test(test_tar_files),
		directory_test(test_folders_in_a_tar_file),
		directory_test(test_a_large_tar_file),
		directory_test(test_nothing_there),
		directory_test(test_names_in_a_directory),
		directory_test(test_sources_that_disagree),
		directory_test(test_system_identifiers),
		directory_test(test_garbage),
		directory_test(test_changed_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
