/*
 * verify/open_extent.h - how far an open segment is filled.
 */
#ifndef VERIFY_OPEN_EXTENT_H
#define VERIFY_OPEN_EXTENT_H

#include "verify/segment_input.h"
#include "wal/lsn.h"

struct open_extent {
	lsn used;  /* the end of the last byte that is not zero */
	lsn bytes; /* the end of the file's plain bytes */
};

/*
 * Read the open segment that starts at LSN start to its end. What was written
 * before it was read lies below *extent's used: bytes that fail their check
 * there are damaged, and not only late. Pages of what a recycled file held
 * before do not count. buffer has SEGMENT_PIECE bytes. *extent is always set,
 * as far as could be read. Errors: as segment_input_read.
 */
bool open_extent_measure(struct open_extent *extent,
	struct segment_input *input, lsn start, uint32_t segment_size,
	unsigned char *buffer, struct error *error);

#endif
