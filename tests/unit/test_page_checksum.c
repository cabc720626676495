#include "sound_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START ((lsn)0x100000000)

static bool
sound(const unsigned char *page, uint32_t block)
{
	return page_is_sound(page, PAGE, block, START);
}

/* Worked out by a second program from the description of the algorithm. */
static void
known_values(void **state)
{
	static unsigned char page[PAGE];

	(void)state;
	assert_int_equal(page_checksum(page, PAGE, 0), 50858);
	assert_int_equal(page_checksum(page, PAGE, 131072), 50856);
	for (size_t i = 0; i < PAGE; i++)
		page[i] = (unsigned char)(i % 251);
	assert_int_equal(page_checksum(page, PAGE, 7), 7649);
	assert_int_equal(page_checksum(page, 1024, 7), 44760);
	/* Its own field does not count. */
	page[8] ^= 0xFF;
	page[9] ^= 0xFF;
	assert_int_equal(page_checksum(page, PAGE, 7), 7649);
}

static void
every_bit_counts(void **state)
{
	static unsigned char page[PAGE];

	(void)state;
	make_page(page, 3, START - 8);
	assert_true(sound(page, 3));
	assert_false(sound(page, 4));
	for (size_t i = 16; i < PAGE; i += 61) {
		page[i] ^= 0x40;
		assert_false(sound(page, 3));
		page[i] ^= 0x40;
	}
	page[8] ^= 1;
	assert_false(sound(page, 3));
}

static void
not_judged(void **state)
{
	static unsigned char page[PAGE];

	(void)state;
	assert_true(sound(page, 0));
	make_page(page, 3, START);
	page[5000] ^= 1;
	assert_true(sound(page, 3));
	make_page(page, 3, START - 1);
	page[5000] ^= 1;
	assert_false(sound(page, 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
