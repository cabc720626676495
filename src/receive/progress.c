#include "receive/progress.h"

#include "base/clock.h"
#include "base/number.h"

/* Below this the end is reached before the line can be read. */
#define CATCH_UP_BYTES ((lsn)16 << 20)

void
progress_init(struct progress *progress)
{
	rate_init(&progress->rate);
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

void
progress_update(struct progress *progress, const struct progress_sample *sample,
	int width, struct text *line)
{
	lsn lag = sample->server_end > sample->received
		? sample->server_end - sample->received
		: 0;
	char rate_text[SIZE_TEXT_MAX];
	char lag_text[SIZE_TEXT_MAX];

	rate_update(&progress->rate, sample->now_us, sample->received);
	size_format(rate_text, (uint64_t)progress->rate.per_second);
	size_format(lag_text, lag);
	text_clear(line);
	text_printf(line, LSN_FORMAT ", %s/s, lag %s %.1f s",
		LSN_ARGS(sample->received), rate_text, lag_text,
		lag_seconds(sample));
	if (lag > CATCH_UP_BYTES)
		rate_append_left(&progress->rate, lag, line);
	if (width > 0)
		text_truncate(line, (size_t)width - 1);
}
