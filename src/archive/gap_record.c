#include "archive/gap_record.h"

#include "base/array.h"
#include "base/number.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Some ten thousand gaps: nobody accepts more. */
#define GAP_FILE_MAX ((size_t)1 << 20)

/* More than any line that we write. */
#define GAP_LINE_MAX 64

/* The content so far; a file that does not exist is an empty one. */
static bool
read_record(const struct directory *directory, struct text *content,
	struct error *error)
{
	return durable_read_file(directory, GAP_FILE_NAME, GAP_FILE_MAX,
		       content, error) ||
		error->code == ERR_NOT_FOUND;
}

/* Read "TIMELINE BEGIN END"; the line is cut into pieces. */
static bool
parse_gap(char *line, struct gap *gap)
{
	char *begin = strchr(line, ' ');
	char *end = begin == NULL ? NULL : strchr(begin + 1, ' ');
	struct error ignored;
	int64_t timeline;

	if (end == NULL)
		return false;
	*begin = '\0';
	*end = '\0';
	if (!number_parse(line, "timeline", 1, UINT32_MAX, &timeline, &ignored))
		return false;
	gap->timeline = (uint32_t)timeline;
	return lsn_parse(begin + 1, &gap->begin) &&
		lsn_parse(end + 1, &gap->end);
}

/* Read the line at *next, which ends before end, and step over it. */
static bool
next_gap(const char **next, const char *end, struct gap *gap,
	struct error *error)
{
	const char *newline = memchr(*next, '\n', (size_t)(end - *next));
	size_t len = newline == NULL ? 0 : (size_t)(newline - *next);
	size_t shown = strcspn(*next, "\n");
	char line[GAP_LINE_MAX];

	if (len < sizeof(line)) {
		memcpy(line, *next, len);
		line[len] = '\0';
		if (strlen(line) == len && parse_gap(line, gap)) {
			*next = newline + 1;
			return true;
		}
	}
	return error_set(error, ERR_DAMAGED,
		"file \"%s\" has a line that is not a gap: \"%.*s\"",
		GAP_FILE_NAME, shown < GAP_LINE_MAX ? (int)shown : GAP_LINE_MAX,
		*next);
}

/* *found: all of the WAL that wanted lacks is recorded as missing. */
static bool
search(const struct text *content, const struct gap *wanted, bool *found,
	struct error *error)
{
	const char *next = content->string;
	const char *end = next + content->len;
	bool seen = false;

	while (next < end) {
		struct gap gap;

		if (!next_gap(&next, end, &gap, error))
			return false;
		if (gap.timeline == wanted->timeline &&
			gap.begin <= wanted->begin && wanted->end <= gap.end)
			seen = true;
	}
	*found = seen;
	return true;
}

static bool
parse_record(const struct text *content, struct gap **gaps, size_t *count,
	struct error *error)
{
	const char *next = content->string;
	const char *end = next + content->len;
	struct gap *list = NULL;
	size_t n = 0;

	while (next < end) {
		struct gap *larger = array_room(list, n, sizeof(*list), error);

		if (larger == NULL)
			goto failed;
		list = larger;
		if (!next_gap(&next, end, &list[n], error))
			goto failed;
		n++;
	}
	*gaps = list;
	*count = n;
	return true;

failed:
	free(list);
	return false;
}

bool
gap_record_read(const struct directory *directory, struct gap **gaps,
	size_t *count, struct error *error)
{
	struct text content;
	bool ok;

	text_init(&content);
	ok = read_record(directory, &content, error) &&
		parse_record(&content, gaps, count, error);
	text_free(&content);
	return ok;
}

bool
gap_record_find(const struct directory *directory, uint32_t timeline, lsn at,
	bool *accepted, struct error *error)
{
	const struct gap wanted = {timeline, at, at + 1};
	struct text content;
	bool ok;

	text_init(&content);
	ok = read_record(directory, &content, error) &&
		search(&content, &wanted, accepted, error);
	text_free(&content);
	return ok;
}

/* Write the record anew with one more line. */
static bool
append(const struct directory *directory, struct text *content,
	const struct gap *gap, struct error *error)
{
	text_printf(content, "%" PRIu32 " " LSN_FORMAT " " LSN_FORMAT "\n",
		gap->timeline, LSN_ARGS(gap->begin), LSN_ARGS(gap->end));
	if (content->failed)
		return error_set_memory(error);
	return durable_write_file(
		directory, GAP_FILE_NAME, content->string, content->len, error);
}

bool
gap_record_add(const struct directory *directory, const struct gap *gap,
	struct error *error)
{
	struct text content;
	bool recorded;
	bool ok;

	text_init(&content);
	ok = read_record(directory, &content, error) &&
		search(&content, gap, &recorded, error) &&
		(recorded || append(directory, &content, gap, error));
	text_free(&content);
	return ok;
}
