#include "server/conninfo.h"

#include "server/parameters.h"

#include <string.h>
#include <unistd.h>

static bool
is_one_of(const char *keyword, const char *const *list)
{
	while (*list != NULL && strcmp(keyword, *list) != 0)
		list++;
	return *list != NULL;
}

static void
append(struct text *conninfo, const char *keyword, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	text_printf(conninfo, "%s%s='", conninfo->len > 0 ? " " : "", keyword);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			text_append(conninfo, "\\", 1);
		text_append(conninfo, value, 1);
	}
	text_append(conninfo, "'", 1);
}

/* Where libpq would look for a password anyway. */
static bool
is_missing_passfile(const PQconninfoOption *option)
{
	return strcmp(option->keyword, "passfile") == 0 &&
		access(option->val, R_OK) != 0;
}

/* An older libpq of the follower would not know what we added. */
static bool
is_our_rule(const struct server *server, const PQconninfoOption *option)
{
	return server->rule == RULE_LIBPQ &&
		strcmp(option->keyword, "require_auth") == 0;
}

/* How it connected, but for where to. */
static void
append_settings(struct text *conninfo, const struct server *server,
	const PQconninfoOption *option)
{
	static const char *const left_out[] = {"host", "hostaddr", "port",
		"target_session_attrs", "dbname", "replication", "service",
		"fallback_application_name", "client_encoding",
		"connect_timeout", NULL};

	for (; option->keyword != NULL; option++) {
		if (option->val == NULL || option->val[0] == '\0' ||
			is_one_of(option->keyword, left_out) ||
			is_missing_passfile(option) ||
			is_our_rule(server, option) ||
			(option->compiled != NULL &&
				strcmp(option->val, option->compiled) == 0))
			continue;
		append(conninfo, option->keyword, option->val);
	}
}

static void
append_pinned(struct text *conninfo, const PGconn *conn)
{
	const char *host = libpq()->PQhost(conn);

	append(conninfo, "host", host);
	if (host == NULL || host[0] != '/')
		append(conninfo, "hostaddr", libpq()->PQhostaddr(conn));
	append(conninfo, "port", libpq()->PQport(conn));
}

/* What libpq makes of the options; the caller frees it. */
static bool
resolve(const struct server *server, PQconninfoOption **resolved,
	struct error *error)
{
	struct parameters parameters;
	bool ok;

	if (!parameters_create(&parameters, server, true, error))
		return false;
	ok = parameters_resolve(&parameters, resolved, error);
	parameters_free(&parameters);
	return ok;
}

static bool
append_hosts(
	struct text *conninfo, const struct server *server, struct error *error)
{
	PQconninfoOption *resolved;
	const char *hostaddr;
	const char *wanted;
	const char *host;

	if (!resolve(server, &resolved, error))
		return false;
	hostaddr = parameters_find(resolved, "hostaddr");
	wanted = parameters_find(resolved, "target_session_attrs");
	host = parameters_find(resolved, "host");
	if ((host == NULL || host[0] == '\0') &&
		(hostaddr == NULL || hostaddr[0] == '\0'))
		host = libpq()->PQhost(server->conn);
	append(conninfo, "host", host);
	append(conninfo, "hostaddr", hostaddr);
	append(conninfo, "port", parameters_find(resolved, "port"));
	if (wanted != NULL && strcmp(wanted, "any") != 0)
		append(conninfo, "target_session_attrs", wanted);
	libpq()->PQconninfoFree(resolved);
	return true;
}

bool
server_conninfo(const struct server *server, bool pinned, struct text *conninfo,
	struct error *error)
{
	PQconninfoOption *options;
	bool ok = true;

	if (server->conn == NULL)
		return error_set(
			error, ERR_UNREACHABLE, "not connected to a server");
	options = libpq()->PQconninfo(server->conn);
	if (options == NULL)
		return error_set_memory(error);
	append_settings(conninfo, server, options);
	libpq()->PQconninfoFree(options);
	if (pinned)
		append_pinned(conninfo, server->conn);
	else
		ok = append_hosts(conninfo, server, error);
	return ok && (!conninfo->failed || error_set_memory(error));
}

bool
server_application_name(
	const struct server *server, struct text *name, struct error *error)
{
	PQconninfoOption *resolved;
	const char *found;

	if (!resolve(server, &resolved, error))
		return false;
	found = parameters_find(resolved, "application_name");
	text_printf(name, "%s", found == NULL ? "" : found);
	libpq()->PQconninfoFree(resolved);
	return !name->failed || error_set_memory(error);
}
