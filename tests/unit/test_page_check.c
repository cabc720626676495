#include "backup/page_check.h"

#include "sound_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define START ((lsn)0x100000000)
#define BLOCKS 5

static const struct page_check_config config = {
	.start = START,
	.block_size = PAGE,
	.segment_blocks = 131072,
};

/* Blocks from first on, all of them sound. */
static void
make_file(unsigned char *file, uint32_t first)
{
	for (uint32_t i = 0; i < BLOCKS; i++)
		make_page(file + (size_t)i * PAGE, first + i, START - 8);
}

/* Check a file in pieces of len bytes. */
static void
check_in_pieces(struct page_check *check, const char *path,
	const unsigned char *file, size_t len)
{
	page_check_begin(check, path);
	for (size_t at = 0; at < (size_t)BLOCKS * PAGE; at += len) {
		size_t left = (size_t)BLOCKS * PAGE - at;

		page_check_update(check, file + at, left < len ? left : len);
	}
	page_check_end(check);
}

static void
pieces(void **state)
{
	static const size_t lens[] = {
		1, 7, 512, 8191, 8192, 8193, 32767, 99999};
	static unsigned char file[BLOCKS * PAGE];
	struct page_check check;
	struct error error;

	(void)state;
	assert_true(page_check_init(&check, &config, &error));
	make_file(file, 131072);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		check_in_pieces(&check, "base/5/16384.1", file, lens[i]);
		assert_int_equal(check.failures, 0);
	}
	file[3 * PAGE + 4000] ^= 1;
	file[4 * PAGE + 100] ^= 1;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		check_in_pieces(&check, "base/5/16384.1", file, lens[i]);
		assert_int_equal(check.failures, 2);
		assert_int_equal(check.first, 131075);
	}
	/* With another number in its name, every block is another. */
	check_in_pieces(&check, "base/5/16384", file, 8192);
	assert_int_equal(check.failures, BLOCKS);
	assert_int_equal(check.first, 0);
	page_check_free(&check);
}

static void
which_files(void **state)
{
	static const char *const checked[] = {"global/1262", "base/5/16384",
		"base/5/16384_fsm", "base/5/16384_vm", "base/5/16384_init",
		"base/5/16384_fsm.0", "PG_15_202209061/5/16384"};
	static const char *const others[] = {"global/pg_control",
		"global/pg_filenode.map", "base/5/PG_VERSION", "base/5/1x",
		"base/5/INCREMENTAL.16384", "base/5/16384.", "base/5/16384_x",
		"base/5/t3_16384", "base/x/16384", "pg_xact/0000", "16384",
		"base/16384", "base/5/6/16384",
		"pg_wal/000000010000000000000001"};
	static unsigned char file[BLOCKS * PAGE];
	struct page_check check;
	struct error error;

	(void)state;
	make_file(file, 0);
	file[7000] ^= 1;
	assert_true(page_check_init(&check, &config, &error));
	for (size_t i = 0; i < sizeof(checked) / sizeof(checked[0]); i++) {
		check_in_pieces(&check, checked[i], file, 32768);
		if (check.failures != 1)
			fail_msg("%s was not checked", checked[i]);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		check_in_pieces(&check, others[i], file, 32768);
		if (check.failures != 0)
			fail_msg("%s was checked", others[i]);
	}
	page_check_free(&check);
}

static void
switched_off(void **state)
{
	const struct page_check_config off = {.start = LSN_NONE};
	static unsigned char file[BLOCKS * PAGE];
	struct page_check check;
	struct error error;

	(void)state;
	memset(file, 1, sizeof(file));
	assert_true(page_check_init(&check, &off, &error));
	check_in_pieces(&check, "base/5/16384", file, 32768);
	assert_int_equal(check.failures, 0);
	page_check_free(&check);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces),
		cmocka_unit_test(which_files),
		cmocka_unit_test(switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
