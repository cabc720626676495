#include "list/bar.h"

enum cell {
	CELL_THERE,
	CELL_OPEN,
	CELL_ACCEPTED,
	CELL_MISSING
};

/* The segments begin to end - 1 in cells. */
struct bar {
	uint64_t begin;
	uint64_t end;
	size_t count;
	enum cell cells[LIST_BAR_MAX];
};

static const char *
symbol(enum cell cell, bool utf8)
{
	switch (cell) {
	case CELL_THERE:
		return utf8 ? "\u2588" : "#";
	case CELL_OPEN:
		return utf8 ? "\u2593" : "+";
	case CELL_ACCEPTED:
		return utf8 ? "\u2592" : ":";
	case CELL_MISSING:
		return utf8 ? "\u2591" : ".";
	}
	return "";
}

static size_t
cell_of(const struct bar *bar, uint64_t number)
{
	return (size_t)((number - bar->begin) * bar->count /
		(bar->end - bar->begin));
}

/* Let the cells of a range show at least how bad it is. */
static void
mark(struct bar *bar, uint64_t begin, uint64_t end, enum cell cell)
{
	for (size_t i = cell_of(bar, begin); i <= cell_of(bar, end - 1); i++)
		if (cell > bar->cells[i])
			bar->cells[i] = cell;
}

static void
widen(struct bar *bar, uint64_t begin, uint64_t end)
{
	if (bar->begin == bar->end) {
		bar->begin = begin;
		bar->end = end;
	}
	if (begin < bar->begin)
		bar->begin = begin;
	if (end > bar->end)
		bar->end = end;
}

static void
measure(struct bar *bar, const struct list_timeline *timeline,
	const struct inventory *inventory)
{
	const struct inventory_timeline *row = timeline->row;
	uint32_t size = inventory->identity.segment_size;

	if (row != NULL && row->count > 0) {
		const struct inventory_file *files =
			inventory->files + row->first;

		widen(bar, files[0].name.number,
			files[row->count - 1].name.number + 1);
	}
	for (size_t i = 0; i < timeline->gap_count; i++)
		widen(bar, timeline->gaps[i].range.begin / size,
			timeline->gaps[i].range.end / size);
}

void
list_bar_append(struct text *text, const struct list_timeline *timeline,
	const struct inventory *inventory, const struct list_bar_style *style)
{
	uint32_t size = inventory->identity.segment_size;
	struct bar bar = {.count = 0};

	measure(&bar, timeline, inventory);
	if (bar.begin == bar.end)
		return;
	bar.count = bar.end - bar.begin < style->width
		? (size_t)(bar.end - bar.begin)
		: style->width;
	if (timeline->open != NULL)
		mark(&bar, timeline->open->name.number,
			timeline->open->name.number + 1, CELL_OPEN);
	for (size_t i = 0; i < timeline->gap_count; i++) {
		const struct coverage_gap *gap = &timeline->gaps[i];

		mark(&bar, gap->range.begin / size, gap->range.end / size,
			gap->accepted ? CELL_ACCEPTED : CELL_MISSING);
	}
	for (size_t i = 0; i < bar.count; i++)
		text_printf(text, "%s", symbol(bar.cells[i], style->utf8));
}
