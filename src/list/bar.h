/*
 * list/bar.h - a timeline's coverage as a bar of characters.
 *
 * Each cell stands for one segment, or for a run of them when there are more
 * than cells, and shows the worst of its run: missing, missing but accepted,
 * open, there.
 */
#ifndef LIST_BAR_H
#define LIST_BAR_H

#include "base/text.h"
#include "list/summary.h"

#define LIST_BAR_MAX 512

struct list_bar_style {
	size_t width; /* cells at most: 1 .. LIST_BAR_MAX */
	bool utf8;    /* blocks in place of ASCII */
};

/* Append the bar; nothing for a timeline without segments and gaps. */
void list_bar_append(struct text *text, const struct list_timeline *timeline,
	const struct inventory *inventory, const struct list_bar_style *style);

#endif
