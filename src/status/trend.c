#include "status/trend.h"

#include "base/clock.h"
#include "base/number.h"

void
trend_add(struct trend *trend, lsn at, uint64_t lag, int64_t now_us)
{
	int64_t span_us = now_us - trend->last_us;

	trend->lag_now = lag;
	sparkline_add(&trend->lag, lag);
	if (trend->begun && span_us > 0) {
		trend->rate_now = at > trend->last
			? (uint64_t)((double)(at - trend->last) *
				  (double)USECS_PER_SEC / (double)span_us)
			: 0;
		sparkline_add(&trend->rate, trend->rate_now);
	}
	trend->begun = true;
	trend->last = at;
	trend->last_us = now_us;
}

void
trend_print(const struct trend *trend, bool utf8, struct text *text)
{
	char size[SIZE_TEXT_MAX];

	if (trend->rate.count == 0)
		return;
	size_format(size, trend->rate_now);
	text_printf(text, "rate %10s/s ", size);
	sparkline_draw(&trend->rate, utf8, text);
	size_format(size, trend->lag_now);
	text_printf(text, "\nlag  %10s   ", size);
	sparkline_draw(&trend->lag, utf8, text);
	text_append(text, "\n", 1);
}
