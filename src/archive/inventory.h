/*
 * archive/inventory.h - every segment and history file of an archive, in order.
 *
 * One reading of the directory; who the archive belongs to is read from one of
 * its segments, so no server is needed.
 *
 * Life cycle: inventory_read -> inventory_measure? -> inventory_free. Memory is
 * 40 bytes a file. Guarantee: the archive is only read. A receiver or a backup
 * tool may change it meanwhile: a file counts as it was when its name was read;
 * while it is measured, a segment that has another name by now gets that, and
 * one that is gone leaves the inventory. Sources: walfetch-archive(5).
 */
#ifndef ARCHIVE_INVENTORY_H
#define ARCHIVE_INVENTORY_H

#include "archive/archive_name.h"
#include "archive/durable.h"
#include "wal/record_verifier.h"
#include "wal/timeline_history.h"

/* One segment file. */
struct inventory_file {
	struct archive_name name; /* NAME_SEGMENT or NAME_PARTIAL */
	uint64_t stored;	  /* bytes; 0 before inventory_measure() */
	int64_t modified; /* seconds since 1970; 0 before inventory_measure() */
};

struct inventory_timeline {
	uint32_t timeline;
	size_t first; /* index of its first file */
	size_t count; /* of its files: in order of number, complete before
			 open */
	bool has_history;
	struct error history_fault; /* ERR_NONE: none, or there is no file */
	struct timeline_history history; /* empty without a sound file; that of
					    timeline 1 is itself alone */
};

struct inventory {
	struct wal_identity identity;
	struct inventory_file *files;
	size_t file_count;
	struct inventory_timeline *timelines; /* ascending */
	size_t timeline_count;
	char (*odd)[ARCHIVE_NAME_MAX]; /* segment names that are not legal for
					  this segment size */
	size_t odd_count;
};

/*
 * Read the archive. One without WAL has no files and an identity of zeros.
 * Errors: ERR_DAMAGED (it has segments, but none tells whose they are),
 * ERR_SYSTEM (also: none of them can be read), ERR_MEMORY.
 */
bool inventory_read(struct inventory *inventory,
	const struct directory *directory, struct error *error);

/*
 * Set what each file takes on disk and when it was last written, on several
 * threads. Errors: ERR_SYSTEM, ERR_MEMORY.
 */
bool inventory_measure(struct inventory *inventory,
	const struct directory *directory, struct error *error);

/* The row of a timeline; NULL if the archive holds nothing of it. */
const struct inventory_timeline *inventory_find(
	const struct inventory *inventory, uint32_t timeline);

/*
 * The entry of the timeline that this one left, whose end is the switch point;
 * NULL: it is the first, or its history is not there.
 */
const struct timeline_entry *inventory_parent(
	const struct inventory_timeline *timeline);

/*
 * The newest complete segment of a timeline; NULL: it has none.
 */
const struct inventory_file *inventory_newest(const struct inventory *inventory,
	const struct inventory_timeline *timeline);

/* Free everything; one of zeros is fine. */
void inventory_free(struct inventory *inventory);

#endif
