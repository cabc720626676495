/*
 * endless_wal.h - valid WAL without an end, the same bytes at the same LSN
 * every time.
 *
 * One segment is made once; another one is the same records with page
 * addresses, links and checksums of its own, so that making it costs next to
 * nothing. Records cross pages and segments and are of 32 bytes to 60 kB. About
 * a sixth of their content is random.
 *
 * Life cycle: endless_wal_create -> endless_wal_segment* -> endless_wal_free.
 */
#ifndef ENDLESS_WAL_H
#define ENDLESS_WAL_H

#include "wal/lsn.h"
#include "wal/timeline_history.h"

struct endless_wal;

/* segment_size: a legal one. NULL: no memory. */
struct endless_wal *endless_wal_create(
	uint32_t segment_size, uint64_t system_identifier);

void endless_wal_free(struct endless_wal *wal);

/*
 * The segment of that number (1 or more), whole, in a buffer that the next call
 * changes. Each page is of the timeline that history gives its address; it is
 * the same history in all calls.
 */
unsigned char *endless_wal_segment(struct endless_wal *wal, uint64_t number,
	const struct timeline_history *history);

#endif
