#include "wal/timeline_history.h"

#include <stdlib.h>
#include <string.h>

#define LSN_TEXT_MAX (8 + 1 + 8)

/* A line's bytes, blanks at its beginning passed over. */
struct line {
	const char *text;
	size_t len;
	size_t number; /* counted from 1 */
};

void
timeline_history_init(struct timeline_history *history)
{
	history->entries = NULL;
	history->count = 0;
}

void
timeline_history_free(struct timeline_history *history)
{
	free(history->entries);
	timeline_history_init(history);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static void
skip_blanks(struct line *line)
{
	while (line->len > 0 && is_blank(*line->text)) {
		line->text++;
		line->len--;
	}
}

/* Take the next line off the text; false at its end. */
static bool
next_line(const char **text, size_t *len, struct line *line)
{
	const char *newline;
	size_t taken;

	if (*len == 0)
		return false;
	newline = memchr(*text, '\n', *len);
	line->text = *text;
	line->len = newline != NULL ? (size_t)(newline - *text) : *len;
	line->number++;

	taken = line->len + (newline != NULL ? 1 : 0);
	*text += taken;
	*len -= taken;
	skip_blanks(line);
	return true;
}

static bool
take_timeline(struct line *line, uint32_t *timeline)
{
	uint64_t value = 0;

	while (line->len > 0 && *line->text >= '0' && *line->text <= '9') {
		value = value * 10 + (uint64_t)(*line->text - '0');
		if (value > UINT32_MAX)
			return false;
		line->text++;
		line->len--;
	}
	*timeline = (uint32_t)value;
	return value != 0 && line->len > 0 && is_blank(*line->text);
}

static bool
take_lsn(struct line *line, lsn *position)
{
	char copy[LSN_TEXT_MAX + 1];
	size_t len = 0;

	skip_blanks(line);
	while (len < line->len && !is_blank(line->text[len]))
		len++;
	if (len > LSN_TEXT_MAX)
		return false;
	memcpy(copy, line->text, len);
	copy[len] = '\0';
	return memchr(copy, '\0', len) == NULL && lsn_parse(copy, position);
}

/* Add a timeline behind the last, which need not be closed yet. */
static bool
push_entry(struct timeline_history *history, uint32_t timeline, lsn end,
	struct error *error)
{
	size_t count = history->count;
	struct timeline_entry *entries;

	/* The room doubles whenever the count reaches a power of two. */
	if ((count & (count - 1)) == 0) {
		size_t room = count == 0 ? 1 : count * 2;

		if (room > SIZE_MAX / sizeof(*entries))
			return error_set_memory(error);
		entries = realloc(history->entries, room * sizeof(*entries));
		if (entries == NULL)
			return error_set_memory(error);
		history->entries = entries;
	}
	history->entries[count].timeline = timeline;
	history->entries[count].begin =
		count == 0 ? LSN_NONE : history->entries[count - 1].end;
	history->entries[count].end = end;
	history->count++;
	return true;
}

static bool
add_line(struct timeline_history *history, uint32_t target, struct line *line,
	struct error *error)
{
	const struct timeline_entry *last = NULL;
	uint32_t timeline;
	lsn end;

	if (!take_timeline(line, &timeline) || !take_lsn(line, &end))
		return error_set(error, ERR_PROTOCOL,
			"line %zu of the history of timeline %u "
			"is malformed",
			line->number, target);

	if (history->count > 0)
		last = &history->entries[history->count - 1];
	if (timeline >= target || (last != NULL && timeline <= last->timeline))
		return error_set(error, ERR_PROTOCOL,
			"line %zu of the history of timeline %u: timeline %u "
			"is out of order",
			line->number, target, timeline);
	if (last != NULL && end < last->end)
		return error_set(error, ERR_PROTOCOL,
			"line %zu of the history of timeline %u: switch "
			"point " LSN_FORMAT " lies before the one above it",
			line->number, target, LSN_ARGS(end));
	return push_entry(history, timeline, end, error);
}

bool
timeline_history_parse(struct timeline_history *history, uint32_t target,
	const char *text, size_t len, struct error *error)
{
	struct timeline_history result;
	struct line line = {.number = 0};
	bool done = false;

	timeline_history_init(&result);
	while (next_line(&text, &len, &line)) {
		if (line.len == 0 || *line.text == '#')
			continue;
		if (!add_line(&result, target, &line, error))
			goto finish;
	}
	if (!push_entry(&result, target, LSN_MAX, error))
		goto finish;

	*history = result;
	timeline_history_init(&result);
	done = true;
finish:
	timeline_history_free(&result);
	return done;
}

const struct timeline_entry *
timeline_history_next(const struct timeline_history *history,
	const struct timeline_entry *entry)
{
	size_t next = (size_t)(entry - history->entries) + 1;

	return next < history->count ? &history->entries[next] : NULL;
}
