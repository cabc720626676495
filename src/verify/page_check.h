/*
 * verify/page_check.h - what page headers must be beyond what the record
 * verifier knows.
 *
 * A timeline's first segment begins with pages of those before it, so a page
 * that bears an older timeline is only right below the switch point. And where
 * a magic number is of no known version, all pages must have the same one, or
 * one damaged page header would keep a segment from being verified. Pages that
 * are not where they say (zeros and recycled ones behind a segment switch) are
 * left to the record verifier.
 */
#ifndef VERIFY_PAGE_CHECK_H
#define VERIFY_PAGE_CHECK_H

#include "wal/timeline_history.h"

struct page_rules {
	const struct timeline_history *history; /* empty: any timeline */
	uint16_t magic;
};

/*
 * Look at the pages in len bytes that lie at LSN at, the start of a page.
 * *fault_at is only set on failure. Errors: ERR_DAMAGED.
 */
bool page_check(const struct page_rules *rules, lsn at,
	const unsigned char *bytes, size_t len, lsn *fault_at,
	struct error *error);

#endif
