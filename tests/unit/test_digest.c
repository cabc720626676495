#include "backup/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The checksums of "123456789", as published with each algorithm. */
static const struct {
	enum digest_kind kind;
	const char *text;
} known[] = {
	{DIGEST_NONE, ""},
	{DIGEST_CRC32C, "839206e3"},
	{DIGEST_SHA224,
		"9b3e61bf29f17c75572fae2e86e17809a4513d07c8a18152acf34521"},
	{DIGEST_SHA256,
		"15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c33"
		"12448eb225"},
	{DIGEST_SHA384,
		"eb455d56d2c1a69de64e832011f3393d45f3fa31d6842f21af92d2"
		"fe469c499da5e3179847334a18479c8d1dedea1be3"},
	{DIGEST_SHA512,
		"d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24"
		"e71c3f274ad27fcd5811b313d681f7e55ec02d73d499c95455b6b5"
		"bb503acf574fba8ffe85"},
};

static void
values(void **state)
{
	char text[DIGEST_TEXT_MAX];
	struct digest digest;
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_true(digest_init(&digest, known[i].kind, &error));
		/* Twice, and in two pieces: nothing is left of the first. */
		for (int round = 0; round < 2; round++) {
			assert_true(digest_begin(&digest, &error));
			assert_true(digest_update(&digest, "1234", 4, &error));
			assert_true(digest_update(&digest, "56789", 5, &error));
			assert_true(digest_finish(&digest, text, &error));
			assert_string_equal(text, known[i].text);
		}
		digest_free(&digest);
	}
}

static void
names(void **state)
{
	enum digest_kind kind;

	(void)state;
	for (int i = 0; i < DIGESTS; i++) {
		assert_true(
			digest_parse(digest_name((enum digest_kind)i), &kind));
		assert_int_equal(kind, i);
	}
	assert_true(digest_parse("sha256", &kind));
	assert_int_equal(kind, DIGEST_SHA256);
	assert_false(digest_parse("SHA", &kind));
	assert_false(digest_parse("", &kind));
	assert_int_equal(kind, DIGEST_SHA256);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
