/*
 * status/table.h - columns as wide as what stands in them.
 *
 * Life cycle: table_init -> table_cell* -> table_print -> table_free.
 */
#ifndef STATUS_TABLE_H
#define STATUS_TABLE_H

#include "base/text.h"

#define TABLE_COLUMNS_MAX 12

struct table {
	size_t columns;
	struct text cells; /* each with its terminator, row after row */
	size_t count;	   /* of cells */
	size_t widths[TABLE_COLUMNS_MAX];
};

/* Begin, with so many columns. */
void table_init(struct table *table, size_t columns);

/*
 * Add the next cell, to the right of the last or as the first of a new row.
 * Control characters become blanks, bytes above 127 count as one column each.
 */
void table_cell(struct table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Append the rows, two blanks between columns, none at a line's end. */
void table_print(const struct table *table, struct text *text);

void table_free(struct table *table);

#endif
