#include "archive/backup_manifest.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n"
#define FILES                                                               \
	"\"Files\": [\n{ \"Path\": \"backup_label\", \"Size\": 224, "       \
	"\"Last-Modified\": \"2026-11-23 02:00:00 GMT\", "                  \
	"\"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"1\" },\n"      \
	"{ \"Path\": \"a\\\"b]}\\\\\", \"Size\": 0, \"WAL-Ranges\": [] }\n" \
	"],\n"
#define RANGE(timeline, start, end)                             \
	"{ \"Timeline\": " timeline ", \"Start-LSN\": \"" start \
	"\", \"End-LSN\": \"" end "\" }"
#define RANGES(ranges) "\"WAL-Ranges\": [\n" ranges "\n],\n"
#define TAIL "\"Manifest-Checksum\": \"1234\"}\n"

#define RANGES_3 RANGES(RANGE("3", "1A/2B000028", "1A/2B000100"))

/* A manifest in memory, handed out in pieces. */
struct source {
	const char *next;
	size_t left;
	size_t piece;
};

static bool
give(void *context, void *data, size_t *len, struct error *error)
{
	struct source *source = context;

	(void)error;
	if (*len > source->piece)
		*len = source->piece;
	if (*len > source->left)
		*len = source->left;
	memcpy(data, source->next, *len);
	source->next += *len;
	source->left -= *len;
	return true;
}

static bool
read_text(struct backup_start *start, const char *text, size_t len,
	struct error *error)
{
	struct source source = {text, len, 7};

	error_clear(error);
	return backup_manifest_read(start, give, &source, error);
}

static void
assert_start(
	const char *text, uint32_t timeline, lsn at, uint64_t system_identifier)
{
	struct backup_start start;
	struct error error;

	if (!read_text(&start, text, strlen(text), &error))
		fail_msg("%s: %s", text, error.message);
	assert_int_equal(start.timeline, timeline);
	assert_int_equal(start.at, at);
	assert_true(start.system_identifier == system_identifier);
}

static void
assert_refused(const char *text)
{
	struct backup_start start = {.timeline = 99};
	struct error error;

	if (read_text(&start, text, strlen(text), &error))
		fail_msg("%s was taken", text);
	assert_int_equal(error.code, ERR_DAMAGED);
	assert_true(error.message[0] != '\0');
	assert_int_equal(start.timeline, 99);
}

static void
test_a_manifest(void **state)
{
	(void)state;
	assert_start(HEAD FILES RANGES_3 TAIL, 3, 0x1A2B000028, 0);
}

/* Of PostgreSQL 17; above INT64_MAX from the year 2038 on. */
static void
test_system_identifier(void **state)
{
	(void)state;
	assert_start(HEAD
		"\"System-Identifier\": 7434233512381919234,\n" FILES RANGES_3
			TAIL,
		3, 0x1A2B000028, UINT64_C(7434233512381919234));
	assert_start(HEAD
		"\"System-Identifier\":18446744073709551615," FILES RANGES_3
			TAIL,
		3, 0x1A2B000028, UINT64_MAX);
	assert_refused(HEAD
		"\"System-Identifier\": 18446744073709551616," RANGES_3 TAIL);
	assert_refused(HEAD "\"System-Identifier\": -1," RANGES_3 TAIL);
	assert_refused(HEAD "\"System-Identifier\": 0," RANGES_3 TAIL);
	assert_refused(HEAD "\"System-Identifier\": 1.5," RANGES_3 TAIL);
	assert_refused(HEAD "\"System-Identifier\": null," RANGES_3 TAIL);
}

/* As the server writes it, and as other tools might. */
static void
test_other_forms(void **state)
{
	(void)state;
	assert_start("{\"WAL-Ranges\":[{\"End-LSN\":\"0/3000000\",\"Timeline\":"
		     "1,\"Start-LSN\":\"0/2000028\"}],\"PostgreSQL-Backup-"
		     "Manifest-Version\":2}",
		1, 0x2000028, 0);
	assert_start(HEAD "\"Later\": {\"a\": [{\"b\": 1e9}]}," RANGES_3 TAIL,
		3, 0x1A2B000028, 0);
}

/* A standby's leader was promoted during the backup: newest comes first. */
static void
test_several_ranges(void **state)
{
	(void)state;
	assert_start(
		HEAD RANGES(RANGE("3", "0/5000100", "0/6000000") ",\n" RANGE(
			"2", "0/4000028", "0/5000100") ",\n" RANGE("1",
			"0/3000028", "0/4000028")) TAIL,
		1, 0x3000028, 0);
	assert_start(
		HEAD RANGES(RANGE("1", "0/3000028", "0/4000028") ",\n" RANGE(
			"2", "0/4000028", "0/5000100")) TAIL,
		1, 0x3000028, 0);
	assert_refused(HEAD RANGES(RANGE("1", "0/3000028",
		"0/4000028") ",\n" RANGE("2", "?", "0/5000100")) TAIL);
}

static void
test_garbage(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"{}",
		"[]",
		"[[[[[[[[[[",
		"]]]]",
		"null",
		RANGES_3 TAIL,
		"{" RANGES_3 TAIL,
		HEAD FILES TAIL,
		HEAD FILES RANGES("") TAIL,
		HEAD FILES "\"WAL-Ranges\": {},\n" TAIL,
		HEAD FILES "\"WAL-Ranges\": 3,\n" TAIL,
		HEAD FILES RANGES("3") TAIL,
		HEAD FILES RANGES("{}") TAIL,
		HEAD FILES RANGES_3,
		HEAD FILES RANGES_3 RANGES_3 TAIL,
		HEAD FILES RANGES_3 TAIL TAIL,
		HEAD RANGES(RANGE("0", "0/2000028", "0/3000000")) TAIL,
		HEAD RANGES(RANGE("-1", "0/2000028", "0/3000000")) TAIL,
		HEAD RANGES(RANGE("4294967296", "0/2000028", "0/3")) TAIL,
		HEAD RANGES(RANGE("\"1\"", "0/2000028", "0/3000000")) TAIL,
		HEAD RANGES(RANGE("1", "0/0", "0/3000000")) TAIL,
		HEAD RANGES(RANGE("1", "0/2000028x", "0/3000000")) TAIL,
		HEAD RANGES(RANGE("1", "0/4000028", "0/3000000")) TAIL,
		HEAD RANGES("{ \"Timeline\": 1, \"End-LSN\": \"0/3\" }") TAIL,
	};
	static const char nul[] = HEAD FILES RANGES_3 "\0" TAIL;
	struct backup_start start;
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused(texts[i]);
	assert_false(read_text(&start, nul, sizeof(nul) - 1, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
}

/* Wherever the file was cut. */
static void
test_every_length(void **state)
{
	static const char whole[] = HEAD FILES RANGES_3 TAIL;
	struct backup_start start;
	struct error error;

	(void)state;
	for (size_t len = 0; len + 2 < sizeof(whole); len++) {
		if (read_text(&start, whole, len, &error))
			fail_msg("%zu bytes were taken", len);
		assert_int_equal(error.code, ERR_DAMAGED);
	}
}

/* Ranges without end; brackets that nothing closes. */
static void
test_memory_is_bounded(void **state)
{
	struct backup_start start;
	struct error error;
	struct text text;

	(void)state;
	text_init(&text);
	text_printf(&text, "%s", HEAD "\"WAL-Ranges\": [");
	while (text.len < (size_t)2 << 20)
		text_printf(&text, "%s",
			RANGE("3", "1A/2B000028", "1A/2B000100") ", ");
	assert_false(read_text(&start, text.string, text.len, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	assert_string_equal(error.message, "it is too large");
	text_clear(&text);
	while (text.len < (size_t)2 << 20)
		text_append(&text, "[[[[[[[[", 8);
	assert_false(read_text(&start, text.string, text.len, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	text_free(&text);
}

static bool
source_fails(void *context, void *data, size_t *len, struct error *error)
{
	(void)context;
	(void)data;
	(void)len;
	return error_set(error, ERR_GAP, "the source's own");
}

static void
test_a_source_that_fails(void **state)
{
	struct backup_start start;
	struct error error;

	(void)state;
	assert_false(backup_manifest_read(&start, source_fails, NULL, &error));
	assert_int_equal(error.code, ERR_GAP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_manifest),
		cmocka_unit_test(test_system_identifier),
		cmocka_unit_test(test_other_forms),
		cmocka_unit_test(test_several_ranges),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_a_source_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
