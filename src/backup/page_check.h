/*
 * backup/page_check.h - the data page checksums of one file after another, as
 * their bytes pass by in pieces of any length.
 *
 * Life cycle: page_check_init -> (page_check_begin -> page_check_update* ->
 * page_check_end)* -> page_check_free.
 * Sources: PostgreSQL documentation, "Database File Layout".
 */
#ifndef BACKUP_PAGE_CHECK_H
#define BACKUP_PAGE_CHECK_H

#include "base/error.h"
#include "wal/lsn.h"

struct page_check_config {
	lsn start;		 /* of the backup; LSN_NONE: check nothing */
	uint32_t block_size;	 /* 1 to 32 kB */
	uint32_t segment_blocks; /* of one file of a relation */
};

struct page_check {
	struct page_check_config config;
	unsigned char *page; /* one that is not all there yet */
	size_t filled;	     /* of it */
	bool active;	     /* this file has pages */
	uint32_t block;	     /* the next */
	uint64_t failures;   /* in this file */
	uint32_t first;	     /* block that failed */
};

/* Errors: ERR_MEMORY. */
bool page_check_init(struct page_check *check,
	const struct page_check_config *config, struct error *error);

void page_check_free(struct page_check *check);

/* A file begins; path as in the manifest, without "pg_tblspc/OID/". */
void page_check_begin(struct page_check *check, const char *path);

void page_check_update(
	struct page_check *check, const unsigned char *data, size_t len);

/* The file's end: failures and first say what was found. */
void page_check_end(struct page_check *check);

#endif
