/*
 * list/summary.h - what an archive holds, a row for each timeline.
 *
 * Life cycle: list_summarize -> list_summary_free.
 */
#ifndef LIST_SUMMARY_H
#define LIST_SUMMARY_H

#include "archive/coverage.h"

struct list_timeline {
	uint32_t timeline;
	const struct inventory_timeline *row; /* NULL: all of it is missing */
	const struct inventory_file *first; /* complete; NULL: there is none */
	const struct inventory_file *last;
	uint64_t complete; /* segments; one in several forms counts once */
	uint64_t stored;   /* bytes that their files take */
	int64_t oldest;	   /* of all files, when written: seconds since 1970 */
	int64_t newest;
	const struct inventory_file *open; /* behind the last complete segment;
					      NULL: there is none */
	bool open_read;			   /* valid is known */
	lsn valid; /* the open segment's WAL is sound up to here */
	const struct coverage_gap *gaps;
	size_t gap_count;
};

struct list_summary {
	const struct inventory *inventory; /* borrowed */
	struct list_timeline *timelines;   /* ascending */
	size_t count;
};

/*
 * Sum up an inventory that has been measured, and read its open segments; it
 * and coverage outlive the summary. Errors: ERR_SYSTEM, ERR_MEMORY.
 */
bool list_summarize(struct list_summary *summary,
	const struct inventory *inventory, const struct coverage *coverage,
	const struct directory *directory, struct error *error);

/* Free; one of zeros is fine. */
void list_summary_free(struct list_summary *summary);

#endif
