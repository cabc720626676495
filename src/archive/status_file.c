#include "archive/status_file.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* More than all strings of a status together. */
#define STATUS_FILE_MAX ((size_t)16 << 10)

#define HEADING "walfetch-status 1"

static const char *const state_names[RECEIVER_STATES] = {
	[RECEIVER_CONNECTING] = "connecting",
	[RECEIVER_STARTING] = "starting",
	[RECEIVER_STREAMING] = "streaming",
	[RECEIVER_CLOSING] = "closing",
	[RECEIVER_RETRYING] = "retrying",
	[RECEIVER_STOPPED] = "stopped",
	[RECEIVER_FAILED] = "failed",
};

enum field_kind {
	FIELD_TIME, /* int64_t, also below 0 */
	FIELD_LSN,
	FIELD_U64,
	FIELD_U32, /* and unsigned */
	FIELD_FLAG,
	FIELD_STRING
};

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	size_t size; /* of a string */
};

#define FIELD(name, kind)                                              \
	{                                                              \
#name, kind, offsetof(struct receiver_status, name),   \
			sizeof(((struct receiver_status *)NULL)->name) \
	}

static const struct field fields[] = {
	FIELD(started_us, FIELD_TIME),
	FIELD(since_us, FIELD_TIME),
	FIELD(updated_us, FIELD_TIME),
	FIELD(timeline, FIELD_U32),
	FIELD(segment_size, FIELD_U32),
	FIELD(received, FIELD_LSN),
	FIELD(durable, FIELD_LSN),
	FIELD(archived, FIELD_LSN),
	FIELD(server_end, FIELD_LSN),
	FIELD(rate, FIELD_U64),
	FIELD(lag_us, FIELD_TIME),
	FIELD(in_work, FIELD_U32),
	FIELD(synchronous, FIELD_FLAG),
	FIELD(space_short, FIELD_FLAG),
	FIELD(status_interval_us, FIELD_TIME),
	FIELD(failed_us, FIELD_TIME),
	FIELD(failure, FIELD_STRING),
	FIELD(hint, FIELD_STRING),
	FIELD(server, FIELD_STRING),
	FIELD(slot, FIELD_STRING),
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "in_work is a FIELD_U32");

const char *
receiver_state_name(enum receiver_state state)
{
	return state_names[state];
}

/* What would end the line, or a terminal's peace, becomes a blank. */
static void
append_line_of(struct text *text, const char *string)
{
	for (; *string != '\0'; string++) {
		bool plain = !iscntrl((unsigned char)*string);

		text_append(text, plain ? string : " ", 1);
	}
}

static void
append_field(struct text *text, const struct field *field,
	const struct receiver_status *status)
{
	const char *at = (const char *)status + field->offset;
	uint64_t wide;
	uint32_t narrow;
	int64_t signed_wide;
	bool flag;

	text_printf(text, "%s ", field->name);
	switch (field->kind) {
	case FIELD_TIME:
		memcpy(&signed_wide, at, sizeof(signed_wide));
		text_printf(text, "%" PRId64, signed_wide);
		break;
	case FIELD_LSN:
		memcpy(&wide, at, sizeof(wide));
		text_printf(text, LSN_FORMAT, LSN_ARGS(wide));
		break;
	case FIELD_U64:
		memcpy(&wide, at, sizeof(wide));
		text_printf(text, "%" PRIu64, wide);
		break;
	case FIELD_U32:
		memcpy(&narrow, at, sizeof(narrow));
		text_printf(text, "%" PRIu32, narrow);
		break;
	case FIELD_FLAG:
		memcpy(&flag, at, sizeof(flag));
		text_printf(text, "%d", flag ? 1 : 0);
		break;
	case FIELD_STRING:
		append_line_of(text, at);
		break;
	}
	text_append(text, "\n", 1);
}

bool
status_file_write(const struct directory *directory,
	const struct receiver_status *status, struct error *error)
{
	struct directory unsynced = *directory;
	struct text text;
	bool ok;

	unsynced.sync = false;
	text_init(&text);
	text_printf(&text, HEADING "\npid %ld\nstate %s\n", status->pid,
		receiver_state_name(status->state));
	for (size_t i = 0; i < FIELDS; i++)
		append_field(&text, &fields[i], status);
	ok = text.failed ? error_set_memory(error)
			 : durable_write_file(&unsynced, STATUS_FILE_NAME,
				   text.string, text.len, error);
	text_free(&text);
	return ok;
}

/* A decimal number that fills the string. */
static bool
parse_integer(const char *string, int64_t *value)
{
	char *end;
	long long number;

	if (!isdigit((unsigned char)string[string[0] == '-']))
		return false;
	number = strtoll(string, &end, 10);
	if (*end != '\0' || number == LLONG_MAX || number == LLONG_MIN)
		return false;
	*value = number;
	return true;
}

static bool
parse_state(const char *value, enum receiver_state *state)
{
	for (int i = 0; i < RECEIVER_STATES; i++) {
		if (strcmp(value, state_names[i]) != 0)
			continue;
		*state = (enum receiver_state)i;
		return true;
	}
	return false;
}

/* A string that is too long for its place is cut off. */
static void
take_string(char *to, size_t size, const char *value)
{
	size_t i = 0;

	for (; value[i] != '\0' && i + 1 < size; i++)
		to[i] = (char)(iscntrl((unsigned char)value[i]) ? ' '
								: value[i]);
	to[i] = '\0';
}

static bool
take_field(const struct field *field, const char *value,
	struct receiver_status *status)
{
	char *at = (char *)status + field->offset;
	int64_t number = 0;
	lsn position;
	uint32_t narrow;
	bool flag;

	if (field->kind == FIELD_STRING) {
		take_string(at, field->size, value);
		return true;
	}
	if (field->kind == FIELD_LSN) {
		if (!lsn_parse(value, &position))
			return false;
		memcpy(at, &position, sizeof(position));
		return true;
	}
	if (!parse_integer(value, &number) ||
		(number < 0 && field->kind != FIELD_TIME))
		return false;
	if (field->kind == FIELD_U32) {
		if (number > UINT32_MAX)
			return false;
		narrow = (uint32_t)number;
		memcpy(at, &narrow, sizeof(narrow));
	} else if (field->kind == FIELD_FLAG) {
		flag = number != 0;
		memcpy(at, &flag, sizeof(flag));
	} else
		memcpy(at, &number, sizeof(number));
	return true;
}

static bool
take_line(const char *name, const char *value, struct receiver_status *status)
{
	int64_t pid;

	if (strcmp(name, "pid") == 0) {
		if (!parse_integer(value, &pid) || pid < 0 || pid > INT_MAX)
			return false;
		status->pid = (long)pid;
		return true;
	}
	if (strcmp(name, "state") == 0)
		return parse_state(value, &status->state);
	for (size_t i = 0; i < FIELDS; i++)
		if (strcmp(name, fields[i].name) == 0)
			return take_field(&fields[i], value, status);
	return true;
}

/* The lines are cut into pieces. */
static bool
parse(char *content, size_t len, struct receiver_status *status)
{
	char *end = content + len;
	char *line = content;
	bool heading = true;

	while (line < end) {
		char *newline = memchr(line, '\n', (size_t)(end - line));
		char *value;

		if (newline == NULL)
			return false;
		*newline = '\0';
		value = strchr(line, ' ');
		if (heading ? strcmp(line, HEADING) != 0 : value == NULL)
			return false;
		if (!heading) {
			*value = '\0';
			if (!take_line(line, value + 1, status))
				return false;
		}
		heading = false;
		line = newline + 1;
	}
	return !heading;
}

bool
status_file_read(const struct directory *directory,
	struct receiver_status *status, struct error *error)
{
	struct receiver_status found = {.state = RECEIVER_CONNECTING};
	struct text content;
	bool ok;

	text_init(&content);
	ok = durable_read_file(
		directory, STATUS_FILE_NAME, STATUS_FILE_MAX, &content, error);
	if (ok && !parse(content.string, content.len, &found))
		ok = error_set(error, ERR_DAMAGED,
			"file \"%s\" is not the status of a receiver",
			STATUS_FILE_NAME);
	text_free(&content);
	if (ok)
		*status = found;
	return ok;
}
