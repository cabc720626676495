/*
 * archive/open_segment.h - an open segment that an earlier run left behind.
 *
 * It may be there in several forms: a raw ".partial" and one in each codec,
 * each holding more or less of the WAL. open_segment_choose tells which is
 * best, open_segment_keep leaves that one alone, and open_segment_complete
 * gives it its final name if it is full.
 * Guarantee: a form is only removed once a better one is durable; a file that
 * cannot be read is renamed, never removed.
 * A file may vanish at any time, for backup tools move files away: any of
 * these functions may fail with ERR_NOT_FOUND or with ERR_SYSTEM and ENOENT,
 * and the archive wants another look then.
 * Sources: walfetch-archive(5).
 */
#ifndef ARCHIVE_OPEN_SEGMENT_H
#define ARCHIVE_OPEN_SEGMENT_H

#include "archive/catalog.h"
#include "archive/segment_scan.h"
#include "base/text.h"

/* What resuming an archive works with. */
struct archive_resume {
	const struct directory *directory;
	struct wal_identity identity;
	enum codec codec; /* for segments that are completed now */
	int level;
	struct text *notices; /* what was found odd, a line each */
};

/* True if a is worth more than b: it holds more, or needs less work. */
bool open_segment_is_better(
	const struct segment_scan *a, const struct segment_scan *b);

/*
 * Scan every form of one open segment and keep the best in *scan. Forms that
 * cannot be read and hold nothing are moved aside. *found: there is one left.
 * Errors: ERR_NOT_FOUND, ERR_SYSTEM, ERR_MEMORY.
 */
bool open_segment_choose(const struct archive_resume *resume,
	const struct catalog *catalog, const struct archive_name *wanted,
	struct segment_scan *scan, bool *found, struct error *error);

/*
 * Leave an open segment in one form: a raw .partial that durably holds all
 * that the chosen one does, or none if that is nothing. Errors: as above.
 */
bool open_segment_keep(const struct archive_resume *resume,
	const struct catalog *catalog, const struct segment_scan *chosen,
	struct error *error);

/*
 * Give an open segment its final name. It was kept, and is full. Errors: as
 * above.
 */
bool open_segment_complete(const struct archive_resume *resume,
	const struct archive_name *name, struct error *error);

/*
 * Remove every form of an open segment; the segment is durable elsewhere.
 * Errors: ERR_SYSTEM.
 */
bool open_segment_remove(const struct archive_resume *resume,
	const struct catalog *catalog, const struct archive_name *name,
	struct error *error);

/*
 * Rename a segment file, open or complete, to ".NAME.bad", durably, and say so
 * in a notice. Errors: ERR_SYSTEM.
 */
bool open_segment_move_aside(const struct archive_resume *resume,
	const struct archive_name *name, struct error *error);

#endif
