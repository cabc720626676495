/*
 * archive/segment_head.h - whose WAL a segment file holds, by its first page
 * header.
 */
#ifndef ARCHIVE_SEGMENT_HEAD_H
#define ARCHIVE_SEGMENT_HEAD_H

#include "archive/codec.h"
#include "archive/durable.h"
#include "wal/record_verifier.h"

/*
 * Read the system identifier and the segment size from the file name, stored
 * in codec. *told: it begins with the page header of a segment, and *identity
 * is set. An open segment may be empty, any file damaged. Errors:
 * ERR_NOT_FOUND, ERR_SYSTEM, ERR_MEMORY.
 */
bool segment_head_read(const struct directory *directory, const char *name,
	enum codec codec, struct wal_identity *identity, bool *told,
	struct error *error);

#endif
