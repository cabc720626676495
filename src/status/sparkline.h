/*
 * status/sparkline.h - the last values of something as a row of bars.
 *
 * Life cycle: {0} -> sparkline_add* -> sparkline_draw*; nothing to free.
 */
#ifndef STATUS_SPARKLINE_H
#define STATUS_SPARKLINE_H

#include "base/text.h"

#include <stdint.h>

#define SPARKLINE_MAX 60

struct sparkline {
	uint64_t values[SPARKLINE_MAX]; /* a ring */
	size_t count;			/* of all values so far */
};

/* Add the newest value; the oldest may go. */
void sparkline_add(struct sparkline *sparkline, uint64_t value);

/*
 * Append a bar for each value, oldest first, the highest as high as can be; 0
 * is the lowest. utf8: block elements, else ASCII.
 */
void sparkline_draw(
	const struct sparkline *sparkline, bool utf8, struct text *text);

#endif
