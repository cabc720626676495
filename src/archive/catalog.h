/*
 * archive/catalog.h - what an archive holds, by one reading of its directory.
 *
 * Keeps one row a timeline and the few names that are not complete segments,
 * so that its memory does not grow with the archive.
 *
 * Life cycle: catalog_scan -> catalog_free.
 */
#ifndef ARCHIVE_CATALOG_H
#define ARCHIVE_CATALOG_H

#include "archive/archive_name.h"
#include "archive/durable.h"

struct catalog_timeline {
	uint32_t timeline;
	bool has_history;
	bool has_complete;
	struct archive_name newest; /* the complete segment that is highest */
};

struct catalog {
	struct catalog_timeline *timelines; /* in no order */
	size_t timeline_count;
	struct archive_name *partials; /* open segments, in no order */
	size_t partial_count;
	char (*temporaries)[ARCHIVE_NAME_MAX]; /* left by a process that died */
	size_t temporary_count;
	char foreign[ARCHIVE_NAME_MAX]; /* a segment's name that is not legal
					   for this segment size; "": none */
};

/*
 * Read the directory of an archive with this segment size. *catalog is only
 * set on success. Errors: ERR_SYSTEM, ERR_MEMORY.
 */
bool catalog_scan(struct catalog *catalog, const struct directory *directory,
	uint32_t segment_size, struct error *error);

/* Free what scan allocated. */
void catalog_free(struct catalog *catalog);

/* The row of a timeline; NULL if the archive holds nothing of it. */
const struct catalog_timeline *catalog_find(
	const struct catalog *catalog, uint32_t timeline);

/* Remove the temporary files. Errors: ERR_SYSTEM. */
bool catalog_sweep(const struct catalog *catalog,
	const struct directory *directory, struct error *error);

#endif
