#include "archive/gap_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Some ten thousand gaps: nobody accepts more. */
#define GAP_FILE_MAX ((size_t)1 << 20)

/* Longer than any line that we write. */
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

/* Read the line at *next and step over it. False at the end. */
static bool
next_gap(const char **next, struct gap *gap)
{
	uint32_t begin_high;
	uint32_t begin_low;
	uint32_t end_high;
	uint32_t end_low;

	if (sscanf(*next,
		    "%" SCNu32 " %" SCNx32 "/%" SCNx32 " %" SCNx32 "/%" SCNx32,
		    &gap->timeline, &begin_high, &begin_low, &end_high,
		    &end_low) != 5)
		return false;
	gap->begin = (lsn)begin_high << 32 | begin_low;
	gap->end = (lsn)end_high << 32 | end_low;
	*next += strcspn(*next, "\n");
	*next += **next == '\n';
	return true;
}

/* Look for a gap that holds LSN at. */
static bool
search(const struct text *content, uint32_t timeline, lsn at, bool *found,
	struct error *error)
{
	const char *next = content->string;
	struct gap gap;

	*found = false;
	while (next_gap(&next, &gap))
		if (gap.timeline == timeline && gap.begin <= at && at < gap.end)
			*found = true;
	if (*next != '\0')
		return error_set(error, ERR_DAMAGED,
			"file \"%s\" has a line that is not a gap: \"%.40s\"",
			GAP_FILE_NAME, next);
	return true;
}

bool
gap_record_find(const struct directory *directory, uint32_t timeline, lsn at,
	bool *accepted, struct error *error)
{
	struct text content;
	bool ok;

	text_init(&content);
	ok = read_record(directory, &content, error) &&
		search(&content, timeline, at, accepted, error);
	text_free(&content);
	return ok;
}

bool
gap_record_add(const struct directory *directory, const struct gap *gap,
	struct error *error)
{
	char line[GAP_LINE_MAX];
	struct text content;
	bool ok;

	(void)snprintf(line, sizeof(line),
		"%" PRIu32 " " LSN_FORMAT " " LSN_FORMAT "\n", gap->timeline,
		LSN_ARGS(gap->begin), LSN_ARGS(gap->end));
	text_init(&content);
	ok = read_record(directory, &content, error);
	if (ok && strstr(content.string, line) == NULL) {
		text_append(&content, line, strlen(line));
		ok = content.failed
			? error_set_memory(error)
			: durable_write_file(directory, GAP_FILE_NAME,
				  content.string, content.len, error);
	}
	text_free(&content);
	return ok;
}
