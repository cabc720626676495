#include "script.h"

#include "base/text.h"

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *
read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	struct text text;
	char piece[4096];
	size_t got;

	if (file == NULL)
		err(2, "could not open \"%s\"", path);
	text_init(&text);
	text_append(&text, "", 0);
	while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
		text_append(&text, piece, got);
	if (ferror(file) || fclose(file) != 0 || text.failed)
		err(2, "could not read \"%s\"", path);
	return text.room > 0 ? text.string : strdup("");
}

static char
unescape(char c)
{
	if (c == 'n')
		return '\n';
	return c == 't' ? '\t' : c;
}

/* Take a quoted word, whose quote is behind; it gets shorter where it is. */
static char *
take_quoted(char **next, int line)
{
	char *from = *next;
	char *to = *next;
	char *word = to;

	while (*from != '"') {
		if (*from == '\\')
			from++;
		if (*from == '\0')
			errx(2, "line %d: a quote is missing", line);
		*to++ = from[-1] == '\\' && from > *next ? unescape(*from)
							 : *from;
		from++;
	}
	*next = from + 1;
	*to = '\0';
	return word;
}

static char *
take_word(char **next, int line)
{
	char *word;

	*next += strspn(*next, " \t");
	if (**next == '\0' || **next == '#')
		return NULL;
	if (**next == '"') {
		(*next)++;
		return take_quoted(next, line);
	}
	word = *next;
	*next += strcspn(*next, " \t");
	if (**next != '\0')
		*(*next)++ = '\0';
	return word;
}

static void
add_line(struct script *script, char *text, int line)
{
	struct statement statement = {.line = line};
	char *word;

	while ((word = take_word(&text, line)) != NULL) {
		if (statement.count == WORDS_MAX)
			errx(2, "line %d: too many words", line);
		statement.words[statement.count++] = word;
	}
	if (statement.count == 0)
		return;
	script->statements = realloc(
		script->statements, (script->count + 1) * sizeof(statement));
	if (script->statements == NULL)
		err(2, "realloc");
	script->statements[script->count++] = statement;
}

void
script_read(struct script *script, const char *path)
{
	char *next;
	int line = 0;

	*script = (struct script){.text = read_file(path)};
	next = script->text;
	while (next != NULL) {
		char *end = strchr(next, '\n');
		char *text = next;

		if (end != NULL)
			*end = '\0';
		next = end == NULL ? NULL : end + 1;
		add_line(script, text, ++line);
	}
}

void
script_free(struct script *script)
{
	free(script->statements);
	free(script->text);
}

static bool
begins_section(const struct statement *statement)
{
	return strcmp(statement->words[0], "connection") == 0;
}

static size_t
next_section(const struct script *script, size_t from)
{
	while (from < script->count &&
		!begins_section(&script->statements[from]))
		from++;
	return from;
}

size_t
script_section(const struct script *script, size_t number, size_t *end)
{
	size_t begin = 0;

	*end = next_section(script, 0);
	while (number > 0 && *end < script->count) {
		begin = *end + 1;
		*end = next_section(script, begin);
		number--;
	}
	return begin;
}
