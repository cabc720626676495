/*
 * backup/manifest.h - what was received, held against the server's manifest.
 *
 * Life cycle: file_list_init -> file_list_add* -> manifest_check ->
 * file_list_free.
 * Sources: PostgreSQL documentation, "Backup Manifest Format".
 */
#ifndef BACKUP_MANIFEST_H
#define BACKUP_MANIFEST_H

#include "backup/digest.h"
#include "base/text.h"

struct file_entry {
	char *path; /* as in the manifest */
	uint64_t size;
	char checksum[DIGEST_TEXT_MAX];
};

struct file_list {
	enum digest_kind digest; /* of the checksums */
	struct file_entry *entries;
	size_t count;
	size_t room;
	size_t unlisted; /* of them, that no manifest lists: WAL */
};

void file_list_init(struct file_list *list, enum digest_kind digest);

void file_list_free(struct file_list *list);

/* Lets the process have memory for it (base/memory.h). Errors: ERR_MEMORY. */
bool file_list_add(struct file_list *list, const char *path, uint64_t size,
	const char *checksum, struct error *error);

/*
 * Check the manifest's own checksum, and that it lists exactly the files of
 * list (which is sorted here) with their sizes and checksums. Errors:
 * ERR_DAMAGED, ERR_PROTOCOL (not a manifest), ERR_MEMORY.
 */
bool manifest_check(const struct text *manifest, struct file_list *list,
	struct error *error);

#endif
