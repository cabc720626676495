#include "server/parameters.h"

#include "server/server_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -h, -p, -U, the application, the password, the rule, and the end. */
#define PARAMETERS_OWN 7

/* Values that libpq refuses before it does anything else. */
#define NO_SSLMODE "unknown"
#define NO_PORT "0"

void
parameters_add(
	struct parameters *parameters, const char *keyword, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	parameters->keywords[parameters->count] = keyword;
	parameters->values[parameters->count] = value;
	parameters->count++;
}

static size_t
count_options(const PQconninfoOption *options)
{
	size_t count = 0;

	while (options != NULL && options[count].keyword != NULL)
		count++;
	return count;
}

static bool
is_one_of(const char *keyword, const char *const *list)
{
	while (*list != NULL && strcmp(keyword, *list) != 0)
		list++;
	return *list != NULL;
}

static void
add_conninfo(struct parameters *parameters, const PQconninfoOption *conninfo,
	bool hosts)
{
	static const char *const of_database[] = {
		"dbname", "replication", NULL};
	static const char *const of_host[] = {"host", "hostaddr", "port", NULL};

	for (; conninfo != NULL && conninfo->keyword != NULL; conninfo++) {
		if (is_one_of(conninfo->keyword, of_database))
			continue;
		if (!hosts && is_one_of(conninfo->keyword, of_host))
			continue;
		parameters_add(parameters, conninfo->keyword, conninfo->val);
	}
}

bool
parameters_create(struct parameters *parameters, const struct server *server,
	bool hosts, struct error *error)
{
	const struct server_options *options = &server->options;
	size_t room = count_options(server->conninfo) + PARAMETERS_OWN +
		PARAMETERS_EXTRA;
	struct parameters made = {
		.keywords = calloc(room, sizeof(*made.keywords)),
		.values = calloc(room, sizeof(*made.values)),
	};

	if (made.keywords == NULL || made.values == NULL) {
		parameters_free(&made);
		return error_set_memory(error);
	}
	if (hosts) {
		parameters_add(&made, "host", options->host);
		parameters_add(&made, "port", options->port);
	}
	parameters_add(&made, "user", options->user);
	parameters_add(
		&made, "fallback_application_name", options->application);
	add_conninfo(&made, server->conninfo, hosts);
	parameters_add(&made, "password", server->password);
	if (server->rule == RULE_LIBPQ)
		parameters_add(&made, "require_auth", REQUIRE_NO_CLEAR_TEXT);
	made.rule = server->rule;
	*parameters = made;
	return true;
}

void
parameters_free(struct parameters *parameters)
{
	free(parameters->keywords);
	free(parameters->values);
	parameters->keywords = NULL;
	parameters->values = NULL;
	parameters->count = 0;
}

const char *
parameters_find(const PQconninfoOption *options, const char *keyword)
{
	for (; options != NULL && options->keyword != NULL; options++) {
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	}
	return NULL;
}

bool
parameters_choose_rule(const struct server_options *options,
	const PQconninfoOption *resolved, enum password_rule *rule,
	struct error *error)
{
	const PQconninfoOption *option = resolved;
	const char *wish = getenv("PGREQUIREAUTH");

	while (option->keyword != NULL &&
		strcmp(option->keyword, "require_auth") != 0)
		option++;
	if (option->keyword == NULL && wish != NULL && wish[0] != '\0') {
		error_set(error, ERR_USAGE,
			"PGREQUIREAUTH is set, but this libpq is older than 16 "
			"and does not obey it");
		return error_set_hint(error,
			"Unset it: a password in clear text is refused without "
			"it, too.");
	}
	if (options->allow_cleartext ||
		(option->keyword != NULL && option->val != NULL &&
			option->val[0] != '\0'))
		*rule = RULE_NONE;
	else
		*rule = option->keyword != NULL ? RULE_LIBPQ : RULE_GUARDED;
	return true;
}

/* Put a last pair behind the others, or with NULL take it away again. */
static void
set_last(const struct parameters *parameters, const char *keyword,
	const char *value)
{
	parameters->keywords[parameters->count] = keyword;
	parameters->values[parameters->count] = value;
}

/*
 * PQping tells a wrong option from a server that could not be reached, and
 * with a wrong port it never gets as far as to wait for one.
 */
static bool
check(const struct parameters *parameters, struct error *error)
{
	char message[sizeof(error->message)];
	PGconn *conn;
	bool ok;

	set_last(parameters, "port", NO_PORT);
	errno = 0;
	ok = libpq()->PQpingParams(parameters->keywords, parameters->values,
		     0) != PQPING_NO_ATTEMPT;
	if (!ok && errno == ENOMEM)
		error_set_memory(error);
	else if (!ok) {
		conn = libpq()->PQconnectStartParams(
			parameters->keywords, parameters->values, 0);
		message_one_line(message, sizeof(message),
			libpq()->PQerrorMessage(conn));
		error_set(error, ERR_USAGE, "%s", message);
		libpq()->PQfinish(conn);
	}
	set_last(parameters, NULL, NULL);
	return ok;
}

/*
 * libpq only tells what it made of its options once it has begun to connect,
 * so it is made to begin with a value that it refuses.
 */
bool
parameters_resolve(const struct parameters *parameters,
	PQconninfoOption **resolved, struct error *error)
{
	PQconninfoOption *options;
	PGconn *conn;
	bool whole;

	if (!check(parameters, error))
		return false;
	set_last(parameters, "sslmode", NO_SSLMODE);
	errno = 0;
	conn = libpq()->PQconnectStartParams(
		parameters->keywords, parameters->values, 0);
	set_last(parameters, NULL, NULL);
	options = libpq()->PQconninfo(conn);
	/* An option that there was no memory for looks like one not given. */
	whole = options != NULL && errno != ENOMEM;
	libpq()->PQfinish(conn);
	if (!whole) {
		libpq()->PQconninfoFree(options);
		return error_set_memory(error);
	}
	*resolved = options;
	return true;
}
