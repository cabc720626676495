#include "backup/member_check.h"

#include <inttypes.h>

bool
member_check_init(struct member_check *check, enum digest_kind digest,
	const struct page_check_config *pages, struct error *error)
{
	*check = (struct member_check){.size = 0};
	text_init(&check->path);
	file_list_init(&check->list, digest);
	return digest_init(&check->digest, digest, error) &&
		page_check_init(&check->pages, pages, error);
}

void
member_check_free(struct member_check *check)
{
	digest_free(&check->digest);
	page_check_free(&check->pages);
	file_list_free(&check->list);
	text_free(&check->path);
}

bool
member_check_begin(struct member_check *check, uint32_t oid, const char *path,
	struct error *error)
{
	text_clear(&check->path);
	if (oid != 0)
		text_printf(&check->path, "pg_tblspc/%" PRIu32 "/", oid);
	text_printf(&check->path, "%s", path);
	check->size = 0;
	page_check_begin(&check->pages, path);
	check->segment = check->wal != NULL &&
		wal_check_begin(check->wal, check->path.string);
	if (check->path.failed)
		return error_set_memory(error);
	return digest_begin(&check->digest, error);
}

bool
member_check_update(struct member_check *check, const void *data, size_t len,
	struct error *error)
{
	check->size += len;
	page_check_update(&check->pages, data, len);
	if (check->wal != NULL)
		wal_check_update(check->wal, data, len);
	return digest_update(&check->digest, data, len, error);
}

bool
member_check_end(
	struct member_check *check, struct text *notices, struct error *error)
{
	char checksum[DIGEST_TEXT_MAX];

	page_check_end(&check->pages);
	if (check->pages.failures > 0) {
		check->bad_pages += check->pages.failures;
		text_printf(notices,
			"checksum verification failed in file \"%s\": %" PRIu64
			" of its pages, the first is block %" PRIu32 "\n",
			check->path.string, check->pages.failures,
			check->pages.first);
	}
	if (check->segment)
		check->list.unlisted++;
	return digest_finish(&check->digest, checksum, error) &&
		file_list_add(&check->list, check->path.string, check->size,
			checksum, error);
}
