#include "backup/meter.h"

#include "base/clock.h"
#include "base/number.h"

#define TERMINAL_INTERVAL_US (USECS_PER_SEC / 2)
#define LINES_INTERVAL_US (5 * USECS_PER_SEC)

#define BAR_CELLS 20

void
meter_init(struct meter *meter)
{
	*meter = (struct meter){.total = 0};
	rate_init(&meter->rate);
	text_init(&meter->line);
}

void
meter_free(struct meter *meter)
{
	text_free(&meter->line);
}

void
meter_begin(struct meter *meter, const struct base_backup *backup, int width)
{
	meter->width = width;
	for (size_t i = 0; i < backup->count; i++)
		meter->total += backup->tablespaces[i].size;
}

/* The estimate may be too low; there is never more than all. */
static void
append_bar(struct meter *meter, uint64_t bytes, uint64_t total)
{
	unsigned done = (unsigned)((double)bytes / (double)total * BAR_CELLS);

	text_append(&meter->line, "[", 1);
	for (unsigned i = 0; i < BAR_CELLS; i++)
		text_append(&meter->line, i < done ? "#" : "-", 1);
	text_printf(&meter->line, "] %3u %%, ",
		(unsigned)((double)bytes / (double)total * 100));
}

void
meter_update(struct meter *meter, uint64_t bytes, int64_t now_us)
{
	uint64_t total = meter->total < bytes ? bytes : meter->total;
	char bytes_text[SIZE_TEXT_MAX];
	char total_text[SIZE_TEXT_MAX];
	char rate_text[SIZE_TEXT_MAX];

	rate_update(&meter->rate, now_us, bytes);
	size_format(bytes_text, bytes);
	size_format(total_text, total);
	size_format(rate_text, (uint64_t)meter->rate.per_second);
	text_clear(&meter->line);
	if (meter->total > 0) {
		append_bar(meter, bytes, total);
		text_printf(&meter->line, "%s of %s, %s/s", bytes_text,
			total_text, rate_text);
		rate_append_left(&meter->rate, total - bytes, &meter->line);
	} else {
		text_printf(&meter->line, "%s, %s/s", bytes_text, rate_text);
	}
	if (meter->width > 0)
		text_truncate(&meter->line, (size_t)meter->width - 1);
}

void
meter_show(struct meter *meter, uint64_t bytes, struct log *log)
{
	int64_t now_us = clock_monotonic_us();

	if (now_us < meter->due_us)
		return;
	meter->due_us = now_us +
		(meter->width > 0 ? TERMINAL_INTERVAL_US : LINES_INTERVAL_US);
	meter_update(meter, bytes, now_us);
	if (meter->width > 0)
		log_progress(log, meter->line.string);
	else
		log_at(log, LOG_NORMAL, "%s", meter->line.string);
}
