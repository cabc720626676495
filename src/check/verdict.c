#include "check/verdict.h"

#include "archive/json_words.h"
#include "base/array.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_TO(to, format)                                       \
	do {                                                        \
		va_list arguments;                                  \
		va_start(arguments, format);                        \
		(void)vsnprintf(to, sizeof(to), format, arguments); \
		va_end(arguments);                                  \
	} while (0)

static const char *const level_names[] = {
	[VERDICT_OK] = "ok",
	[VERDICT_WARNING] = "warning",
	[VERDICT_ERROR] = "error",
};

void
verdicts_init(struct verdicts *verdicts)
{
	*verdicts = (struct verdicts){.count = 0};
}

void
verdicts_free(struct verdicts *verdicts)
{
	free(verdicts->rows);
	verdicts_init(verdicts);
}

static struct verdict *
new_row(struct verdicts *verdicts)
{
	struct verdict *row = &verdicts->spare;
	struct error ignored;
	struct verdict *rows = array_room(verdicts->rows, verdicts->count,
		sizeof(*verdicts->rows), &ignored);

	if (rows == NULL)
		verdicts->failed = true;
	else {
		verdicts->rows = rows;
		row = &rows[verdicts->count++];
	}
	memset(row, 0, sizeof(*row));
	return row;
}

struct verdict *
verdict_add(struct verdicts *verdicts, enum verdict_level level,
	const char *name, const char *format, ...)
{
	struct verdict *row = new_row(verdicts);

	row->level = level;
	row->name = name;
	FORMAT_TO(row->value, format);
	return row;
}

struct verdict *
verdict_error(struct verdicts *verdicts, enum error_code code, const char *name,
	const char *format, ...)
{
	struct verdict *row = new_row(verdicts);

	row->level = VERDICT_ERROR;
	row->code = code;
	row->name = name;
	FORMAT_TO(row->value, format);
	return row;
}

void
verdict_mean(struct verdict *verdict, const char *format, ...)
{
	FORMAT_TO(verdict->meaning, format);
}

void
verdict_mend(struct verdict *verdict, const char *format, ...)
{
	FORMAT_TO(verdict->mend, format);
}

enum error_code
verdicts_code(const struct verdicts *verdicts)
{
	for (size_t i = 0; i < verdicts->count; i++)
		if (verdicts->rows[i].level == VERDICT_ERROR)
			return verdicts->rows[i].code;
	return verdicts->failed ? ERR_MEMORY : ERR_NONE;
}

/* What a server sends must not move a terminal's cursor. */
static void
append_plain(struct text *text, const char *string)
{
	for (; *string != '\0'; string++)
		text_append(text,
			iscntrl((unsigned char)*string) ? " " : string, 1);
}

void
verdicts_print(const struct verdicts *verdicts, bool quiet, struct text *text)
{
	for (size_t i = 0; i < verdicts->count; i++) {
		const struct verdict *row = &verdicts->rows[i];

		if (quiet && row->level == VERDICT_OK)
			continue;
		text_printf(
			text, "%-7s  %s: ", level_names[row->level], row->name);
		append_plain(text, row->value);
		if (row->meaning[0] != '\0') {
			text_append(text, "; ", 2);
			append_plain(text, row->meaning);
		}
		text_append(text, "\n", 1);
		if (row->mend[0] != '\0') {
			text_printf(text, "         ");
			append_plain(text, row->mend);
			text_append(text, "\n", 1);
		}
	}
}

static json_t *
row_object(const struct verdict *row)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "level",
		level_names[row->level], "name", row->name, "value",
		json_words(row->value), "meaning", json_words(row->meaning),
		"mend", json_words(row->mend));
}

bool
verdicts_json(
	const struct verdicts *verdicts, struct text *text, struct error *error)
{
	json_t *array = json_array();
	json_t *object = NULL;
	char *line = NULL;
	bool ok = array != NULL && !verdicts->failed;

	for (size_t i = 0; ok && i < verdicts->count; i++)
		ok = json_array_append_new(
			     array, row_object(&verdicts->rows[i])) == 0;
	if (ok)
		object = json_pack("{s:i, s:O}", "status",
			error_exit_status(verdicts_code(verdicts)), "findings",
			array);
	if (object != NULL)
		line = json_dumps(object, JSON_COMPACT);
	if (line != NULL)
		text_printf(text, "%s\n", line);
	ok = line != NULL && !text->failed;
	free(line);
	json_decref(object);
	json_decref(array);
	return ok || error_set_memory(error);
}
