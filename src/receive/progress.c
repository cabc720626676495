#include "receive/progress.h"

#include "base/clock.h"
#include "base/number.h"

/* The weight of what was seen a second ago against now. */
#define RATE_MEMORY 0.7

/* Below this the end is reached before the line can be read. */
#define CATCH_UP_BYTES ((lsn)16 << 20)

void
progress_init(struct progress *progress)
{
	*progress = (struct progress){.begun = false};
}

static void
update_rate(struct progress *progress, const struct progress_sample *sample)
{
	double seconds = (double)(sample->now_us - progress->last_us) /
		(double)USECS_PER_SEC;
	bool usable = progress->begun && seconds > 0 &&
		sample->received >= progress->last_received;

	if (usable) {
		double rate =
			(double)(sample->received - progress->last_received) /
			seconds;

		progress->rate =
			RATE_MEMORY * progress->rate + (1 - RATE_MEMORY) * rate;
	}
	progress->begun = true;
	progress->last_us = sample->now_us;
	progress->last_received = sample->received;
}

/* How long ago the server sent what came last, if there is more to come. */
static double
lag_seconds(const struct progress_sample *sample)
{
	double seconds = (double)(sample->wall_us - sample->sent_us) /
		(double)USECS_PER_SEC;

	if (sample->received >= sample->server_end || sample->sent_us == 0 ||
		seconds < 0)
		return 0;
	return seconds;
}

static void
add_time_left(struct text *line, double seconds)
{
	unsigned left = seconds > 359999 ? 359999 : (unsigned)seconds;

	text_printf(line, ", %02u:%02u:%02u left", left / 3600, left / 60 % 60,
		left % 60);
}

void
progress_update(struct progress *progress, const struct progress_sample *sample,
	int width, struct text *line)
{
	lsn lag = sample->server_end > sample->received
		? sample->server_end - sample->received
		: 0;
	char rate_text[SIZE_TEXT_MAX];
	char lag_text[SIZE_TEXT_MAX];

	update_rate(progress, sample);
	size_format(rate_text, (uint64_t)progress->rate);
	size_format(lag_text, lag);
	text_clear(line);
	text_printf(line, LSN_FORMAT ", %s/s, lag %s %.1f s",
		LSN_ARGS(sample->received), rate_text, lag_text,
		lag_seconds(sample));
	if (lag > CATCH_UP_BYTES && progress->rate > 0)
		add_time_left(line, (double)lag / progress->rate);
	if (width > 0 && line->len >= (size_t)width) {
		line->len = (size_t)width - 1;
		line->string[line->len] = '\0';
	}
}
