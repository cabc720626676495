#include "backup/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The server's text, but for its last line. */
static const char head[] =
	"{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n"
	"\"Files\": [\n"
	"{ \"Path\": \"backup_label\", \"Size\": 9, \"Last-Modified\": "
	"\"2026-11-23 00:00:00 GMT\", \"Checksum-Algorithm\": \"CRC32C\", "
	"\"Checksum\": \"839206e3\" },\n"
	"{ \"Encoded-Path\": \"ff2f61\", \"Size\": 0, \"Last-Modified\": "
	"\"2026-11-23 00:00:00 GMT\", \"Checksum-Algorithm\": \"CRC32C\", "
	"\"Checksum\": \"00000000\" }\n"
	"],\n"
	"\"WAL-Ranges\": [\n"
	"{ \"Timeline\": 1, \"Start-LSN\": \"0/2000028\", \"End-LSN\": "
	"\"0/2000100\" }\n"
	"],\n";

/* Append the last line, with the checksum of what is there. */
static void
seal(struct text *manifest)
{
	char text[DIGEST_TEXT_MAX];
	struct digest digest;
	struct error error;

	assert_true(digest_init(&digest, DIGEST_SHA256, &error));
	assert_true(digest_begin(&digest, &error));
	assert_true(digest_update(
		&digest, manifest->string, manifest->len, &error));
	assert_true(digest_finish(&digest, text, &error));
	digest_free(&digest);
	text_printf(manifest, "\"Manifest-Checksum\": \"%s\"}\n", text);
}

static void
add(struct file_list *list, const char *path, uint64_t size,
	const char *checksum)
{
	struct error error;

	assert_true(file_list_add(list, path, size, checksum, &error));
}

static void
fill(struct file_list *list)
{
	file_list_init(list, DIGEST_CRC32C);
	add(list, "\xff/a", 0, "00000000");
	add(list, "backup_label", 9, "839206e3");
}

/* Check list against the manifest, and free it. */
static enum error_code
judge(const struct text *manifest, struct file_list *list, const char *message)
{
	struct error error = {.code = ERR_NONE};
	bool ok = manifest_check(manifest, list, &error);

	assert_int_equal(ok, error.code == ERR_NONE);
	if (!ok && strstr(error.message, message) == NULL)
		fail_msg("%s", error.message);
	file_list_free(list);
	return error.code;
}

static void
sound(void **state)
{
	struct file_list list;
	struct text manifest;

	(void)state;
	text_init(&manifest);
	text_printf(&manifest, "%s", head);
	seal(&manifest);
	fill(&list);
	assert_int_equal(judge(&manifest, &list, ""), ERR_NONE);
	text_free(&manifest);
}

static void
other_files(void **state)
{
	struct file_list list;
	struct text manifest;

	(void)state;
	text_init(&manifest);
	text_printf(&manifest, "%s", head);
	seal(&manifest);

	file_list_init(&list, DIGEST_CRC32C);
	add(&list, "backup_label", 9, "839206e3");
	assert_int_equal(
		judge(&manifest, &list, "was not received"), ERR_DAMAGED);

	fill(&list);
	add(&list, "more", 9, "839206e3");
	assert_int_equal(judge(&manifest, &list, "sent 3 files"), ERR_DAMAGED);

	fill(&list);
	list.entries[1].size = 10;
	assert_int_equal(judge(&manifest, &list, "has 10 bytes"), ERR_DAMAGED);

	fill(&list);
	list.entries[1].checksum[0] = '9';
	assert_int_equal(
		judge(&manifest, &list, "has checksum 939206e3"), ERR_DAMAGED);

	fill(&list);
	list.digest = DIGEST_SHA256;
	assert_int_equal(
		judge(&manifest, &list, "other checksums"), ERR_PROTOCOL);
	text_free(&manifest);
}

static void
damaged(void **state)
{
	struct file_list list;
	struct text manifest;

	(void)state;
	text_init(&manifest);
	text_printf(&manifest, "%s", head);
	seal(&manifest);
	manifest.string[strlen("{ \"PostgreSQL-Backup-Manifest-Version\": ")] =
		'2';
	fill(&list);
	assert_int_equal(
		judge(&manifest, &list, "its own checksum"), ERR_DAMAGED);

	text_clear(&manifest);
	text_printf(&manifest, "%s", head);
	fill(&list);
	assert_int_equal(
		judge(&manifest, &list, "cannot be read"), ERR_PROTOCOL);

	text_clear(&manifest);
	text_printf(&manifest, "{\"Manifest-Checksum\": 5}\n");
	fill(&list);
	assert_int_equal(judge(&manifest, &list, "no checksum"), ERR_PROTOCOL);

	text_clear(&manifest);
	text_printf(&manifest, "{\n");
	seal(&manifest);
	fill(&list);
	assert_int_equal(judge(&manifest, &list, "no files"), ERR_PROTOCOL);

	text_clear(&manifest);
	text_printf(&manifest, "{ \"Files\": [{}],\n");
	seal(&manifest);
	fill(&list);
	assert_int_equal(judge(&manifest, &list, "no path"), ERR_PROTOCOL);
	text_free(&manifest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound),
		cmocka_unit_test(other_files),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
