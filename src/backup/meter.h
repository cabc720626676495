/*
 * backup/meter.h - the line that shows how far a backup is.
 *
 * Life cycle: meter_init -> meter_begin -> meter_show* -> meter_free.
 */
#ifndef BACKUP_METER_H
#define BACKUP_METER_H

#include "base/log.h"
#include "base/rate.h"
#include "server/base_backup.h"

struct meter {
	uint64_t total; /* bytes, as the server estimates; 0: unknown */
	int width;	/* columns of the terminal; 0: it is none */
	int64_t due_us;
	struct rate rate;
	struct text line;
};

void meter_init(struct meter *meter);
void meter_free(struct meter *meter);

/* The sizes are those of the tablespaces. */
void meter_begin(
	struct meter *meter, const struct base_backup *backup, int width);

/* Make the line for so many bytes at now_us (monotonic). Pure. */
void meter_update(struct meter *meter, uint64_t bytes, int64_t now_us);

/* Show it if it is due: at a terminal in place of the last one. */
void meter_show(struct meter *meter, uint64_t bytes, struct log *log);

#endif
