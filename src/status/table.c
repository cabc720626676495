#include "status/table.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The longest cell; the rest of one is cut off. */
#define CELL_MAX 256

void
table_init(struct table *table, size_t columns)
{
	*table = (struct table){.columns = columns};
	text_init(&table->cells);
}

void
table_free(struct table *table)
{
	text_free(&table->cells);
}

void
table_cell(struct table *table, const char *format, ...)
{
	size_t column = table->count % table->columns;
	char cell[CELL_MAX];
	va_list arguments;
	size_t len;

	va_start(arguments, format);
	(void)vsnprintf(cell, sizeof(cell), format, arguments);
	va_end(arguments);
	for (char *p = cell; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	len = strlen(cell);
	if (len > table->widths[column])
		table->widths[column] = len;
	text_append(&table->cells, cell, len + 1);
	table->count++;
}

void
table_print(const struct table *table, struct text *text)
{
	const char *cell = table->cells.string;
	size_t owed = 0; /* blanks that are only printed before a cell */

	if (table->cells.failed) {
		text->failed = true;
		return;
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;
		size_t len = strlen(cell);

		if (len > 0) {
			text_printf(text, "%*s%s", (int)owed, "", cell);
			owed = 0;
		}
		owed += table->widths[column] - len + 2;
		if (column + 1 == table->columns) {
			text_append(text, "\n", 1);
			owed = 0;
		}
		cell += len + 1;
	}
}
