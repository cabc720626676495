/*
 * archive/resume.h - where an archive goes on.
 *
 * Reads the directory and the open segment, whatever its codec, proves the
 * open segment's WAL, and says from which LSN of which timeline to stream so
 * that nothing durable is fetched again or overwritten. What an earlier run
 * left half done is put in order first: temporary files go, full open segments
 * are completed, one whose complete file is there goes, an open segment in a
 * codec becomes a raw one, a damaged or odd-sized file is moved aside as
 * ".NAME.bad".
 * Other programs may move finished files away meanwhile: the archive is read
 * anew then, and what a reading of it misses counts as never there.
 * Sources: walfetch-archive(5).
 */
#ifndef ARCHIVE_RESUME_H
#define ARCHIVE_RESUME_H

#include "archive/open_segment.h"
#include "wal/timeline_history.h"

struct archive_position {
	uint32_t timeline;
	lsn at;	      /* stream from here; LSN_NONE: the archive does not say */
	lsn held;     /* a raw .partial durably holds the WAL up to here, at
			 least up to at: perhaps part of a record, which an
			 earlier run may have reported as flushed */
	bool follows; /* verifier stands at at, and knows the WAL before it:
			 what comes next must follow from that */
	struct record_verifier verifier;
};

/*
 * Compare the archive's own WAL with the identity of a server, before anything
 * is written. An archive without WAL fits every server. Errors: ERR_DIVERGED
 * (the message names the file and both values), ERR_NOT_FOUND (files go faster
 * than they can be opened), ERR_SYSTEM, ERR_MEMORY.
 */
bool archive_check_identity(
	const struct archive_resume *resume, struct error *error);

/*
 * Find the newest position that lies in history. position->at is LSN_NONE if
 * the archive holds no WAL. Errors: ERR_DIVERGED (it holds WAL, but none that
 * lies in history), ERR_DAMAGED (the record of accepted gaps is not one),
 * ERR_NOT_FOUND (as above), ERR_SYSTEM, ERR_MEMORY.
 */
bool archive_locate(const struct archive_resume *resume,
	const struct timeline_history *history,
	struct archive_position *position, struct error *error);

#endif
