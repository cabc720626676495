/*
 * verify/segment_input.h - the plain bytes of one segment, in whole pieces.
 *
 * Finds the segment under another of its names if the one it had is gone: a
 * receiver completes and compresses segments at any time.
 *
 * Life cycle: segment_input_open -> segment_input_read* -> segment_input_close.
 */
#ifndef VERIFY_SEGMENT_INPUT_H
#define VERIFY_SEGMENT_INPUT_H

#include "archive/archive_name.h"
#include "archive/segment_reader.h"

/* What is read at a time: it stays in the processor's cache. */
#define SEGMENT_PIECE ((size_t)256 << 10)

struct segment_input {
	struct segment_reader *reader;
	struct archive_name name; /* of the file that is read */
	char file[ARCHIVE_NAME_MAX];
};

/*
 * Open the segment, as the file name or in any other form. *input is only set
 * on success. Errors: ERR_NOT_FOUND (in no form), ERR_SYSTEM, ERR_MEMORY.
 */
bool segment_input_open(struct segment_input *input,
	const struct directory *directory, const struct archive_name *name,
	uint32_t segment_size, struct error *error);

/*
 * Read *len plain bytes; *len becomes less only at the end, or on failure.
 * Errors: ERR_DAMAGED (a broken stream), ERR_SYSTEM, ERR_MEMORY.
 */
bool segment_input_read(struct segment_input *input, unsigned char *buffer,
	size_t *len, struct error *error);

/* Close it. */
void segment_input_close(struct segment_input *input);

#endif
