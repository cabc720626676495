/*
 * backup/wal_files.h - the WAL that belongs to a backup.
 *
 * Either received beside it, into a directory of its own, which becomes its
 * pg_wal or pg_wal.tar; or in the archive of a receiver, which is waited for.
 */
#ifndef BACKUP_WAL_FILES_H
#define BACKUP_WAL_FILES_H

#include "archive/archive_name.h"
#include "archive/durable.h"
#include "backup/tree.h"
#include "server/base_backup.h"
#include "wal/record_verifier.h"

/* The WAL that a server needs to start from a backup. */
struct wal_range {
	struct wal_identity identity;
	struct base_backup_position begin;
	struct base_backup_position end;
};

/*
 * Make what a receiver left in the directory folder of tree ("": tree itself)
 * what PostgreSQL expects in pg_wal: the open segment that holds the end gets
 * its final name, state files go, and each file is marked in archive_status as
 * needing no archiving. Errors: ERR_GAP (a segment is missing), ERR_SYSTEM,
 * ERR_MEMORY.
 */
bool wal_files_settle(const struct tree *tree, const char *folder,
	const struct wal_range *range, struct error *error);

/*
 * Pack the settled directory folder of tree into "pg_wal.tar", compressed in
 * codec, and remove it. Errors: ERR_SYSTEM, ERR_MEMORY.
 */
bool wal_files_pack(struct tree *tree, const char *folder, enum codec codec,
	int level, struct error *error);

/*
 * *complete: the archive durably holds the range, its last segment perhaps in
 * an open one. missing gets the name of the first segment that it does not
 * hold. Errors: ERR_SYSTEM, ERR_MEMORY.
 */
bool wal_files_archived(const struct directory *archive,
	const struct wal_range *range, bool *complete,
	char missing[ARCHIVE_NAME_MAX], struct error *error);

#endif
