#include "wal/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t
crc32c_of(const void *data, size_t len)
{
	return crc32c_finish(crc32c_update(CRC32C_INIT, data, len));
}

static uint32_t
portable_of(const void *data, size_t len)
{
	return crc32c_finish(crc32c_update_portable(CRC32C_INIT, data, len));
}

/* One bit at a time, straight from the polynomial. */
static uint32_t
bitwise_of(const unsigned char *data, size_t len)
{
	uint32_t state = CRC32C_INIT;

	for (size_t i = 0; i < len; i++) {
		state ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			state = (state & 1) != 0
				? state >> 1 ^ UINT32_C(0x82F63B78)
				: state >> 1;
	}
	return crc32c_finish(state);
}

/* RFC 3720, appendix B.4. */
static void
test_published_values(void **state)
{
	unsigned char bytes[32];

	(void)state;
	assert_int_equal(crc32c_of("123456789", 9), 0xE3069283);
	assert_int_equal(portable_of("123456789", 9), 0xE3069283);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c_of(bytes, sizeof(bytes)), 0x8A9136AA);
	memset(bytes, 0xFF, sizeof(bytes));
	assert_int_equal(crc32c_of(bytes, sizeof(bytes)), 0x62A8AB43);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(crc32c_of(bytes, sizeof(bytes)), 0x46DD794E);
	assert_int_equal(portable_of(bytes, sizeof(bytes)), 0x46DD794E);
}

static void
test_nothing_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(crc32c_update(0x12345678, "", 0), 0x12345678);
	assert_int_equal(crc32c_update_portable(0x12345678, "", 0), 0x12345678);
}

static void
fill(unsigned char *bytes, size_t len)
{
	uint32_t seed = 20;

	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245 + 12345;
		bytes[i] = (unsigned char)(seed >> 16);
	}
}

static void
test_all_ways_agree(void **state)
{
	unsigned char bytes[700];

	(void)state;
	fill(bytes, sizeof(bytes));
	for (size_t start = 0; start < 9; start++) {
		for (size_t len = 0; len < sizeof(bytes) - start; len++) {
			uint32_t expected = bitwise_of(bytes + start, len);

			assert_int_equal(
				crc32c_of(bytes + start, len), expected);
			assert_int_equal(
				portable_of(bytes + start, len), expected);
		}
	}
}

static void
test_pieces(void **state)
{
	const size_t len = 70001;
	unsigned char *bytes = malloc(len);
	uint32_t expected;

	(void)state;
	assert_non_null(bytes);
	fill(bytes, len);
	expected = portable_of(bytes, len);
	for (size_t cut = 0; cut <= len; cut += 1 + cut / 7) {
		uint32_t crc = crc32c_update(CRC32C_INIT, bytes, cut);

		crc = crc32c_update(crc, bytes + cut, len - cut);
		assert_int_equal(crc32c_finish(crc), expected);
		crc = crc32c_update_portable(CRC32C_INIT, bytes, cut);
		crc = crc32c_update_portable(crc, bytes + cut, len - cut);
		assert_int_equal(crc32c_finish(crc), expected);
	}
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_values),
		cmocka_unit_test(test_nothing_changes_nothing),
		cmocka_unit_test(test_all_ways_agree),
		cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
