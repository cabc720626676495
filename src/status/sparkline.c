#include "status/sparkline.h"

#include <string.h>

#define LEVELS 8

void
sparkline_add(struct sparkline *sparkline, uint64_t value)
{
	sparkline->values[sparkline->count % SPARKLINE_MAX] = value;
	sparkline->count++;
}

static const char *
bar(unsigned level, bool utf8)
{
	static const char *const blocks[LEVELS] = {"\342\226\201",
		"\342\226\202", "\342\226\203", "\342\226\204", "\342\226\205",
		"\342\226\206", "\342\226\207", "\342\226\210"};
	static const char *const ascii[LEVELS] = {
		"_", ".", "-", "=", "+", "*", "%", "#"};

	return utf8 ? blocks[level] : ascii[level];
}

void
sparkline_draw(const struct sparkline *sparkline, bool utf8, struct text *text)
{
	size_t count = sparkline->count < SPARKLINE_MAX ? sparkline->count
							: SPARKLINE_MAX;
	size_t first = sparkline->count - count;
	uint64_t highest = 0;

	for (size_t i = 0; i < count; i++)
		if (sparkline->values[i] > highest)
			highest = sparkline->values[i];
	for (size_t i = 0; i < count; i++) {
		uint64_t value = sparkline->values[(first + i) % SPARKLINE_MAX];
		unsigned level = 0;
		const char *shape;

		/* Whatever is not 0 is seen. */
		if (value > 0)
			level = 1 +
				(unsigned)((double)value / (double)highest *
						(LEVELS - 2) +
					0.5);
		shape = bar(level, utf8);
		text_append(text, shape, strlen(shape));
	}
}
