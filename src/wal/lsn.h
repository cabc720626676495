/*
 * wal/lsn.h - log sequence numbers and the arithmetic of segments.
 *
 * An LSN is a byte position in the WAL of one cluster; 0 is "none". A segment
 * is a file of segment_size bytes (a power of two, 1 MiB to 1 GiB); segment n
 * holds the LSNs from n * segment_size on.
 * Sources: PostgreSQL src/include/access/xlogdefs.h, xlog_internal.h.
 */
#ifndef WAL_LSN_H
#define WAL_LSN_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t lsn;

#define LSN_NONE ((lsn)0)
#define LSN_MAX ((lsn)UINT64_MAX)

/* printf("at " LSN_FORMAT, LSN_ARGS(position)) */
#define LSN_FORMAT "%X/%08X"
#define LSN_ARGS(at) (uint32_t)((at) >> 32), (uint32_t)(at)

#define WAL_PAGE_SIZE 8192u
#define WAL_SEGMENT_SIZE_MIN (UINT32_C(1) << 20)
#define WAL_SEGMENT_SIZE_MAX (UINT32_C(1) << 30)

/*
 * Read "X/X" (one to eight hexadecimal digits on either side) that fills the
 * whole string. False, and *position untouched, if it is anything else.
 */
bool lsn_parse(const char *string, lsn *position);

/* True for a power of two from 1 MiB to 1 GiB. */
bool wal_segment_size_valid(uint64_t size);

static inline uint64_t
lsn_segment_number(lsn at, uint32_t segment_size)
{
	return at / segment_size;
}

static inline uint32_t
lsn_segment_offset(lsn at, uint32_t segment_size)
{
	return (uint32_t)(at & (segment_size - 1));
}

/* The first LSN of the segment that holds at. */
static inline lsn
lsn_segment_start(lsn at, uint32_t segment_size)
{
	return at & ~(lsn)(segment_size - 1);
}

static inline uint32_t
lsn_page_offset(lsn at)
{
	return (uint32_t)(at % WAL_PAGE_SIZE);
}

/* Records begin at multiples of 8 (MAXALIGN on every supported platform). */
static inline lsn
lsn_align(lsn at)
{
	return (at + 7) & ~(lsn)7;
}

#endif
