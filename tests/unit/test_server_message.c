#include "server/server_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
plain(void **state)
{
	static const struct {
		const char *verbose;
		const char *plain;
		enum error_code code;
	} texts[] = {
		{"", "", ERR_UNREACHABLE},
		{"could not connect: refused\n\tIs it running?\n",
			"could not connect: refused (Is it running?)",
			ERR_UNREACHABLE},
		{"connection to server at \"h\", port 1 failed: FATAL:  "
		 "28P01: no\nLOCATION:  auth_failed, auth.c:338\n",
			"connection to server at \"h\", port 1 failed: FATAL:  "
			"no",
			ERR_REFUSED},
		{"FATAL:  57P03: wartet\nDETAIL:  noch nicht.\n"
		 "ORT:  ProcessStartupPacket, postmaster.c:2344\n",
			"FATAL:  wartet; DETAIL:  noch nicht.",
			ERR_UNREACHABLE},
		{"a failed: FATAL:  53300: full\nLOCATION:  f, x.c:1\n"
		 "b failed: FATAL:  28000: no entry\nLOCATION:  g.c:2\n",
			"a failed: FATAL:  full; b failed: FATAL:  no entry",
			ERR_UNREACHABLE},
		{"a: FATAL:  28P01: no\nLOCATION:  f, x.c:1\n"
		 "a: FATAL:  28P01: no\nLOCATION:  f, x.c:1\n",
			"a: FATAL:  no", ERR_REFUSED},
		{"a failed: gone\n\tIs it\n\tthere?\nb failed: FATAL:  57P03: "
		 "x\n",
			"a failed: gone (Is it there?); b failed: FATAL:  x",
			ERR_UNREACHABLE},
		/* Not the place in the source: that ends with a file's line. */
		{"a\nx: 12\nb.c12\n:12\nc:12\nab.:12\n q.x:12\n12\n",
			"a; x: 12; b.c12; :12; c:12; ab.:12;  q.x:12; 12",
			ERR_UNREACHABLE},
		{"a\nb.c:1\nWORD: b.c:1\nWORD:  b.c:1\nf, b.l:23\n",
			"a; b.c:1; WORD: b.c:1", ERR_UNREACHABLE},
		{"a\n\nb\n", "a; b", ERR_UNREACHABLE},
		{"FATAL:  28P01. x\nFATAL:  28P01:x\n",
			"FATAL:  28P01. x; FATAL:  28P01:x", ERR_UNREACHABLE},
		{"FATAL:  28P0: x\n:  28P01:", "FATAL:  28P0: x; :  28P01:",
			ERR_UNREACHABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct text text;

		text_init(&text);
		assert_int_equal(message_append_plain(&text, texts[i].verbose),
			texts[i].code);
		assert_string_equal(text.string, texts[i].plain);
		text_free(&text);
	}
}

static void
one_line(void **state)
{
	char line[16];

	(void)state;
	message_one_line(line, sizeof(line), "a\n\tb\r\nc\n");
	assert_string_equal(line, "a b c");
	message_one_line(line, sizeof(line), "\n");
	assert_string_equal(line, "");
	message_one_line(line, 4, "abcdef");
	assert_string_equal(line, "abc");
}

static void
hidden(void **state)
{
	static const char *const texts[][2] = {
		{"missing \"=\" after \"secret\" in it",
			"missing \"...\" in it"},
		{"no quotes", "no quotes"},
		{"\"a\"", "\".\""},
		{"\"abc\"", "\"...\""},
		{"one \" only", "one \" only"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char message[64];

		(void)strcpy(message, texts[i][0]);
		message_hide_quoted(message);
		assert_string_equal(message, texts[i][1]);
	}
}

static void
sqlstate(void **state)
{
	static const struct {
		const char *verbose;
		const char *sqlstate;
	} texts[] = {
		{"", ""},
		{"could not connect: no such file\n", ""},
		{"FATAL:  28000: no entry\nLOCATION:  f, a.c:1\n", "28000"},
		{"x failed: FATAL:  57P03: starting up\n", "57P03"},
		{"FATAL:  28000: with TLS\nFATAL:  28P01: without\n", "28P01"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char found[SQLSTATE_SIZE] = "xxxxx";

		message_sqlstate(found, texts[i].verbose);
		assert_string_equal(found, texts[i].sqlstate);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(sqlstate),
		cmocka_unit_test(one_line),
		cmocka_unit_test(hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
