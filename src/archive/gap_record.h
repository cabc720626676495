/*
 * archive/gap_record.h - the losses that a person has accepted.
 *
 * The file ".walfetch.gaps" has a line for each: timeline, the first LSN that
 * is missing, the first that is there again. It is written anew for each
 * addition and holds nothing that a recovery needs.
 */
#ifndef ARCHIVE_GAP_RECORD_H
#define ARCHIVE_GAP_RECORD_H

#include "archive/durable.h"
#include "base/text.h"
#include "wal/lsn.h"

#define GAP_FILE_NAME ".walfetch.gaps"

struct gap {
	uint32_t timeline;
	lsn begin; /* the first LSN that is missing */
	lsn end;   /* the first that is there again */
};

/*
 * Record a gap durably; one that is there already, perhaps as part of a larger
 * one, is fine. Errors: ERR_SYSTEM, ERR_MEMORY, ERR_DAMAGED (the file is not
 * one of ours; it stays as it is).
 */
bool gap_record_add(const struct directory *directory, const struct gap *gap,
	struct error *error);

/*
 * Read the record; without the file it is empty. *gaps, which the caller
 * frees, and *count are only set on success. Errors as above.
 */
bool gap_record_read(const struct directory *directory, struct gap **gaps,
	size_t *count, struct error *error);

/*
 * Is the loss of WAL from LSN at on timeline recorded? *accepted is only set
 * on success; without the file it is false. Errors as above.
 */
bool gap_record_find(const struct directory *directory, uint32_t timeline,
	lsn at, bool *accepted, struct error *error);

#endif
