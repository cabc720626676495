#include "base/rate.h"

#include "base/clock.h"

/* The weight of what was seen a second ago against now. */
#define RATE_MEMORY 0.7

/* What two digits of hours can show. */
#define SECONDS_MAX 359999

void
rate_init(struct rate *rate)
{
	*rate = (struct rate){.begun = false};
}

void
rate_update(struct rate *rate, int64_t now_us, uint64_t done)
{
	double seconds =
		(double)(now_us - rate->last_us) / (double)USECS_PER_SEC;

	if (rate->begun && seconds > 0 && done >= rate->last) {
		double now = (double)(done - rate->last) / seconds;

		rate->per_second = RATE_MEMORY * rate->per_second +
			(1 - RATE_MEMORY) * now;
	}
	rate->begun = true;
	rate->last_us = now_us;
	rate->last = done;
}

void
rate_append_left(
	const struct rate *rate, uint64_t bytes_left, struct text *line)
{
	double seconds;
	unsigned left;

	if (rate->per_second <= 0)
		return;
	seconds = (double)bytes_left / rate->per_second;
	left = seconds > SECONDS_MAX ? SECONDS_MAX : (unsigned)seconds;
	text_printf(line, ", %02u:%02u:%02u left", left / 3600, left / 60 % 60,
		left % 60);
}
