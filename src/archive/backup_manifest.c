#include "archive/backup_manifest.h"

#include "base/text.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_LEN ((size_t)64 * 1024)

/* What lies outside the rows: some hundred bytes in a server's manifest. */
#define KEPT_MAX ((size_t)1 << 20)

#define VERSION_KEY "PostgreSQL-Backup-Manifest-Version"
#define SYSTEM_KEY "System-Identifier"
#define RANGES_KEY "WAL-Ranges"
#define KEY_MAX 64

/*
 * Lets pass what is directly in the outermost object and, of what lies deeper,
 * only the WAL ranges. Numbers of the object become strings: jansson's are
 * signed, a system identifier is not.
 */
struct sieve {
	struct text kept;
	unsigned depth; /* of brackets; the outermost object is 1 */
	bool in_string;
	bool escaped;
	bool in_number;
	char key[KEY_MAX]; /* the last string of the outermost object */
	size_t key_len;
};

static bool
is_kept(const struct sieve *sieve)
{
	return sieve->depth <= 1 || strcmp(sieve->key, RANGES_KEY) == 0;
}

static void
keep(struct sieve *sieve, char byte)
{
	text_append(&sieve->kept, &byte, 1);
}

static void
take_in_string(struct sieve *sieve, char byte)
{
	bool ends = byte == '"' && !sieve->escaped;

	sieve->escaped = byte == '\\' && !sieve->escaped;
	sieve->in_string = !ends;
	if (sieve->depth == 1 && !ends && sieve->key_len + 1 < KEY_MAX) {
		sieve->key[sieve->key_len++] = byte;
		sieve->key[sieve->key_len] = '\0';
	}
	if (is_kept(sieve))
		keep(sieve, byte);
}

/* Quote numbers of the outermost object. */
static void
mark_number(struct sieve *sieve, char byte)
{
	bool within = byte != '\0' && strchr("+-.0123456789", byte) != NULL;

	if (within != sieve->in_number && sieve->depth == 1)
		keep(sieve, '"');
	sieve->in_number = within;
}

static void
take_byte(struct sieve *sieve, char byte)
{
	if (sieve->in_string) {
		take_in_string(sieve, byte);
		return;
	}
	mark_number(sieve, byte);
	if (byte == '}' || byte == ']')
		sieve->depth -= sieve->depth > 0;
	if (is_kept(sieve))
		keep(sieve, byte);
	if (byte == '{' || byte == '[')
		sieve->depth++;
	if (byte == '"') {
		sieve->in_string = true;
		if (sieve->depth == 1)
			sieve->key_len = 0;
	}
}

static bool
sift(struct sieve *sieve, codec_source source, void *context,
	struct error *error)
{
	char *piece = malloc(PIECE_LEN);
	bool success = false;
	size_t len;

	if (piece == NULL)
		return error_set_memory(error);
	for (;;) {
		len = PIECE_LEN;
		if (!source(context, piece, &len, error))
			goto finish;
		if (len == 0)
			break;
		if (memchr(piece, '\0', len) != NULL) {
			error_set(error, ERR_DAMAGED, "it is not JSON");
			goto finish;
		}
		for (size_t i = 0; i < len; i++)
			take_byte(sieve, piece[i]);
		if (sieve->kept.len > KEPT_MAX) {
			error_set(error, ERR_DAMAGED, "it is too large");
			goto finish;
		}
		if (sieve->kept.failed) {
			error_set_memory(error);
			goto finish;
		}
	}
	success = true;

finish:
	free(piece);
	return success;
}

/* A position under this key of a WAL range. */
static bool
get_lsn(const json_t *range, const char *key, lsn *at)
{
	const char *string = json_string_value(json_object_get(range, key));

	return string != NULL && lsn_parse(string, at);
}

static bool
parse_range(const json_t *range, struct backup_start *start)
{
	const json_t *timeline = json_object_get(range, "Timeline");
	json_int_t number = json_integer_value(timeline);
	lsn end;

	if (number < 1 || number > UINT32_MAX ||
		!get_lsn(range, "Start-LSN", &start->at) ||
		!get_lsn(range, "End-LSN", &end))
		return false;
	start->timeline = (uint32_t)number;
	return start->at != LSN_NONE && start->at <= end;
}

/*
 * A backup during which the server went on to another timeline has a range
 * for each, in no order that is promised.
 */
static bool
find_first(const json_t *ranges, struct backup_start *first)
{
	struct backup_start start = {.timeline = 0};
	const json_t *range;
	size_t i;

	json_array_foreach(ranges, i, range)
	{
		if (!parse_range(range, &start))
			return false;
		if (i == 0 || start.at < first->at ||
			(start.at == first->at &&
				start.timeline < first->timeline))
			*first = start;
	}
	return json_array_size(ranges) > 0;
}

/* Digits only; without the key it stays 0. */
static bool
get_system_identifier(const json_t *manifest, uint64_t *identifier)
{
	const json_t *value = json_object_get(manifest, SYSTEM_KEY);
	const char *string = json_string_value(value);
	char *end;

	*identifier = 0;
	if (value == NULL)
		return true;
	if (string == NULL || *string == '\0' ||
		strspn(string, "0123456789") != strlen(string))
		return false;
	errno = 0;
	*identifier = strtoull(string, &end, 10);
	return errno == 0 && *identifier != 0;
}

static bool
parse_manifest(struct backup_start *result, const json_t *manifest,
	struct error *error)
{
	struct backup_start start = {.timeline = 0};

	if (json_object_get(manifest, VERSION_KEY) == NULL)
		return error_set(
			error, ERR_DAMAGED, "it has no \"%s\"", VERSION_KEY);
	if (!find_first(json_object_get(manifest, RANGES_KEY), &start))
		return error_set(error, ERR_DAMAGED,
			"its \"%s\" do not say where WAL starts", RANGES_KEY);
	if (!get_system_identifier(manifest, &start.system_identifier))
		return error_set(
			error, ERR_DAMAGED, "its \"%s\" is none", SYSTEM_KEY);
	*result = start;
	return true;
}

/*
 * Without memory, jansson may lose bytes of a string or a number and go on:
 * what is read twice the same was not.
 */
static bool
load(const struct text *text, json_t **manifest, struct error *error)
{
	json_error_t fault;
	json_t *first = json_loadb(
		text->string, text->len, JSON_REJECT_DUPLICATES, &fault);
	json_t *second = json_loadb(
		text->string, text->len, JSON_REJECT_DUPLICATES, &fault);
	bool same = json_equal(first, second) != 0;

	if (same)
		*manifest = first;
	else if (first != NULL || second != NULL ||
		json_error_code(&fault) == json_error_out_of_memory)
		error_set_memory(error);
	else
		error_set(error, ERR_DAMAGED, "%s", fault.text);
	if (!same)
		json_decref(first);
	json_decref(second);
	return same;
}

bool
backup_manifest_read(struct backup_start *start, codec_source source,
	void *context, struct error *error)
{
	struct sieve sieve = {.depth = 0};
	json_t *manifest = NULL;
	bool success = false;

	text_init(&sieve.kept);
	if (!sift(&sieve, source, context, error))
		goto finish;
	if (load(&sieve.kept, &manifest, error))
		success = parse_manifest(start, manifest, error);

finish:
	json_decref(manifest);
	text_free(&sieve.kept);
	return success;
}
