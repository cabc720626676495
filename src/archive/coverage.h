/*
 * archive/coverage.h - the WAL that an archive lacks.
 *
 * Judged by the timeline histories that are in the archive: a timeline begins
 * in the segment where it left its parent, so the parent is needed up to there
 * by every timeline that left it. What lies before the archive's first segment
 * and behind its last is not missing.
 *
 * Life cycle: coverage_find -> coverage_free.
 */
#ifndef ARCHIVE_COVERAGE_H
#define ARCHIVE_COVERAGE_H

#include "archive/gap_record.h"
#include "archive/inventory.h"

struct coverage_gap {
	struct gap range; /* at segment borders */
	bool accepted;	  /* all of it is on record as lost */
};

struct coverage {
	struct coverage_gap *gaps; /* by timeline, then position */
	size_t count;
};

/*
 * Find what is missing. A segment that is only there as an open one counts as
 * there. *coverage is only set on success. Errors: ERR_DAMAGED (the record of
 * accepted gaps is none), ERR_SYSTEM, ERR_MEMORY.
 */
bool coverage_find(struct coverage *coverage, const struct inventory *inventory,
	const struct directory *directory, struct error *error);

/* Free; one of zeros is fine. */
void coverage_free(struct coverage *coverage);

#endif
