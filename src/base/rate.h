/*
 * base/rate.h - how fast work goes, and how long the rest of it takes.
 *
 * Pure: fed with amounts and times. For the progress lines of the commands.
 *
 * Life cycle: rate_init -> rate_update*; begin anew after a break.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include "base/text.h"

#include <stdint.h>

struct rate {
	bool begun;
	int64_t last_us;
	uint64_t last;
	double per_second; /* smoothed over some seconds */
};

void rate_init(struct rate *rate);

/*
 * Take a sample: so much was done, in bytes, at now_us of the monotonic clock.
 * One that is lower than the last, or as old, does not change the rate.
 */
void rate_update(struct rate *rate, int64_t now_us, uint64_t done);

/* Append ", 00:01:12 left" for so many bytes; nothing while the rate is 0. */
void rate_append_left(
	const struct rate *rate, uint64_t bytes_left, struct text *line);

#endif
