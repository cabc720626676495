#include "check/finding.h"

#include "base/array.h"

#include <ctype.h>
#include <jansson.h>
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
	[FINDING_OK] = "ok",
	[FINDING_WARNING] = "warning",
	[FINDING_ERROR] = "error",
};

void
findings_init(struct findings *findings)
{
	*findings = (struct findings){.count = 0};
}

void
findings_free(struct findings *findings)
{
	free(findings->rows);
	findings_init(findings);
}

static struct finding *
new_row(struct findings *findings)
{
	struct finding *row = &findings->spare;
	struct error ignored;
	struct finding *rows = array_room(findings->rows, findings->count,
		sizeof(*findings->rows), &ignored);

	if (rows == NULL)
		findings->failed = true;
	else {
		findings->rows = rows;
		row = &rows[findings->count++];
	}
	memset(row, 0, sizeof(*row));
	return row;
}

struct finding *
finding_add(struct findings *findings, enum finding_level level,
	const char *name, const char *format, ...)
{
	struct finding *row = new_row(findings);

	row->level = level;
	row->name = name;
	FORMAT_TO(row->value, format);
	return row;
}

struct finding *
finding_error(struct findings *findings, enum error_code code, const char *name,
	const char *format, ...)
{
	struct finding *row = new_row(findings);

	row->level = FINDING_ERROR;
	row->code = code;
	row->name = name;
	FORMAT_TO(row->value, format);
	return row;
}

void
finding_mean(struct finding *finding, const char *format, ...)
{
	FORMAT_TO(finding->meaning, format);
}

void
finding_mend(struct finding *finding, const char *format, ...)
{
	FORMAT_TO(finding->mend, format);
}

enum error_code
findings_code(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->rows[i].level == FINDING_ERROR)
			return findings->rows[i].code;
	return findings->failed ? ERR_MEMORY : ERR_NONE;
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
findings_print(const struct findings *findings, bool quiet, struct text *text)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *row = &findings->rows[i];

		if (quiet && row->level == FINDING_OK)
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

/* Bytes that are no UTF-8 become question marks: JSON holds no others. */
static json_t *
json_words(const char *string)
{
	json_t *value;
	char copy[sizeof(((struct finding *)NULL)->mend)];

	if (string[0] == '\0')
		return json_null();
	value = json_string(string);
	if (value != NULL)
		return value;
	(void)snprintf(copy, sizeof(copy), "%s", string);
	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p > 127)
			*p = '?';
	return json_string(copy);
}

static json_t *
row_object(const struct finding *row)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "level",
		level_names[row->level], "name", row->name, "value",
		json_words(row->value), "meaning", json_words(row->meaning),
		"mend", json_words(row->mend));
}

bool
findings_json(
	const struct findings *findings, struct text *text, struct error *error)
{
	json_t *array = json_array();
	json_t *object = NULL;
	char *line = NULL;
	bool ok = array != NULL && !findings->failed;

	for (size_t i = 0; ok && i < findings->count; i++)
		ok = json_array_append_new(
			     array, row_object(&findings->rows[i])) == 0;
	if (ok)
		object = json_pack("{s:i, s:O}", "status",
			error_exit_status(findings_code(findings)), "findings",
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
