/*
 * restore/ahead.h - segments decompressed before PostgreSQL asks for them.
 *
 * A process in the background, one at a time, decompresses and verifies the
 * segments that follow on the same timeline into a cache folder, where a later
 * call finds them. It ends by itself after so many segments, or with the
 * server, whose process group it stays in. What the archive holds raw is left
 * out: it is as fast from there.
 *
 * The cache holds "SEGMENT.ahead", complete, checked and synced before they get
 * that name, ".SEGMENT.ahead.tmp", and the lock. Nothing else is touched. A
 * file bears the time of the archive's that it was made of, and is of no use
 * once that one has gone or changed.
 *
 * Life cycle: ahead_open -> ahead_take? -> ahead_sweep? -> ahead_start? ->
 * ahead_close.
 */
#ifndef RESTORE_AHEAD_H
#define RESTORE_AHEAD_H

#include "restore/request.h"
#include "restore/transfer.h"

struct ahead {
	struct directory cache;
	const struct restore_request *request; /* borrowed */
	const struct directory *archive;       /* borrowed */
	unsigned count;			       /* segments to keep ahead */
};

/*
 * Open the cache folder path; it is made if it is not there. The other members
 * must be set. Errors: ERR_USAGE (it is the archive, or where the file is
 * wanted), ERR_SYSTEM, ERR_MEMORY.
 */
bool ahead_open(struct ahead *ahead, const char *path, struct error *error);

/*
 * Put the segment asked for in its place if the cache has it. *found is false
 * if not, or if it is not what the archive has; then it is removed. Errors:
 * ERR_SYSTEM.
 */
bool ahead_take(struct ahead *ahead, struct transfer_result *taken, bool *found,
	struct error *error);

/*
 * The segment served was put in its place: remove what is not among the next
 * ones, and go on with those in the background if they are not there. Failures
 * only cost speed, so none is reported.
 */
void ahead_start(struct ahead *ahead, const struct transfer_result *served);

/* Close the folder; one that is not open is fine. */
void ahead_close(struct ahead *ahead);

#endif
