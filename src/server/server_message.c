#include "server/server_message.h"

#include "server/sqlstate.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define SQLSTATE_LEN 5

/* libpq puts this between severity and text, and never translates it. */
#define SEPARATOR ":  "
#define SEPARATOR_LEN 3

struct line {
	const char *start;
	size_t len;
};

static bool
is_sqlstate(const char *p)
{
	for (int i = 0; i < SQLSTATE_LEN; i++) {
		if (!isupper((unsigned char)p[i]) &&
			!isdigit((unsigned char)p[i]))
			return false;
	}
	return p[SQLSTATE_LEN] == ':' && p[SQLSTATE_LEN + 1] == ' ';
}

/* Where the line's state begins; NULL if it has none. */
static const char *
find_sqlstate(const struct line *line)
{
	const char *end = line->start + line->len;
	const char *p = line->start;

	while (end - p >= SEPARATOR_LEN + SQLSTATE_LEN + 2) {
		if (memcmp(p, SEPARATOR, SEPARATOR_LEN) == 0 &&
			is_sqlstate(p + SEPARATOR_LEN))
			return p + SEPARATOR_LEN;
		p++;
	}
	return NULL;
}

/*
 * True for "WORD:  function, file.c:123"; the word is translated, so the end
 * of the line decides.
 */
static bool
is_location(const struct line *line)
{
	const char *end = line->start + line->len;
	const char *p = end;

	while (p > line->start && isdigit((unsigned char)p[-1]))
		p--;
	if (p == end || p == line->start || *--p != ':')
		return false;
	if (p - line->start < 4 || p[-2] != '.' ||
		strchr("chly", p[-1]) == NULL)
		return false;
	while (p > line->start && p[-1] != ' ')
		p--;
	if (p - line->start < SEPARATOR_LEN)
		return false;
	return memcmp(p - 2, ", ", 2) == 0 || memcmp(p - 2, "  ", 2) == 0;
}

/* What libpq adds to a line, it begins with a tab. */
static bool
is_aside(const struct text *plain, const struct line *line)
{
	return plain->len > 0 && line->start[0] == '\t';
}

/* *aside: what was appended last is one, its parenthesis still open. */
static void
append_joint(struct text *plain, struct line *line, bool *aside)
{
	bool next = is_aside(plain, line);

	if (next) {
		text_printf(plain, "%s", *aside ? " " : " (");
		line->start++;
		line->len--;
	} else if (plain->len > 0)
		text_printf(plain, "%s", *aside ? "); " : "; ");
	*aside = next;
}

static enum error_code
append_line(struct text *plain, const struct line *line, enum error_code code)
{
	const char *state = find_sqlstate(line);
	char sqlstate[SQLSTATE_LEN + 1] = "";
	const char *rest;

	if (state == NULL) {
		text_append(plain, line->start, line->len);
		return code;
	}
	rest = state + SQLSTATE_LEN + 2;
	text_append(plain, line->start, (size_t)(state - line->start));
	text_append(plain, rest, (size_t)(line->start + line->len - rest));
	memcpy(sqlstate, state, SQLSTATE_LEN);
	return code == ERR_UNREACHABLE ? code : sqlstate_class(sqlstate, NULL);
}

/* libpq tries with TLS and without, and is often told the same twice. */
static bool
is_same(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->start, b->start, a->len) == 0;
}

enum error_code
message_append_plain(struct text *plain, const char *verbose)
{
	enum error_code code = ERR_NONE;
	struct line last = {verbose, 0};
	bool aside = false;

	while (*verbose != '\0') {
		struct line line = {verbose, strcspn(verbose, "\n")};

		if (!is_location(&line) && !is_same(&line, &last)) {
			last = line;
			if (line.len > 0) {
				append_joint(plain, &line, &aside);
				code = append_line(plain, &line, code);
			}
		}
		verbose += strcspn(verbose, "\n");
		if (*verbose == '\n')
			verbose++;
	}
	if (aside)
		text_append(plain, ")", 1);
	return code == ERR_NONE ? ERR_UNREACHABLE : code;
}

void
message_sqlstate(char sqlstate[SQLSTATE_SIZE], const char *verbose)
{
	sqlstate[0] = '\0';
	while (*verbose != '\0') {
		struct line line = {verbose, strcspn(verbose, "\n")};
		const char *state = find_sqlstate(&line);

		if (state != NULL) {
			memcpy(sqlstate, state, SQLSTATE_LEN);
			sqlstate[SQLSTATE_LEN] = '\0';
		}
		verbose += line.len;
		if (*verbose == '\n')
			verbose++;
	}
}

void
message_one_line(char *line, size_t size, const char *text)
{
	size_t used = 0;

	while (*text != '\0' && used + 1 < size) {
		size_t blank = strspn(text, "\r\n\t");

		if (blank == 0)
			line[used++] = *text++;
		else if (text[blank] != '\0')
			line[used++] = ' ';
		text += blank;
	}
	line[used] = '\0';
}

void
message_hide_quoted(char *message)
{
	char *first = strchr(message, '"');
	char *last = strrchr(message, '"');

	if (first == NULL)
		return;
	for (char *p = first + 1; p < last; p++)
		*p = '.';
	if (last - first > 4)
		memmove(first + 4, last, strlen(last) + 1);
}
