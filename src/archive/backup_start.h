/*
 * archive/backup_start.h - where the recovery of a base backup begins.
 *
 * A backup says so in its backup_manifest and in its backup_label; the server
 * that it was taken from says it in a backup history file. Each may be plain
 * or compressed (gzip, LZ4, Zstandard), and label and manifest may be part of
 * a tar file, plain or compressed.
 * Guarantee: the backup is only read, and no more of it than is needed; what
 * is read is not trusted, and memory is bounded whatever it holds. Sources of
 * one path must agree: a directory with both a manifest and a label proves
 * more than either alone.
 * Sources: PostgreSQL documentation, "Backup Manifest Format", "Making a Base
 * Backup Using the Low Level API".
 */
#ifndef ARCHIVE_BACKUP_START_H
#define ARCHIVE_BACKUP_START_H

#include "base/error.h"
#include "wal/lsn.h"

struct backup_start {
	uint32_t timeline;
	lsn at; /* recovery needs the WAL of timeline from here on */
	uint64_t system_identifier; /* 0: not told; manifests of PostgreSQL 17
				       and later do */
};

/*
 * Read the start of the backup at path: a backup_manifest, a backup_label, a
 * backup history file (".backup"), a tar file with a manifest or label in it,
 * or a directory that holds any of these under its usual name. A file is told
 * by its content; path may be a symbolic link. *start is only set on success.
 * Errors: ERR_NOT_FOUND (there is no such path, or nothing of the kind in that
 * tar file or directory), ERR_DAMAGED (not what it should be, or sources that
 * disagree), ERR_SYSTEM, ERR_MEMORY; each message names the path.
 */
bool backup_start_read(
	struct backup_start *start, const char *path, struct error *error);

#endif
