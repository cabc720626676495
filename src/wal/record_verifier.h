/*
 * wal/record_verifier.h - proves WAL as it passes by.
 *
 * Fed with the bytes of one timeline in order and in pieces of any length, it
 * checks every page header (magic, address, timeline, and in a segment's first
 * page the system identifier and the segment size), the chain of records
 * (xl_prev) and the CRC-32C of every record. Memory is constant; nothing is
 * allocated; nothing but the struct is touched, so that a copy is a snapshot.
 *
 * Life cycle: record_verifier_init -> record_verifier_start ->
 * record_verifier_feed* ; start again at any time.
 * Guarantee: bytes below record_verifier_boundary() belong to records that
 * passed, or lie before the first record whose head was seen.
 * Sources: PostgreSQL src/include/access/xlog_internal.h, xlogrecord.h,
 * src/backend/access/transam/xlogreader.c.
 */
#ifndef WAL_RECORD_VERIFIER_H
#define WAL_RECORD_VERIFIER_H

#include "base/error.h"
#include "wal/lsn.h"

#include <stddef.h>

#define WAL_RECORD_HEADER_LEN 24
#define WAL_PAGE_HEADER_LEN 24 /* short form */
#define WAL_LONG_HEADER_LEN 40 /* first page of a segment */

struct wal_identity {
	uint64_t system_identifier;
	uint32_t segment_size;
};

enum verifier_state {
	VERIFIER_PAGE_HEADER, /* collecting a page header; leaves to one of the
				 next when it is complete and passed */
	VERIFIER_UNSEEN_TAIL, /* passing over the rest of a record whose head
				 was never seen; to RECORD_START at its end,
				 or if it may be that of a segment switch to
				 UNSEEN_SWITCH */
	VERIFIER_UNSEEN_SWITCH, /* looking for the length of the next record; to
				  AFTER_SWITCH if there is none, else to
				  RECORD_HEADER */
	VERIFIER_RECORD_START,	/* at a record boundary, padding included */
	VERIFIER_RECORD_HEADER, /* collecting 24 bytes; to RECORD_BODY */
	VERIFIER_RECORD_BODY,	/* summing; to RECORD_START or AFTER_SWITCH */
	VERIFIER_AFTER_SWITCH,	/* up to the end of the segment, nothing but
				 page headers, zeros, and pages that a recycled
				 file held before; to RECORD_START */
	VERIFIER_OFF /* an unknown page magic: nothing is checked any more */
};

struct record_verifier {
	struct wal_identity identity;
	uint32_t timeline;
	enum verifier_state state;
	enum verifier_state after_header; /* where PAGE_HEADER leaves to */
	lsn position;			  /* LSN of the next byte expected */
	lsn boundary;			  /* see record_verifier_boundary() */
	lsn record_start;		  /* of the record in work */
	lsn previous;			  /* see record_verifier_previous() */
	uint32_t page_timeline;		  /* of the last page; 0: none yet */
	uint32_t remaining; /* bytes of the record in work still to come */
	uint32_t crc;	    /* state over the body so far */
	uint32_t filled;    /* bytes in header */
	uint16_t magic;	    /* of the last page; 0: none yet */
	bool chain_broken;  /* the fault: one record does not follow another */
	uint64_t records;   /* that passed */
	unsigned char header[WAL_RECORD_HEADER_LEN];
	unsigned char page_header[WAL_LONG_HEADER_LEN];
};

/* Set what every segment must carry. system_identifier 0: take any. */
void record_verifier_init(
	struct record_verifier *verifier, const struct wal_identity *identity);

/*
 * Begin at LSN at on timeline: the start of a page, or a record boundary. At
 * a boundary, previous is the start of the record before it, LSN_NONE if not
 * known: then the first record's xl_prev need only lie below it, and at the
 * start of a page the rest of an unseen record may come first. A verifier that
 * is off stays off when it is started within a page, and looks again at the
 * magic when it is started at a page's start.
 */
void record_verifier_start(struct record_verifier *verifier, uint32_t timeline,
	lsn at, lsn previous);

/*
 * Go on, where the verifier stands, with the WAL of a timeline that left its
 * own there or later: from now on pages may bear that timeline.
 */
void record_verifier_follow(
	struct record_verifier *verifier, uint32_t timeline);

/*
 * Check the next len bytes (any number). On failure nothing after
 * record_verifier_boundary() is good, and the verifier must be started again.
 * Errors: ERR_DAMAGED; the message names the LSN and, for a record, its type,
 * the CRC expected and the CRC found.
 */
bool record_verifier_feed(struct record_verifier *verifier, const void *data,
	size_t len, struct error *error);

/*
 * The end of the last whole record that passed, or of the unseen tail (padding
 * included as far as it has come), or the start point while there is none. A
 * segment switch ends with its segment, seen or not. In VERIFIER_OFF: the
 * position. Never beyond the position; with record_verifier_previous() a point
 * to start at.
 */
lsn record_verifier_boundary(const struct record_verifier *verifier);

/*
 * The start of the last whole record, or of an unseen switch that ended after
 * it; LSN_NONE: unknown. For start().
 */
lsn record_verifier_previous(const struct record_verifier *verifier);

/*
 * The major version of PostgreSQL that writes pages with this magic (10 to
 * 19); 0 if unknown.
 */
int wal_magic_version(uint16_t magic);

#endif
