/*
 * archive/older_segments.h - open segments below the newest of a timeline.
 *
 * Names appear in order, so such a segment had all its bytes when the process
 * died that was to complete it, unless a gap was allowed. One that is full
 * gets its final name; one whose complete file is there, and holds as much,
 * goes; any other one is left as it is, with a notice unless its loss is on
 * record (archive/gap_record.h).
 */
#ifndef ARCHIVE_OLDER_SEGMENTS_H
#define ARCHIVE_OLDER_SEGMENTS_H

#include "archive/open_segment.h"

/*
 * Put the open segments of newest's timeline in order, newest's own only as
 * far as it is complete. Errors: ERR_DAMAGED (the record of gaps is not one),
 * and those of archive/open_segment.h.
 */
bool older_segments_finish(const struct archive_resume *resume,
	const struct catalog *catalog, const struct archive_name *newest,
	struct error *error);

/*
 * An open segment often begins with the rest of a record whose head lies in the
 * segment before. Read alone, its bytes cannot be told from zeros that never
 * were written. *proven: the record passes as a whole; or, without a complete
 * segment that has the head, a whole record follows that rest; or there is
 * nothing to prove. The complete segment also tells scan->previous. Errors:
 * ERR_NOT_FOUND, ERR_SYSTEM, ERR_MEMORY.
 */
bool older_segments_prove_head(const struct archive_resume *resume,
	struct segment_scan *scan, bool *proven, struct error *error);

#endif
