#include "archive/inventory.h"

#include "archive_files.h"
#include "wal_builder.h"

#define SIZE WAL_BUILDER_SEGMENT

/* Store the head of a segment that this cluster could have written. */
static void
store_sized(const struct directory *directory, const char *name,
	enum codec codec, uint64_t system_identifier, uint32_t segment_size)
{
	unsigned char page[WAL_PAGE_SIZE] = {0};

	wal_put_le(page, WAL_BUILDER_MAGIC, 2);
	wal_put_le(page + 2, 2, 2);
	wal_put_le(page + 24, system_identifier, 8);
	wal_put_le(page + 32, segment_size, 4);
	wal_put_le(page + 36, WAL_PAGE_SIZE, 4);
	file_encode(directory, name, codec, page, sizeof(page));
}

static void
store_segment(const struct directory *directory, const char *name,
	enum codec codec, uint64_t system_identifier)
{
	store_sized(directory, name, codec, system_identifier, SIZE);
}

static void
store_ours(const struct directory *directory, const char *name)
{
	store_segment(directory, name, CODEC_NONE, WAL_BUILDER_SYSTEM);
}

static void
store_text(const struct directory *directory, const char *name,
	const char *content)
{
	file_store(directory, name, content, strlen(content));
}

static void
test_order(void **state)
{
	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;

	store_ours(directory, "000000010000000000000FFF");
	store_ours(directory, "000000010000000100000001.partial");
	store_segment(directory, "000000010000000100000000.gz", CODEC_GZIP,
		WAL_BUILDER_SYSTEM);
	store_ours(directory, "000000020000000100000001");
	store_text(directory, "00000002.history", "1\t1/123456\tno reason\n");
	store_text(directory, "note", "not ours");

	assert_true(inventory_read(&inventory, directory, &error));
	assert_true(inventory.identity.system_identifier == WAL_BUILDER_SYSTEM);
	assert_int_equal(inventory.identity.segment_size, SIZE);
	assert_int_equal(inventory.file_count, 4);
	assert_int_equal(inventory.files[0].name.number, 0xFFF);
	assert_int_equal(inventory.files[1].name.number, 0x1000);
	assert_int_equal(inventory.files[1].name.codec, CODEC_GZIP);
	assert_int_equal(inventory.files[2].name.kind, NAME_PARTIAL);
	assert_int_equal(inventory.files[3].name.timeline, 2);
	assert_int_equal(inventory.odd_count, 0);

	assert_int_equal(inventory.timeline_count, 2);
	assert_int_equal(inventory.timelines[0].count, 3);
	assert_int_equal(inventory.timelines[1].first, 3);
	assert_null(inventory_parent(&inventory.timelines[0]));
	assert_true(inventory_parent(&inventory.timelines[1])->end ==
		UINT64_C(0x100123456));
	assert_int_equal(inventory_newest(&inventory, &inventory.timelines[0])
				 ->name.number,
		0x1000);
	assert_null(inventory_find(&inventory, 3));
	inventory_free(&inventory);
}

static void
test_empty(void **state)
{
	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;

	store_text(directory, "000000010000000000000001.partial", "");
	assert_true(inventory_read(&inventory, directory, &error));
	assert_int_equal(inventory.file_count, 0);
	assert_int_equal(inventory.identity.segment_size, 0);
	inventory_free(&inventory);
}

/* Most segments decide, whichever is the newest. */
static void
test_stranger(void **state)
{
	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;

	store_ours(directory, "000000010000000000000001");
	store_ours(directory, "000000010000000000000002");
	store_segment(directory, "000000010000000000000003", CODEC_NONE, 42);
	assert_true(inventory_read(&inventory, directory, &error));
	assert_true(inventory.identity.system_identifier == WAL_BUILDER_SYSTEM);
	assert_int_equal(inventory.file_count, 3);
	inventory_free(&inventory);
}

/* Segments of 1 MiB have numbers up to FFF, those of 16 MiB up to FF. */
static void
test_odd_names(void **state)
{
	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;

	store_ours(directory, "000000010000000000000001");
	store_text(directory, "000000010000000000001000", "x");
	store_text(directory, "00000001000000000000ffff", "x");
	store_text(directory, "000000010000000000001000.00000028.backup", "x");
	assert_true(inventory_read(&inventory, directory, &error));
	assert_int_equal(inventory.odd_count, 1);
	assert_string_equal(inventory.odd[0], "000000010000000000001000");
	assert_int_equal(inventory.file_count, 1);
	inventory_free(&inventory);

	/* In whatever form. */
	store_text(directory, "000000010000000000001001.gz", "x");
	store_text(directory, "000000000000000000000001.zst.partial", "x");
	assert_true(inventory_read(&inventory, directory, &error));
	assert_int_equal(inventory.odd_count, 3);
	inventory_free(&inventory);
}

static void
test_nobody_tells(void **state)
{
	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;

	store_text(directory, "000000010000000000000001", "x");
	assert_false(inventory_read(&inventory, directory, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
}

/* That none can be read does not mean that there is no WAL. */
static void
test_nobody_can_be_read(void **state)
{
	static const char name[] = "000000010000000000000001.partial";
	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;

	assert_int_equal(symlinkat("elsewhere", directory->fd, name), 0);
	assert_false(inventory_read(&inventory, directory, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_non_null(strstr(error.message, name));
}

/* A history that cannot be read is a fault of its timeline alone. */
static void
test_history_fault(void **state)
{
	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;

	store_ours(directory, "000000010000000000000001");
	store_ours(directory, "000000020000000000000002");
	store_text(directory, "00000002.history", "nonsense\n");
	assert_true(inventory_read(&inventory, directory, &error));
	assert_int_equal(inventory.timelines[0].history_fault.code, ERR_NONE);
	assert_int_equal(
		inventory.timelines[1].history_fault.code, ERR_PROTOCOL);
	assert_true(inventory.timelines[1].has_history);
	assert_null(inventory_parent(&inventory.timelines[1]));
	inventory_free(&inventory);
}

/* More files than a thread measures at a stretch; one vanishes. */
static void
test_measure(void **state)
{
	enum {
		FILES = 5000,
		GONE = 4500
	};

	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;
	char name[SEGMENT_NAME_LEN + 1];

	for (unsigned i = 0; i < FILES; i++) {
		segment_name_format(name, 1, i, SIZE);
		store_text(directory, name, "");
	}
	segment_name_format(name, 1, 0, SIZE);
	store_ours(directory, name);
	assert_true(inventory_read(&inventory, directory, &error));
	assert_int_equal(inventory.file_count, FILES);
	segment_name_format(name, 1, GONE, SIZE);
	assert_int_equal(unlinkat(directory->fd, name, 0), 0);

	assert_true(inventory_measure(&inventory, directory, &error));
	assert_int_equal(inventory.file_count, FILES - 1);
	assert_int_equal(inventory.timelines[0].count, FILES - 1);
	assert_int_equal(inventory.files[0].stored, WAL_PAGE_SIZE);
	assert_int_equal(inventory.files[1].stored, 0);
	assert_true(inventory.files[FILES - 2].modified > 0);
	assert_int_equal(inventory.files[GONE].name.number, GONE + 1);
	inventory_free(&inventory);
}

/* A receiver completes a segment between the two readings. */
static void
test_measure_a_new_name(void **state)
{
	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;

	store_ours(directory, "000000010000000000000001.partial");
	store_ours(directory, "000000010000000000000002.partial");
	store_text(directory, "000000010000000000000002.gz.partial", "");
	assert_true(inventory_read(&inventory, directory, &error));
	assert_int_equal(inventory.file_count, 3);
	assert_int_equal(
		renameat(directory->fd, "000000010000000000000001.partial",
			directory->fd, "000000010000000000000001"),
		0);
	store_ours(directory, "000000010000000000000002.lz4");
	assert_int_equal(
		unlinkat(directory->fd, "000000010000000000000002.partial", 0),
		0);
	assert_int_equal(unlinkat(directory->fd,
				 "000000010000000000000002.gz.partial", 0),
		0);
	assert_true(inventory_measure(&inventory, directory, &error));
	assert_int_equal(inventory.file_count, 2);
	assert_int_equal(inventory.files[0].name.kind, NAME_SEGMENT);
	assert_int_equal(inventory.files[0].stored, WAL_PAGE_SIZE);
	assert_int_equal(inventory.files[1].name.kind, NAME_SEGMENT);
	assert_int_equal(inventory.files[1].name.codec, CODEC_LZ4);
	inventory_free(&inventory);
}

/* Names are read as of the smallest segments, and judged as what they are. */
static void
test_odd_names_of_larger_segments(void **state)
{
	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;

	store_sized(directory, "0000000100000001000000FF", CODEC_NONE,
		WAL_BUILDER_SYSTEM, 16 * SIZE);
	store_text(directory, "000000010000000000000100", "x");
	store_text(directory, "000000010000000200000FFF.gz", "x");
	assert_true(inventory_read(&inventory, directory, &error));
	assert_int_equal(inventory.identity.segment_size, 16 * SIZE);
	assert_int_equal(inventory.file_count, 1);
	assert_int_equal(inventory.files[0].name.number, 0x1FF);
	assert_int_equal(inventory.odd_count, 2);
	assert_string_equal(inventory.odd[0], "000000010000000000000100");
	assert_string_equal(inventory.odd[1], "000000010000000200000FFF.gz");
	inventory_free(&inventory);
}

/* A page header with a segment size that no server has is no witness. */
static void
test_nonsense_is_no_witness(void **state)
{
	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;

	store_sized(directory, "000000010000000000000001", CODEC_NONE, 77,
		3 * SIZE);
	store_ours(directory, "000000010000000000000002");
	assert_true(inventory_read(&inventory, directory, &error));
	assert_true(inventory.identity.system_identifier == WAL_BUILDER_SYSTEM);
	assert_int_equal(inventory.identity.segment_size, SIZE);
	inventory_free(&inventory);
}

/* A history that is there and cannot be read is not one that is missing. */
static void
test_history_that_cannot_be_read(void **state)
{
	const struct directory *directory = *state;
	struct inventory inventory;
	struct error error;

	store_ours(directory, "000000020000000000000002");
	assert_int_equal(
		symlinkat("elsewhere", directory->fd, "00000002.history"), 0);
	assert_true(inventory_read(&inventory, directory, &error));
	assert_true(inventory.timelines[0].has_history);
	assert_int_equal(inventory.timelines[0].history_fault.code, ERR_SYSTEM);
	assert_int_equal(inventory.timelines[0].history.count, 0);
	inventory_free(&inventory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_order),
		directory_test(test_empty),
		directory_test(test_stranger),
		directory_test(test_odd_names),
		directory_test(test_nobody_tells),
		directory_test(test_nobody_can_be_read),
		directory_test(test_history_fault),
		directory_test(test_measure),
		directory_test(test_measure_a_new_name),
		directory_test(test_odd_names_of_larger_segments),
		directory_test(test_nonsense_is_no_witness),
		directory_test(test_history_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
