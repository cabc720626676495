/*
 * restore/restore.h - one file out of an archive, for a restore_command.
 *
 * Guarantee: the target gets its name only when the whole file was written and
 * had passed its checks; what is "not there" was looked for twice, for a
 * receiver may be renaming files. The archive is only read.
 * Sources: walfetch-restore(1); PostgreSQL documentation, "Recovering Using a
 * Continuous Archive Backup".
 */
#ifndef RESTORE_RESTORE_H
#define RESTORE_RESTORE_H

#include "base/log.h"

struct restore_config {
	const char *directory; /* of the archive */
	const char *name;      /* %f */
	const char *path;      /* %p */
	const char *cache;     /* NULL: none */
	unsigned prefetch;     /* segments; 0: none, and no cache */
	bool partial;	       /* the open segment, too */
	bool verify;
};

/*
 * Fetch the file. *found: false if the archive does not have it. Errors: that
 * it could not be told or fetched (ERR_USAGE, ERR_SYSTEM, ERR_MEMORY,
 * ERR_DAMAGED, ERR_DIVERGED, ERR_GAP).
 */
bool restore_file(const struct restore_config *config, struct log *log,
	bool *found, struct error *error);

#endif
