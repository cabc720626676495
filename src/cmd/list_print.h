/*
 * cmd/list_print.h - what walfetch list shows, to stdout.
 */
#ifndef CMD_LIST_PRINT_H
#define CMD_LIST_PRINT_H

#include "list/summary.h"

struct list_style {
	const char *directory;
	bool segments;	  /* each one, too */
	size_t bar_width; /* of the coverage bar; 0: none */
	bool utf8;	  /* in it */
};

/* Print for people. */
void list_print_text(
	const struct list_summary *summary, const struct list_style *style);

/* Print a JSON object. Errors: ERR_MEMORY, ERR_SYSTEM. */
bool list_print_json(const struct list_summary *summary,
	const struct list_style *style, struct error *error);

#endif
