#include "backup/member_check.h"

#include "sound_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START ((lsn)0x100000000)

static void
files(void **state)
{
	const struct page_check_config pages = {
		.start = START, .block_size = PAGE, .segment_blocks = 131072};
	unsigned char page[PAGE];
	struct member_check check;
	struct text notices;
	struct error error;

	(void)state;
	text_init(&notices);
	assert_true(member_check_init(&check, DIGEST_CRC32C, &pages, &error));
	assert_true(member_check_begin(&check, 0, "backup_label", &error));
	assert_true(member_check_update(&check, "1234", 4, &error));
	assert_true(member_check_update(&check, "56789", 5, &error));
	assert_true(member_check_end(&check, &notices, &error));
	assert_string_equal(notices.string, "");

	make_page(page, 131072, START - 8);
	page[4000] ^= 1;
	assert_true(member_check_begin(&check, 7, "PG_15/5/16384.1", &error));
	assert_true(member_check_update(&check, page, PAGE, &error));
	assert_true(member_check_end(&check, &notices, &error));
	assert_string_equal(notices.string,
		"checksum verification failed in file "
		"\"pg_tblspc/7/PG_15/5/16384.1\": 1 of its pages, the first is "
		"block 131072\n");
	assert_int_equal(check.bad_pages, 1);

	assert_int_equal(check.list.count, 2);
	assert_string_equal(check.list.entries[0].path, "backup_label");
	assert_int_equal(check.list.entries[0].size, 9);
	assert_string_equal(check.list.entries[0].checksum, "839206e3");
	assert_string_equal(
		check.list.entries[1].path, "pg_tblspc/7/PG_15/5/16384.1");
	assert_int_equal(check.list.entries[1].size, PAGE);
	member_check_free(&check);
	text_free(&notices);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
