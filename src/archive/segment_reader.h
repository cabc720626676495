/*
 * archive/segment_reader.h - the plain bytes of one segment file, whatever its
 * codec.
 *
 * Life cycle: segment_reader_open -> segment_reader_read* ->
 * segment_reader_close.
 */
#ifndef ARCHIVE_SEGMENT_READER_H
#define ARCHIVE_SEGMENT_READER_H

#include "archive/codec.h"
#include "archive/durable.h"

struct segment_reader; /* opaque */

/*
 * Open the file name, stored in codec, for reading; *reader is only set on
 * success. Errors: ERR_NOT_FOUND, ERR_SYSTEM, ERR_MEMORY.
 */
bool segment_reader_open(struct segment_reader **reader,
	const struct directory *directory, const char *name, enum codec codec,
	struct error *error);

/*
 * Read up to *len plain bytes; *len becomes what was read, 0 only at a sound
 * end. On failure *len says how many bytes came before the fault. Errors:
 * ERR_DAMAGED (the message names the file), ERR_SYSTEM.
 */
bool segment_reader_read(struct segment_reader *reader, void *data, size_t *len,
	struct error *error);

/* Close and free; NULL is fine. */
void segment_reader_close(struct segment_reader *reader);

#endif
