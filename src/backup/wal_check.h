/*
 * backup/wal_check.h - the WAL that a server sends among the files of a backup
 * (-X fetch): proved as it passes by, like that of a receiver.
 *
 * Life cycle: wal_check_init -> (wal_check_begin -> wal_check_update*)* ->
 * wal_check_result. Nothing to free.
 * Sources: PostgreSQL documentation, "Streaming Replication Protocol"
 * (BASE_BACKUP, WAL).
 */
#ifndef BACKUP_WAL_CHECK_H
#define BACKUP_WAL_CHECK_H

#include "backup/wal_files.h"

/* Where the WAL lies in a backup; with a name behind it, a file of it. */
#define WAL_FOLDER "pg_wal"
#define WAL_FOLDER_PREFIX WAL_FOLDER "/"

struct wal_check {
	struct record_verifier verifier;
	bool begun;  /* a segment has come */
	bool active; /* the file is one of those to be proved */
	bool failed; /* beyond the verifier's boundary nothing is good */
	struct error failure; /* why */
	lsn first;	      /* where the WAL begins */
};

void wal_check_init(
	struct wal_check *check, const struct wal_identity *identity);

/*
 * A file of the data directory begins; path as the server sends it. True: it is
 * a segment.
 */
bool wal_check_begin(struct wal_check *check, const char *path);

/* Its next bytes. What is wrong with them is kept for the end. */
void wal_check_update(struct wal_check *check, const void *data, size_t len);

/*
 * After the last file: did all of the range come, and pass? Errors: ERR_GAP (a
 * segment is missing), ERR_DAMAGED.
 */
bool wal_check_result(const struct wal_check *check,
	const struct wal_range *range, struct error *error);

#endif
