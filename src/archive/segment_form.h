/*
 * archive/segment_form.h - in which forms an archive has a segment.
 */
#ifndef ARCHIVE_SEGMENT_FORM_H
#define ARCHIVE_SEGMENT_FORM_H

#include "archive/archive_name.h"
#include "archive/durable.h"

/*
 * Look for a file of the segment that name says, complete or open as its kind
 * says, in whatever codec; a plain one comes first. True: *name is that file's
 * now. It may be gone by the time it is opened.
 */
bool segment_form_find(const struct directory *directory,
	struct archive_name *name, uint32_t segment_size);

/* The same, complete or else open, whatever name's kind. */
bool segment_form_find_any(const struct directory *directory,
	struct archive_name *name, uint32_t segment_size);

#endif
