#include "backup/manifest.h"

#include "base/memory.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a file may need here, in the manifest, and while that is read. */
#define FILE_BYTES UINT64_C(4096)

static const char own_checksum[] = "\"Manifest-Checksum\"";

void
file_list_init(struct file_list *list, enum digest_kind digest)
{
	*list = (struct file_list){.digest = digest};
}

void
file_list_free(struct file_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].path);
	free(list->entries);
	file_list_init(list, list->digest);
}

static bool
make_room(struct file_list *list, struct error *error)
{
	size_t room = list->room == 0 ? 1024 : 2 * list->room;
	struct file_entry *entries;

	if (list->count < list->room)
		return true;
	memory_allow((room - list->room) * FILE_BYTES);
	entries = realloc(list->entries, room * sizeof(*entries));
	if (entries == NULL)
		return error_set_memory(error);
	list->entries = entries;
	list->room = room;
	return true;
}

bool
file_list_add(struct file_list *list, const char *path, uint64_t size,
	const char *checksum, struct error *error)
{
	struct file_entry *entry;

	if (!make_room(list, error))
		return false;
	entry = &list->entries[list->count];
	entry->path = strdup(path);
	if (entry->path == NULL)
		return error_set_memory(error);
	entry->size = size;
	(void)snprintf(
		entry->checksum, sizeof(entry->checksum), "%s", checksum);
	list->count++;
	return true;
}

static int
compare_entries(const void *a, const void *b)
{
	const struct file_entry *first = a;
	const struct file_entry *second = b;

	return strcmp(first->path, second->path);
}

static bool
set_unreadable(const char *what, struct error *error)
{
	return error_set(error, ERR_PROTOCOL,
		"the server's backup manifest cannot be read: %s", what);
}

/* Its last line holds the checksum of all before it. */
static bool
check_own(const struct text *manifest, const json_t *root, struct error *error)
{
	const char *wanted =
		json_string_value(json_object_get(root, "Manifest-Checksum"));
	const char *line = NULL;
	char computed[DIGEST_TEXT_MAX];
	struct digest digest;
	bool ok;

	for (const char *at = manifest->string;
		(at = strstr(at, own_checksum)) != NULL; at++)
		line = at;
	if (wanted == NULL || line == NULL)
		return set_unreadable("it has no checksum", error);
	if (!digest_init(&digest, DIGEST_SHA256, error))
		return false;
	ok = digest_begin(&digest, error) &&
		digest_update(&digest, manifest->string,
			(size_t)(line - manifest->string), error) &&
		digest_finish(&digest, computed, error);
	digest_free(&digest);
	if (ok && strcmp(computed, wanted) != 0)
		ok = error_set(error, ERR_DAMAGED,
			"the backup manifest fails its own checksum");
	return ok;
}

/* A path that is not UTF-8 comes as hexadecimal digits. */
static char *
decode_path(const char *digits)
{
	size_t len = strlen(digits) / 2;
	char *path = malloc(len + 1);

	if (path == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		const char pair[3] = {digits[2 * i], digits[2 * i + 1], '\0'};

		path[i] = (char)strtoul(pair, NULL, 16);
	}
	path[len] = '\0';
	return path;
}

static bool
path_of(const json_t *file, char **path, struct error *error)
{
	const char *plain = json_string_value(json_object_get(file, "Path"));
	const char *encoded =
		json_string_value(json_object_get(file, "Encoded-Path"));

	if (plain == NULL && encoded == NULL)
		return set_unreadable("a file has no path", error);
	*path = plain != NULL ? strdup(plain) : decode_path(encoded);
	return *path != NULL || error_set_memory(error);
}

static bool
check_checksum(const struct file_list *list, const struct file_entry *found,
	const json_t *file, struct error *error)
{
	const char *name =
		json_string_value(json_object_get(file, "Checksum-Algorithm"));
	const char *wanted =
		json_string_value(json_object_get(file, "Checksum"));
	enum digest_kind kind;

	if (list->digest == DIGEST_NONE && name == NULL)
		return true;
	if (name == NULL || wanted == NULL || !digest_parse(name, &kind) ||
		kind != list->digest)
		return set_unreadable(
			"it has other checksums than were asked for", error);
	if (strcmp(wanted, found->checksum) != 0)
		return error_set(error, ERR_DAMAGED,
			"file \"%s\" has checksum %s, in the manifest %s",
			found->path, found->checksum, wanted);
	return true;
}

static bool
check_file(const struct file_list *list, const char *path, const json_t *file,
	struct error *error)
{
	const json_t *size = json_object_get(file, "Size");
	struct file_entry key = {.size = 0};
	const struct file_entry *found;

	/* The key is only read. */
	memcpy(&key.path, &path, sizeof(path));
	found = bsearch(&key, list->entries, list->count,
		sizeof(*list->entries), compare_entries);
	if (found == NULL)
		return error_set(error, ERR_DAMAGED,
			"file \"%s\" of the manifest was not received", path);
	if (!json_is_integer(size))
		return set_unreadable("a file has no size", error);
	if ((uint64_t)json_integer_value(size) != found->size)
		return error_set(error, ERR_DAMAGED,
			"file \"%s\" has %llu bytes, in the manifest %llu",
			path, (unsigned long long)found->size,
			(unsigned long long)json_integer_value(size));
	return check_checksum(list, found, file, error);
}

static bool
check_files(
	const json_t *root, const struct file_list *list, struct error *error)
{
	const json_t *files = json_object_get(root, "Files");
	size_t index;
	json_t *file;

	if (!json_is_array(files))
		return set_unreadable("it lists no files", error);
	json_array_foreach(files, index, file)
	{
		char *path = NULL;
		bool ok = path_of(file, &path, error) &&
			check_file(list, path, file, error);

		free(path);
		if (!ok)
			return false;
	}
	/* All of its files are there, each once; so more is what is more. */
	if (json_array_size(files) != list->count - list->unlisted)
		return error_set(error, ERR_DAMAGED,
			"the server sent %zu files, and lists %zu in the "
			"manifest",
			list->count - list->unlisted, json_array_size(files));
	return true;
}

static bool
check_once(const struct text *manifest, const struct file_list *list,
	struct error *error)
{
	json_error_t reason;
	json_t *root = json_loadb(manifest->string, manifest->len, 0, &reason);
	bool ok;

	if (root == NULL)
		return set_unreadable(reason.text, error);
	ok = check_own(manifest, root, error) && check_files(root, list, error);
	json_decref(root);
	return ok;
}

/*
 * Without memory, jansson may lose bytes of a string and go on: a fault is one
 * that is seen twice.
 */
bool
manifest_check(const struct text *manifest, struct file_list *list,
	struct error *error)
{
	bool ok;

	if (list->count > 0)
		qsort(list->entries, list->count, sizeof(*list->entries),
			compare_entries);
	ok = check_once(manifest, list, error);
	if (!ok)
		ok = check_once(manifest, list, error);
	return ok;
}
