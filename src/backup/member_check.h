/*
 * backup/member_check.h - what is computed of every file that passes by: its
 * digest for the manifest, and the checksums of its pages.
 *
 * Life cycle: member_check_init -> (member_check_begin -> member_check_update*
 * -> member_check_end)* -> member_check_free. One thread only.
 */
#ifndef BACKUP_MEMBER_CHECK_H
#define BACKUP_MEMBER_CHECK_H

#include "backup/manifest.h"
#include "backup/page_check.h"
#include "backup/wal_check.h"

struct member_check {
	struct digest digest;
	struct page_check pages;
	struct file_list list; /* of all files that have ended */
	struct text path;      /* of the file, as in the manifest */
	uint64_t size;	       /* so far */
	uint64_t bad_pages;    /* in all files that have ended */
	struct wal_check *wal; /* borrowed, set after init; NULL: no WAL is
				  expected */
	bool segment;	       /* the file is one of it */
};

/* Errors: ERR_MEMORY. */
bool member_check_init(struct member_check *check, enum digest_kind digest,
	const struct page_check_config *pages, struct error *error);

void member_check_free(struct member_check *check);

/*
 * A file begins: path within the tablespace of this oid (0: the data
 * directory). Errors: ERR_MEMORY, ERR_SYSTEM.
 */
bool member_check_begin(struct member_check *check, uint32_t oid,
	const char *path, struct error *error);

bool member_check_update(struct member_check *check, const void *data,
	size_t len, struct error *error);

/*
 * The file's end; notices gets a line if pages failed. Errors: ERR_MEMORY,
 * ERR_SYSTEM.
 */
bool member_check_end(
	struct member_check *check, struct text *notices, struct error *error);

#endif
