/*
 * A backup_manifest, held against the files that came. Its own checksum, which
 * seldom survives a change, is put to it here.
 */
#include "fuzz.h"

#include "backup/manifest.h"

static void
add_checksum(struct text *manifest)
{
	char computed[DIGEST_TEXT_MAX];
	struct digest digest;
	struct error error;

	fuzz_expect(digest_init(&digest, DIGEST_SHA256, &error));
	fuzz_expect(digest_begin(&digest, &error));
	fuzz_expect(digest_update(
		&digest, manifest->string, manifest->len, &error));
	fuzz_expect(digest_finish(&digest, computed, &error));
	digest_free(&digest);
	text_printf(manifest, "\"Manifest-Checksum\": \"%s\"}\n", computed);
}

static void
add_file(struct file_list *list)
{
	struct error error;

	fuzz_expect(file_list_add(list, "PG_VERSION", 3, "8a744722", &error));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file_list list;
	struct text manifest;
	struct error error;

	text_init(&manifest);
	text_append(&manifest, (const char *)data, size);
	add_checksum(&manifest);
	fuzz_expect(!manifest.failed);
	file_list_init(&list, DIGEST_CRC32C);
	add_file(&list);
	if (!manifest_check(&manifest, &list, &error)) {
		fuzz_expect_error(&error);
		fuzz_expect(error.code == ERR_DAMAGED ||
			error.code == ERR_PROTOCOL);
	}
	file_list_free(&list);
	text_free(&manifest);
	return 0;
}
