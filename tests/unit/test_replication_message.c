#include "wal/replication_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char wal_data[] = {'w', 0, 0, 0, 1, 0x15, 0xC2, 0xD8,
	0xF8, 0, 0, 0, 1, 0x16, 0, 0, 0, 0, 2, 0xE5, 0x7B, 0x10, 0x20, 0x30,
	0x40, 'a', 'b', 'c'};

static const unsigned char keepalive[] = {'k', 0xFF, 0xEE, 0xDD, 0xCC, 0xBB,
	0xAA, 0x99, 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 1};

static void
test_wal_data(void **state)
{
	struct replication_message message;
	struct error error;

	(void)state;
	assert_true(replication_message_parse(
		&message, wal_data, sizeof(wal_data), &error));
	assert_int_equal(message.kind, MESSAGE_WAL_DATA);
	assert_true(message.start == UINT64_C(0x115C2D8F8));
	assert_true(message.server_end == UINT64_C(0x116000000));
	assert_true(message.sent_us == INT64_C(0x2E57B10203040));
	assert_int_equal(message.len, 3);
	assert_ptr_equal(message.data, wal_data + 25);
	assert_false(message.reply_wanted);
}

static void
test_wal_data_may_be_empty(void **state)
{
	struct replication_message message;
	struct error error;

	(void)state;
	assert_true(replication_message_parse(&message, wal_data, 25, &error));
	assert_int_equal(message.len, 0);
}

static void
test_keepalive(void **state)
{
	unsigned char copy[sizeof(keepalive)];
	struct replication_message message;
	struct error error;

	(void)state;
	memcpy(copy, keepalive, sizeof(copy));
	assert_true(replication_message_parse(
		&message, copy, sizeof(copy), &error));
	assert_int_equal(message.kind, MESSAGE_KEEPALIVE);
	assert_true(message.server_end == UINT64_C(0xFFEEDDCCBBAA9988));
	assert_true(message.sent_us == -2);
	assert_true(message.reply_wanted);
	assert_int_equal(message.len, 0);

	copy[17] = 0;
	assert_true(replication_message_parse(
		&message, copy, sizeof(copy), &error));
	assert_false(message.reply_wanted);
}

static void
assert_refused(const unsigned char *bytes, size_t len)
{
	struct replication_message message;
	struct replication_message before;
	struct error error;

	memset(&message, 0x5A, sizeof(message));
	memcpy(&before, &message, sizeof(message));
	error_clear(&error);
	assert_false(replication_message_parse(&message, bytes, len, &error));
	assert_int_equal(error.code, ERR_PROTOCOL);
	assert_memory_equal(&message, &before, sizeof(message));
}

static void
test_what_is_too_short_or_unknown(void **state)
{
	(void)state;
	for (size_t len = 0; len < 25; len++)
		assert_refused(wal_data, len);
	for (size_t len = 0; len < sizeof(keepalive); len++)
		assert_refused(keepalive, len);
	for (int type = 0; type < 256; type++) {
		unsigned char bytes[40] = {(unsigned char)type};

		if (type != 'w' && type != 'k')
			assert_refused(bytes, sizeof(bytes));
	}
}

static void
test_standby_status(void **state)
{
	const struct standby_status status = {
		.write = UINT64_C(0x0102030405060708),
		.flush = UINT64_C(0x1112131415161718),
		.sent_us = INT64_C(0x2122232425262728),
		.reply_wanted = true,
	};
	const struct standby_status silent = {.sent_us = -1};
	static const unsigned char expected[STANDBY_STATUS_LEN] = {'r', 1, 2, 3,
		4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
		0, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26,
		0x27, 0x28, 1};
	static const unsigned char nothing[STANDBY_STATUS_LEN] = {
		'r', [25] = 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0};
	unsigned char buffer[STANDBY_STATUS_LEN];

	(void)state;
	memset(buffer, 0x5A, sizeof(buffer));
	standby_status_format(buffer, &status);
	assert_memory_equal(buffer, expected, sizeof(expected));
	memset(buffer, 0x5A, sizeof(buffer));
	standby_status_format(buffer, &silent);
	assert_memory_equal(buffer, nothing, sizeof(nothing));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wal_data),
		cmocka_unit_test(test_wal_data_may_be_empty),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_what_is_too_short_or_unknown),
		cmocka_unit_test(test_standby_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
