/*
 * backup/output_file.h - one archive of a backup in tar format, plain or
 * compressed, under a temporary name until all are complete.
 *
 * Life cycle: output_file_open -> output_file_write* -> output_file_finish,
 * then output_file_publish for all; output_file_free in any case.
 * Guarantee: the temporary name is ".NAME.tmp"; after output_file_finish the
 * bytes survive a power cut.
 */
#ifndef BACKUP_OUTPUT_FILE_H
#define BACKUP_OUTPUT_FILE_H

#include "archive/archive_name.h"
#include "archive/durable.h"

struct output_file; /* opaque */

/*
 * Create the temporary file of name, which is copied and not yet has codec's
 * suffix. Errors: ERR_SYSTEM, ERR_MEMORY.
 */
bool output_file_open(struct output_file **file,
	const struct directory *directory, const char *name, enum codec codec,
	int level, struct error *error);

/* Errors of all: ERR_SYSTEM. */
bool output_file_write(struct output_file *file, const void *data, size_t len,
	struct error *error);

bool output_file_finish(struct output_file *file, struct error *error);

/* Give it its name; the directory is synced by the caller. */
bool output_file_publish(struct output_file *file, struct error *error);

/* Close it; it stays where it is. NULL is fine. */
void output_file_free(struct output_file *file);

#endif
