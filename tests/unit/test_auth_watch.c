#include "server/auth_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A string of bytes that may hold zeros. */
struct bytes {
	const char *data;
	size_t len;
};

#define BYTES(string)                      \
	{                                  \
		string, sizeof(string) - 1 \
	}

#define OK "R\0\0\0\10\0\0\0\0"
#define CLEAR_TEXT "R\0\0\0\10\0\0\0\3"
#define MD5 "R\0\0\0\14\0\0\0\5salt"
#define SASL "R\0\0\0\26\0\0\0\12SCRAM-SHA-1\0\0\0"
#define VERSION "v\0\0\0\14\0\0\0\0\0\0\0\0"

/* What bytes come to, given in pieces of so many, and with which byte. */
static enum auth_request
comes_to(const struct bytes *bytes, size_t piece, size_t *taken)
{
	struct auth_watch watch = {.known = 0};
	enum auth_request found = AUTH_GOES_ON;

	*taken = 0;
	while (found == AUTH_GOES_ON && *taken < bytes->len) {
		size_t len = bytes->len - *taken;

		if (len > piece)
			len = piece;
		found = auth_watch_take(&watch, bytes->data + *taken, len);
		*taken += len;
	}
	/* It has made up its mind. */
	assert_int_equal(auth_watch_take(&watch, OK, 9),
		found == AUTH_GOES_ON ? AUTH_OVER : found);
	return found;
}

static void
requests(void **state)
{
	static const struct {
		struct bytes bytes;
		enum auth_request wanted;
	} cases[] = {
		{BYTES(OK), AUTH_OVER},
		{BYTES(CLEAR_TEXT), AUTH_CLEAR_TEXT},
		{BYTES("R\0\0\0\20\0\0\0\3moretext"), AUTH_CLEAR_TEXT},
		{BYTES(MD5), AUTH_GOES_ON},
		{BYTES(MD5 OK), AUTH_OVER},
		{BYTES(MD5 CLEAR_TEXT), AUTH_CLEAR_TEXT},
		{BYTES(SASL), AUTH_GOES_ON},
		{BYTES(SASL CLEAR_TEXT OK), AUTH_CLEAR_TEXT},
		{BYTES(VERSION CLEAR_TEXT), AUTH_CLEAR_TEXT},
		{BYTES("E\0\0\0\10abcd" CLEAR_TEXT), AUTH_CLEAR_TEXT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 30; piece++) {
			size_t taken;

			assert_int_equal(
				comes_to(&cases[i].bytes, piece, &taken),
				cases[i].wanted);
		}
}

/* Not a byte later: libpq answers at once. */
static void
tells_in_time(void **state)
{
	const struct bytes bytes = BYTES(SASL CLEAR_TEXT);
	size_t taken;

	(void)state;
	assert_int_equal(comes_to(&bytes, 1, &taken), AUTH_CLEAR_TEXT);
	assert_int_equal(taken, bytes.len);
}

static void
broken(void **state)
{
	static const struct bytes cases[] = {
		BYTES("R\0\0\0\3\0\0\0\3"),
		BYTES("S\0\0\0\0"),
		BYTES("Ecould not fork"),
		BYTES("E\0\0\0\7abc"),
		BYTES("E\0\1\0\0abc"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t taken;

		assert_int_equal(comes_to(&cases[i], 1, &taken), AUTH_BROKEN);
		assert_int_equal(taken, 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(tells_in_time),
		cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
