#include "server/host_list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	FIELD_NAME,
	FIELD_ADDRESS,
	FIELD_PORT,
	FIELDS
};

static size_t
count_elements(const char *field)
{
	size_t count = 1;

	for (; *field != '\0'; field++)
		count += *field == ',';
	return count;
}

/* The next element, which is terminated in place. */
static const char *
take_element(char **rest)
{
	const char *element = strsep(rest, ",");

	return element == NULL ? "" : element;
}

static bool
match_counts(struct host_list *list, struct error *error)
{
	size_t names = count_elements(list->fields[FIELD_NAME]);
	size_t addresses = count_elements(list->fields[FIELD_ADDRESS]);
	size_t ports = count_elements(list->fields[FIELD_PORT]);
	bool has_name = list->fields[FIELD_NAME][0] != '\0';
	bool has_address = list->fields[FIELD_ADDRESS][0] != '\0';

	if (has_name && has_address && names != addresses) {
		error_set(error, ERR_USAGE,
			"could not match %zu host names to %zu hostaddr values",
			names, addresses);
		return false;
	}
	list->count = has_address ? addresses : names;
	if (ports != 1 && ports != list->count) {
		error_set(error, ERR_USAGE,
			"could not match %zu port numbers to %zu hosts", ports,
			list->count);
		return false;
	}
	return true;
}

/* Empty is libpq's default. */
static bool
check_port(const char *port, struct error *error)
{
	unsigned long number;
	char *end;

	if (*port == '\0')
		return true;
	number = strtoul(port, &end, 10);
	if (*end == '\0' && number >= 1 && number <= 65535)
		return true;
	/* In "postgresql://user:password" it is the password, if no host
	 * follows. */
	if (*end != '\0')
		return error_set(
			error, ERR_USAGE, "invalid port number: no number");
	return error_set(error, ERR_USAGE, "invalid port number: \"%s\"", port);
}

static bool
fill(struct host_list *list, struct error *error)
{
	char *rest[FIELDS];
	bool one_port = strchr(list->fields[FIELD_PORT], ',') == NULL;

	list->hosts = calloc(list->count, sizeof(*list->hosts));
	if (list->hosts == NULL)
		return error_set_memory(error);
	memcpy(rest, list->fields, sizeof(rest));
	for (size_t i = 0; i < list->count; i++) {
		struct host *host = &list->hosts[i];

		host->name = take_element(&rest[FIELD_NAME]);
		host->address = take_element(&rest[FIELD_ADDRESS]);
		host->port = one_port ? list->fields[FIELD_PORT]
				      : take_element(&rest[FIELD_PORT]);
		if (!check_port(host->port, error))
			return false;
	}
	return true;
}

bool
host_list_create(struct host_list *list, const char *host, const char *hostaddr,
	const char *port, struct error *error)
{
	const char *given[FIELDS] = {host, hostaddr, port};
	struct host_list made = {0};
	bool ok = true;

	for (int i = 0; i < FIELDS; i++) {
		made.fields[i] = strdup(given[i] == NULL ? "" : given[i]);
		ok = ok && made.fields[i] != NULL;
	}
	if (!ok)
		error_set_memory(error);
	ok = ok && match_counts(&made, error) && fill(&made, error);
	if (ok)
		*list = made;
	else
		host_list_free(&made);
	return ok;
}

void
host_list_free(struct host_list *list)
{
	for (int i = 0; i < FIELDS; i++)
		free(list->fields[i]);
	free(list->hosts);
	memset(list, 0, sizeof(*list));
}

void
host_list_shuffle(struct host_list *list)
{
	for (size_t i = list->count; i > 1; i--) {
		uint32_t number = 0;
		struct host other = list->hosts[i - 1];
		size_t from;

		/* Without random bytes the order is as good as any other. */
		if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
			return;
		from = number % i;
		list->hosts[i - 1] = list->hosts[from];
		list->hosts[from] = other;
	}
}

bool
host_is_local(const struct host *host)
{
	return host->address[0] == '\0' &&
		(host->name[0] == '\0' || host->name[0] == '/' ||
			host->name[0] == '@');
}
