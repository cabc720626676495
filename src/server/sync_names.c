#include "server/sync_names.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *
skip_blanks(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

static bool
set_malformed(const char *setting, struct error *error)
{
	return error_set(error, ERR_PROTOCOL,
		"the server sent \"%.128s\" as synchronous_standby_names",
		setting);
}

/* The length of a name at p, with its quotes; 0: there is none. */
static size_t
name_len(const char *p)
{
	size_t len = 1;

	if (*p != '"')
		return strcspn(p, " \t\r\n\f\v,()\"");
	for (;; len++) {
		if (p[len] == '\0')
			return 0;
		if (p[len] != '"')
			continue;
		if (p[len + 1] != '"')
			return len + 1;
		len++;
	}
}

static bool
add_name(struct sync_names *names, const char *p, size_t len,
	struct error *error)
{
	char **array = realloc(
		names->names, (names->count + 1) * sizeof(*names->names));
	char *name = malloc(len + 1);
	size_t used = 0;

	if (array != NULL)
		names->names = array;
	if (array == NULL || name == NULL) {
		free(name);
		return error_set_memory(error);
	}
	for (size_t i = 0; i < len; i++) {
		if (*p == '"' && (i == 0 || i + 1 == len))
			continue;
		if (*p == '"' && p[i] == '"')
			i++;
		name[used++] = p[i];
	}
	name[used] = '\0';
	names->names[names->count++] = name;
	return true;
}

/* "name, name" up to end, which is ')' or '\0'. */
static bool
parse_list(const char *p, char end, struct sync_names *names,
	const char *setting, struct error *error)
{
	for (;;) {
		size_t len;

		p = skip_blanks(p);
		len = name_len(p);
		if (len == 0)
			return set_malformed(setting, error);
		if (!add_name(names, p, len, error))
			return false;
		p = skip_blanks(p + len);
		if (*p != ',')
			break;
		p++;
	}
	if (*p != end)
		return set_malformed(setting, error);
	if (end == ')' && *skip_blanks(p + 1) != '\0')
		return set_malformed(setting, error);
	return true;
}

/* "[FIRST | ANY] n (": where the list begins; NULL: it is a bare list. */
static const char *
parse_head(const char *p, struct sync_names *names)
{
	char *end;
	unsigned long wanted;

	names->any = false;
	if (strncasecmp(p, "ANY", 3) == 0 && isspace((unsigned char)p[3])) {
		names->any = true;
		p = skip_blanks(p + 3);
	} else if (strncasecmp(p, "FIRST", 5) == 0 &&
		isspace((unsigned char)p[5]))
		p = skip_blanks(p + 5);
	if (!isdigit((unsigned char)*p))
		return NULL;
	wanted = strtoul(p, &end, 10);
	p = skip_blanks(end);
	if (*p != '(' || wanted == 0 || wanted > INT_MAX)
		return NULL;
	names->wanted = (unsigned)wanted;
	return p + 1;
}

bool
sync_names_parse(
	const char *setting, struct sync_names *names, struct error *error)
{
	struct sync_names found = {.wanted = 0};
	const char *p = skip_blanks(setting);
	const char *list;
	bool ok = true;

	if (*p != '\0') {
		list = parse_head(p, &found);
		if (list == NULL) {
			found.any = false;
			found.wanted = 1;
		}
		ok = parse_list(list == NULL ? p : list,
			list == NULL ? '\0' : ')', &found, setting, error);
	}
	if (!ok) {
		sync_names_free(&found);
		return false;
	}
	*names = found;
	return true;
}

bool
sync_names_match(const struct sync_names *names, const char *application)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->names[i], "*") == 0 ||
			strcasecmp(names->names[i], application) == 0)
			return true;
	return false;
}

void
sync_names_free(struct sync_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct sync_names){.wanted = 0};
}
