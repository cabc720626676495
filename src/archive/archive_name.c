#include "archive/archive_name.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define PARTIAL_SUFFIX ".partial"
#define TEMPORARY_SUFFIX ".tmp"

/* ".walfetch.status" and the like. */
#define STATE_PREFIX ".walfetch."

/* What follows the 24 digits: a codec's suffix, then ".partial" or nothing. */
static bool
parse_suffix(const char *suffix, struct archive_name *parsed)
{
	for (int i = 0; i < CODECS; i++) {
		const char *codec = codec_suffix((enum codec)i);
		size_t len = strlen(codec);
		const char *rest = suffix + len;

		if (strncmp(suffix, codec, len) != 0)
			continue;
		if (*rest != '\0' && strcmp(rest, PARTIAL_SUFFIX) != 0)
			continue;
		parsed->kind = *rest == '\0' ? NAME_SEGMENT : NAME_PARTIAL;
		parsed->codec = (enum codec)i;
		return true;
	}
	return false;
}

static void
parse_final(
	struct archive_name *parsed, const char *name, uint32_t segment_size)
{
	struct archive_name found = {.kind = NAME_OTHER};

	if (history_name_parse(name, &found.timeline)) {
		found.kind = NAME_HISTORY;
		*parsed = found;
	} else if (segment_name_parse(name, segment_size, &found.timeline,
			   &found.number) &&
		parse_suffix(name + SEGMENT_NAME_LEN, &found)) {
		*parsed = found;
	}
}

/* ".NAME.tmp" with the name of a file that we write. */
static bool
is_temporary(const char *name, uint32_t segment_size)
{
	struct archive_name inner = {.kind = NAME_OTHER};
	char copy[ARCHIVE_NAME_MAX];
	size_t len = strlen(name);
	size_t suffix_len = strlen(TEMPORARY_SUFFIX);

	if (name[0] != '.' || len <= 1 + suffix_len || len >= sizeof(copy) ||
		strcmp(name + len - suffix_len, TEMPORARY_SUFFIX) != 0)
		return false;
	memcpy(copy, name + 1, len - 1 - suffix_len);
	copy[len - 1 - suffix_len] = '\0';
	parse_final(&inner, copy, segment_size);
	return inner.kind != NAME_OTHER ||
		strncmp(copy, STATE_PREFIX, strlen(STATE_PREFIX)) == 0;
}

void
archive_name_parse(
	struct archive_name *parsed, const char *name, uint32_t segment_size)
{
	*parsed = (struct archive_name){.kind = NAME_OTHER};
	if (is_temporary(name, segment_size))
		parsed->kind = NAME_TEMPORARY;
	else
		parse_final(parsed, name, segment_size);
}

void
archive_name_format(char name[ARCHIVE_NAME_MAX],
	const struct archive_name *parsed, uint32_t segment_size)
{
	char digits[SEGMENT_NAME_LEN + 1];

	assert(parsed->kind == NAME_SEGMENT || parsed->kind == NAME_PARTIAL);
	segment_name_format(
		digits, parsed->timeline, parsed->number, segment_size);
	(void)snprintf(name, ARCHIVE_NAME_MAX, "%s%s%s", digits,
		codec_suffix(parsed->codec),
		parsed->kind == NAME_PARTIAL ? PARTIAL_SUFFIX : "");
}

void
archive_name_temporary(char temporary[ARCHIVE_NAME_MAX], const char *name)
{
	int len = snprintf(
		temporary, ARCHIVE_NAME_MAX, ".%s%s", name, TEMPORARY_SUFFIX);

	assert(len > 0 && len < ARCHIVE_NAME_MAX);
	(void)len;
}
