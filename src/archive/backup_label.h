/*
 * archive/backup_label.h - the text of a backup_label or a backup history
 * file.
 *
 * Sources: PostgreSQL src/backend/access/transam/xlogbackup.c.
 */
#ifndef ARCHIVE_BACKUP_LABEL_H
#define ARCHIVE_BACKUP_LABEL_H

#include "archive/backup_start.h"

#include <stddef.h>

/* What either begins with. */
#define BACKUP_LABEL_BEGIN "START WAL LOCATION: "

/* More than any that a server writes. */
#define BACKUP_LABEL_MAX ((size_t)64 * 1024)

/*
 * Read len bytes of text. *start is only set on success. Errors: ERR_DAMAGED
 * (the message is a reason that follows a colon).
 */
bool backup_label_parse(struct backup_start *start, const char *text,
	size_t len, struct error *error);

#endif
