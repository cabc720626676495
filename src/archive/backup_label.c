#include "archive/backup_label.h"

#include "base/number.h"
#include "wal/segment_name.h"

#include <string.h>

#define TIMELINE_BEGIN "START TIMELINE: "
#define FILE_BEGIN " (file "

/* The longest line that is looked into. */
#define LINE_MAX_LEN 128

/* Does segment, a name of 24 digits, hold the LSN in some segment size? */
static bool
segment_holds(const char *segment, lsn at, uint32_t *timeline)
{
	for (uint32_t size = WAL_SEGMENT_SIZE_MIN; size <= WAL_SEGMENT_SIZE_MAX;
		size *= 2) {
		uint64_t number;

		if (segment_name_parse(segment, size, timeline, &number) &&
			number == lsn_segment_number(at, size))
			return true;
	}
	return false;
}

/* "0/2000028 (file 000000010000000000000002)", which is cut into pieces. */
static bool
parse_location(struct backup_start *start, char *location)
{
	char *file = strstr(location, FILE_BEGIN);
	const char *name;

	if (file == NULL)
		return false;
	*file = '\0';
	name = file + strlen(FILE_BEGIN);
	return strlen(name) == SEGMENT_NAME_LEN + 1 &&
		name[SEGMENT_NAME_LEN] == ')' &&
		lsn_parse(location, &start->at) && start->at != LSN_NONE &&
		segment_holds(name, start->at, &start->timeline);
}

/* PostgreSQL 11 and later say the timeline once more. */
static bool
check_line(const struct backup_start *start, const char *line)
{
	struct error ignored;
	int64_t timeline;

	if (strncmp(line, TIMELINE_BEGIN, strlen(TIMELINE_BEGIN)) != 0)
		return true;
	return number_parse(line + strlen(TIMELINE_BEGIN), "timeline", 1,
		       UINT32_MAX, &timeline, &ignored) &&
		timeline == start->timeline;
}

/*
 * Copy the line at *next, as far as it matters, and step over it. False: it
 * does not end, so something is missing.
 */
static bool
next_line(const char **next, const char *end, char line[LINE_MAX_LEN])
{
	const char *newline = memchr(*next, '\n', (size_t)(end - *next));
	size_t len;

	if (newline == NULL)
		return false;
	len = (size_t)(newline - *next);
	if (len >= LINE_MAX_LEN)
		len = LINE_MAX_LEN - 1;
	memcpy(line, *next, len);
	line[len] = '\0';
	*next = newline + 1;
	return true;
}

bool
backup_label_parse(struct backup_start *result, const char *text, size_t len,
	struct error *error)
{
	struct backup_start start = {.system_identifier = 0};
	const char *next = text;
	const char *end = text + len;
	char line[LINE_MAX_LEN];

	if (!next_line(&next, end, line) ||
		strncmp(line, BACKUP_LABEL_BEGIN, strlen(BACKUP_LABEL_BEGIN)) !=
			0 ||
		!parse_location(&start, line + strlen(BACKUP_LABEL_BEGIN)))
		return error_set(error, ERR_DAMAGED,
			"its first line does not say where WAL starts");
	while (next < end) {
		if (!next_line(&next, end, line))
			return error_set(error, ERR_DAMAGED,
				"its last line is incomplete");
		if (!check_line(&start, line))
			return error_set(error, ERR_DAMAGED,
				"its timelines differ: %u and \"%s\"",
				start.timeline, line);
	}
	*result = start;
	return true;
}
