/*
 * archive/archive_name.h - what a file of the archive is, by its name.
 *
 * walfetch-archive(5) has the table of names. Dot files are state; the rest is
 * segments in a codec, open or complete, and timeline history files.
 */
#ifndef ARCHIVE_ARCHIVE_NAME_H
#define ARCHIVE_ARCHIVE_NAME_H

#include "archive/codec.h"
#include "wal/segment_name.h"

/* ".", a segment's name, ".zst", ".partial", ".tmp" and a terminator. */
#define ARCHIVE_NAME_MAX 64

enum archive_name_kind {
	NAME_OTHER,    /* none of ours, or state: left alone */
	NAME_SEGMENT,  /* complete */
	NAME_PARTIAL,  /* open */
	NAME_HISTORY,  /* timeline history */
	NAME_TEMPORARY /* ".NAME.tmp" of one of ours: swept at start */
};

struct archive_name {
	enum archive_name_kind kind;
	uint32_t timeline; /* segments and histories */
	uint64_t number;   /* segments */
	enum codec codec;  /* segments */
};

/* Tell what name is, for archives of this segment size. */
void archive_name_parse(
	struct archive_name *parsed, const char *name, uint32_t segment_size);

/* Write the name of a segment, complete or open, and a terminator. */
void archive_name_format(char name[ARCHIVE_NAME_MAX],
	const struct archive_name *parsed, uint32_t segment_size);

/* Write ".NAME.tmp" and a terminator. */
void archive_name_temporary(char temporary[ARCHIVE_NAME_MAX], const char *name);

#endif
