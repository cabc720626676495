/*
 * archive/backup_manifest.h - the WAL that a backup_manifest says it needs.
 *
 * A manifest has a row for each file of the cluster, so it is read as a stream
 * that keeps only what lies outside those rows.
 * Sources: PostgreSQL documentation, "Backup Manifest Format".
 */
#ifndef ARCHIVE_BACKUP_MANIFEST_H
#define ARCHIVE_BACKUP_MANIFEST_H

#include "archive/backup_start.h"
#include "archive/codec.h"

/*
 * Read a manifest from source to its end. *start is only set on success.
 * Errors: the source's, ERR_DAMAGED (the message is a reason that follows a
 * colon), ERR_MEMORY.
 */
bool backup_manifest_read(struct backup_start *start, codec_source source,
	void *context, struct error *error);

#endif
