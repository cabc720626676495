#include "server/server.h"

#include "base/terminal.h"
#include "server/connection.h"
#include "server/host_list.h"
#include "server/libpq.h"
#include "server/name_lookup.h"
#include "server/server_message.h"

#include <stdlib.h>
#include <string.h>

/* From here on a server tells by itself what target_session_attrs asks. */
#define VERSION_TELLS_SESSION 140000

#define ANY_DATABASE "postgres"

/* One server_connect on its way through the hosts. */
struct search {
	struct server *server;
	struct host_list hosts;
	PQconninfoOption *resolved; /* what libpq makes of the options */
	const char *pass; /* target_session_attrs, if not as resolved */
	int64_t deadline_us;
	int64_t attempt_us;   /* connect_timeout; CLOCK_NEVER: none */
	struct text messages; /* of the attempts that failed */
	struct connection_failure failure; /* of the last one */
};

static bool
parse_conninfo(struct server *server, struct error *error)
{
	const char *conninfo = server->options.conninfo;
	char line[sizeof(error->message)];
	char *message = NULL;

	if (conninfo == NULL)
		return true;
	server->conninfo = libpq()->PQconninfoParse(conninfo, &message);
	if (server->conninfo != NULL)
		return true;
	if (message == NULL)
		return error_set_memory(error);
	message_one_line(line, sizeof(line), message);
	libpq()->PQfreemem(message);
	if (strstr(conninfo, "password") != NULL ||
		strstr(conninfo, "://") != NULL)
		message_hide_quoted(line);
	return error_set(error, ERR_USAGE, "%s", line);
}

bool
server_create(struct server **server, const struct server_options *options,
	struct error *error)
{
	struct server *made;

	if (!libpq_load(error))
		return false;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return error_set_memory(error);
	made->options = *options;
	if (!parse_conninfo(made, error)) {
		server_free(made);
		return false;
	}
	*server = made;
	return true;
}

void
server_disconnect(struct server *server)
{
	libpq()->PQfinish(server->conn);
	server->conn = NULL;
	server->unsent = false;
	server->address[0] = '\0';
}

void
server_free(struct server *server)
{
	if (server == NULL)
		return;
	server_disconnect(server);
	libpq()->PQconninfoFree(server->conninfo);
	explicit_bzero(server->password, sizeof(server->password));
	free(server);
}

int
server_version(const struct server *server)
{
	return server->conn == NULL ? 0
				    : libpq()->PQserverVersion(server->conn);
}

const char *
server_address(const struct server *server)
{
	return server->address;
}

void
server_limit_connect(struct server *server, int64_t timeout_us)
{
	server->options.connect_timeout_us = timeout_us;
}

const struct server_refusal *
server_refusal(const struct server *server)
{
	return &server->refusal;
}

int
server_process(const struct server *server)
{
	return server->conn == NULL ? 0 : libpq()->PQbackendPID(server->conn);
}

int
server_socket(const struct server *server)
{
	return server->conn == NULL ? -1 : libpq()->PQsocket(server->conn);
}

static void
set_address(struct server *server)
{
	const char *host = libpq()->PQhost(server->conn);
	const char *port = libpq()->PQport(server->conn);
	size_t size = sizeof(server->address);

	if (host[0] == '/' || host[0] == '@')
		(void)snprintf(server->address, size, "%s", host);
	else if (strchr(host, ':') != NULL)
		(void)snprintf(server->address, size, "[%s]:%s", host, port);
	else
		(void)snprintf(server->address, size, "%s:%s", host, port);
}

static int64_t
earlier(int64_t a_us, int64_t b_us)
{
	return a_us < b_us ? a_us : b_us;
}

/* An even part of the time left, so that the last of several has one too. */
static int64_t
share_deadline(int64_t deadline_us, size_t left)
{
	int64_t now_us = clock_monotonic_us();

	return now_us + (deadline_us - now_us) / (int64_t)left;
}

/* libpq reads anything below 1 as no limit. */
static int64_t
read_connect_timeout(const PQconninfoOption *resolved)
{
	const char *value = parameters_find(resolved, "connect_timeout");
	long seconds = value == NULL ? 0 : strtol(value, NULL, 10);

	if (seconds <= 0 || seconds > INT32_MAX)
		return CLOCK_NEVER;
	return seconds * USECS_PER_SEC;
}

static bool
option_is(const PQconninfoOption *resolved, const char *keyword,
	const char *wanted)
{
	const char *value = parameters_find(resolved, keyword);

	return value != NULL && strcmp(value, wanted) == 0;
}

/* Everything that is known before the first attempt. */
static bool
search_begin(struct search *search, struct error *error)
{
	struct server *server = search->server;
	struct parameters parameters;
	bool ok;

	/* What the options say, without what a rule adds to them. */
	server->rule = RULE_NONE;
	if (!parameters_create(&parameters, server, true, error))
		return false;
	ok = parameters_resolve(&parameters, &search->resolved, error);
	parameters_free(&parameters);
	if (!ok ||
		!parameters_choose_rule(&server->options, search->resolved,
			&server->rule, error))
		return false;
	search->attempt_us = read_connect_timeout(search->resolved);
	if (!host_list_create(&search->hosts,
		    parameters_find(search->resolved, "host"),
		    parameters_find(search->resolved, "hostaddr"),
		    parameters_find(search->resolved, "port"), error))
		return false;
	if (option_is(search->resolved, "load_balance_hosts", "random"))
		host_list_shuffle(&search->hosts);
	return true;
}

static void
search_end(struct search *search)
{
	host_list_free(&search->hosts);
	libpq()->PQconninfoFree(search->resolved);
	text_free(&search->messages);
}

/*
 * Before version 14 libpq asks with a SELECT whether a server is a standby,
 * and a physical replication connection knows no SELECT.
 */
static bool
standby_unknown(const struct search *search)
{
	const char *wanted = search->pass;
	int version = search->failure.version;

	if (wanted == NULL)
		wanted = parameters_find(
			search->resolved, "target_session_attrs");
	return wanted != NULL && version > 0 &&
		version < VERSION_TELLS_SESSION &&
		(strcmp(wanted, "primary") == 0 ||
			strcmp(wanted, "standby") == 0);
}

static void
add_version_hint(const struct search *search, struct error *error)
{
	if (standby_unknown(search))
		error_set_hint(error,
			"This server is of version %d, and before 14 "
			"target_session_attrs knows only \"any\", "
			"\"read-write\" and \"read-only\" for replication.",
			search->failure.version / 10000);
}

static void
add_database(struct parameters *parameters, const struct server *server)
{
	parameters_add(parameters, "dbname", ANY_DATABASE);
	parameters_add(parameters, "dbname",
		parameters_find(server->conninfo, "dbname"));
}

static bool
attempt(struct search *search, const struct host *host, int64_t deadline_us,
	struct error *error)
{
	struct server *server = search->server;
	struct wait_limit limit = {server->options.stop_fd, deadline_us};
	struct parameters parameters;
	bool ok;

	if (search->attempt_us != CLOCK_NEVER)
		limit.deadline_us = earlier(
			deadline_us, clock_monotonic_us() + search->attempt_us);
	if (!parameters_create(&parameters, server, false, error))
		return false;
	parameters_add(&parameters, "host", host->name);
	parameters_add(&parameters, "hostaddr", host->address);
	parameters_add(&parameters, "port", host->port);
	parameters_add(&parameters, "target_session_attrs", search->pass);
	if (server->options.plain)
		add_database(&parameters, server);
	else {
		parameters_add(&parameters, "replication", "true");
		parameters_add(&parameters, "dbname", "replication");
	}
	ok = connection_open(
		&parameters, &limit, &server->conn, &search->failure, error);
	parameters_free(&parameters);
	if (ok)
		set_address(server);
	else
		add_version_hint(search, error);
	return ok;
}

/* Another host may do better than one that cannot be reached. */
static bool
may_go_on(const struct error *error)
{
	return error->code == ERR_UNREACHABLE;
}

static void
note_failure(struct search *search, const struct error *error)
{
	text_printf(&search->messages, "%s%s",
		search->messages.len > 0 ? "\n" : "", error->message);
}

static bool
try_host(struct search *search, const struct host *host, int64_t deadline_us,
	struct error *error)
{
	struct wait_limit limit = {
		search->server->options.stop_fd, deadline_us};
	struct address_list list;
	struct host one = *host;
	bool ok = false;

	if (host_is_local(host) || host->address[0] != '\0')
		return attempt(search, host, deadline_us, error);
	if (!name_lookup(host->name, &limit, &list, error))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		one.address = list.addresses[i];
		ok = attempt(search, &one,
			share_deadline(deadline_us, list.count - i), error);
		if (ok || i + 1 == list.count || !may_go_on(error))
			break;
		note_failure(search, error);
	}
	address_list_free(&list);
	return ok;
}

/* One pass over the hosts; passes_left counts this one. */
static bool
try_hosts(struct search *search, size_t passes_left, struct error *error)
{
	size_t count = search->hosts.count;
	size_t left = count * passes_left;

	for (size_t i = 0; i < count; i++) {
		int64_t deadline_us =
			share_deadline(search->deadline_us, left - i);

		if (try_host(search, &search->hosts.hosts[i], deadline_us,
			    error))
			return true;
		note_failure(search, error);
		if (!may_go_on(error))
			return false;
	}
	return false;
}

static bool
search_hosts(struct search *search, struct error *error)
{
	bool ok;

	if (!option_is(
		    search->resolved, "target_session_attrs", "prefer-standby"))
		return try_hosts(search, 1, error);
	search->pass = "standby";
	ok = try_hosts(search, 2, error);
	if (ok || (!may_go_on(error) && !standby_unknown(search)))
		return ok;
	search->pass = "any";
	return try_hosts(search, 1, error);
}

static bool
connect_once(struct server *server, struct connection_failure *failure,
	struct error *error)
{
	struct search search = {
		.server = server,
		.deadline_us = clock_monotonic_us() +
			server->options.connect_timeout_us,
	};
	bool ok;

	text_init(&search.messages);
	ok = search_begin(&search, error) && search_hosts(&search, error);
	/* The reasons of all hosts, with the code and the hint of the last. */
	if (!ok && search.messages.len > 0 && error->code != ERR_STOPPED)
		(void)snprintf(error->message, sizeof(error->message), "%s",
			search.messages.string);
	*failure = search.failure;
	search_end(&search);
	return ok;
}

static bool
set_password_hint(struct error *error)
{
	return error_set_hint(error,
		"Without a terminal the password comes from a password file "
		"(~/.pgpass, PGPASSFILE), a service file or PGPASSWORD.");
}

/* *error stays as it is when there is nobody to ask. */
static bool
ask_password(struct server *server, struct error *error)
{
	struct error failure;

	if (terminal_ask_password("Password: ", server->password,
		    sizeof(server->password), server->options.stop_fd,
		    &failure))
		return true;
	if (failure.code == ERR_NOT_FOUND)
		return set_password_hint(error);
	*error = failure;
	return false;
}

static bool
ask_before_connect(struct server *server, struct error *error)
{
	if (server->options.prompt != PROMPT_ALWAYS || server->asked)
		return true;
	error_set(error, ERR_REFUSED,
		"could not ask for a password: there is no terminal");
	server->asked = ask_password(server, error);
	return server->asked;
}

bool
server_connect(struct server *server, struct error *error)
{
	struct connection_failure failure;
	bool ok;

	server_disconnect(server);
	server->refusal = (struct server_refusal){.local = false};
	if (!ask_before_connect(server, error))
		return false;
	ok = connect_once(server, &failure, error);
	if (!ok && failure.needs_password) {
		server->refusal = failure.refusal;
		if (server->options.prompt == PROMPT_NEVER)
			return set_password_hint(error);
		if (!ask_password(server, error))
			return false;
		ok = connect_once(server, &failure, error);
	}
	if (!ok)
		server->refusal = failure.refusal;
	/* A wrong password that is kept could never be put right. */
	if (!ok && failure.wrong_password) {
		explicit_bzero(server->password, sizeof(server->password));
		server->asked = false;
	}
	return ok;
}

bool
session_connect_database(const struct server *server,
	const struct wait_limit *limit, PGconn **conn, struct error *error)
{
	struct connection_failure failure;
	struct parameters parameters;
	bool ok;

	if (!parameters_create(&parameters, server, false, error))
		return false;
	parameters_add(&parameters, "host", libpq()->PQhost(server->conn));
	parameters_add(
		&parameters, "hostaddr", libpq()->PQhostaddr(server->conn));
	parameters_add(&parameters, "port", libpq()->PQport(server->conn));
	parameters_add(&parameters, "target_session_attrs", "any");
	add_database(&parameters, server);
	ok = connection_open(&parameters, limit, conn, &failure, error);
	parameters_free(&parameters);
	return ok;
}

bool
server_connect_beside(
	const struct server *server, struct server **made, struct error *error)
{
	struct server_options options = server->options;
	struct wait_limit limit = {options.stop_fd,
		clock_monotonic_us() + options.connect_timeout_us};
	struct server *other;
	bool ok;

	options.plain = true;
	options.prompt = PROMPT_NEVER;
	if (!server_create(&other, &options, error))
		return false;
	memcpy(other->password, server->password, sizeof(other->password));
	if (server->conn == NULL)
		ok = server_connect(other, error);
	else {
		ok = session_connect_database(
			server, &limit, &other->conn, error);
		if (ok)
			set_address(other);
	}
	if (!ok) {
		server_free(other);
		return false;
	}
	*made = other;
	return true;
}
