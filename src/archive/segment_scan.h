/*
 * archive/segment_scan.h - how much sound WAL one segment file holds.
 *
 * Reads the file whatever its codec, complete or open, and proves its WAL with
 * a record verifier. The end of valid WAL, an odd size and a damaged stream
 * are results, not errors.
 * Guarantee: the file is only read.
 */
#ifndef ARCHIVE_SEGMENT_SCAN_H
#define ARCHIVE_SEGMENT_SCAN_H

#include "archive/archive_name.h"
#include "archive/durable.h"
#include "wal/record_verifier.h"

struct segment_scan {
	struct archive_name name;
	lsn start;     /* of the segment */
	lsn boundary;  /* the last whole record ends here */
	lsn previous;  /* start of that record; LSN_NONE: unknown */
	lsn last_byte; /* the end of what is not zero, at least boundary */
	bool readable; /* to its end, and of the right size */
	bool full;     /* valid to its end, save a record that goes on */
	bool empty;    /* an open segment without bytes: only its name counts */
	struct record_verifier verifier; /* as it stood where the WAL ended */
};

/*
 * Read the segment name of a server with this identity. Errors: ERR_NOT_FOUND
 * (the file is not there, or no longer), ERR_SYSTEM, ERR_MEMORY.
 */
bool segment_scan(struct segment_scan *scan, const struct directory *directory,
	const struct wal_identity *identity, const struct archive_name *name,
	struct error *error);

/*
 * Feed a verifier that stands at the start of the segment name with that
 * segment, so that a record can be followed through several. It is at the
 * segment's end afterwards if all of that could be read and passed. Errors: as
 * above.
 */
bool segment_scan_feed(struct record_verifier *verifier,
	const struct directory *directory, const struct archive_name *name,
	struct error *error);

/*
 * Zeros at the end of a segment may be bytes of its last record, or bytes that
 * never came. *proven: all came, for that record ends where the segment does,
 * or passes once its rest has been read in the segments that follow, or goes
 * on in the open one that is the last of them as far as that one is filled.
 * The latter holds where names appeared in order: look first whether a loss
 * was accepted. Errors: as above.
 */
bool segment_scan_prove_end(const struct segment_scan *scan,
	const struct directory *directory, bool *proven, struct error *error);

#endif
