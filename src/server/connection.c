#include "server/connection.h"

#include "server/password_guard.h"
#include "server/server_message.h"

#include <string.h>

/* The default one prints; what matters comes as an error. */
static void
ignore_notice(void *argument, const PGresult *result)
{
	(void)argument;
	(void)result;
}

/* Say of which connection an error is, as libpq does. */
static void
name_connection(const PGconn *conn, struct error *error)
{
	const char *host = libpq()->PQhost(conn);
	const char *address = libpq()->PQhostaddr(conn);
	bool named = address[0] != '\0' && strcmp(host, address) != 0;
	size_t size = sizeof(error->message);
	char message[sizeof(error->message)];

	(void)snprintf(message, size, "%s", error->message);
	if (host[0] == '/' || host[0] == '@')
		(void)snprintf(error->message, size,
			"connection to server on socket "
			"\"%s/.s.PGSQL.%s\" failed: %.800s",
			host, libpq()->PQport(conn), message);
	else
		(void)snprintf(error->message, size,
			"connection to server at \"%s\"%s%s%s, port %s "
			"failed: %.800s",
			host, named ? " (" : "", named ? address : "",
			named ? ")" : "", libpq()->PQport(conn), message);
}

static void
note_refusal(const PGconn *conn, struct server_refusal *refusal)
{
	const char *user = libpq()->PQuser(conn);
	const char *host = libpq()->PQhost(conn);

	message_sqlstate(refusal->sqlstate, libpq()->PQerrorMessage(conn));
	(void)snprintf(refusal->user, sizeof(refusal->user), "%s",
		user == NULL ? "" : user);
	refusal->local = host == NULL || host[0] == '\0' || host[0] == '/' ||
		host[0] == '@';
}

static bool
set_failure(const PGconn *conn, struct connection_failure *failure,
	struct error *error)
{
	enum error_code code;
	struct text plain;

	text_init(&plain);
	code = message_append_plain(&plain, libpq()->PQerrorMessage(conn));
	note_refusal(conn, &failure->refusal);
	failure->needs_password = libpq()->PQconnectionNeedsPassword(conn);
	/* The states for lost WAL mean nothing before there is a session. */
	if (code == ERR_GAP)
		code = ERR_UNREACHABLE;
	if (failure->needs_password)
		code = ERR_REFUSED;
	failure->wrong_password =
		code == ERR_REFUSED && libpq()->PQconnectionUsedPassword(conn);
	error_set(error, code, "%s",
		plain.len > 0 ? plain.string : "could not connect to server");
	text_free(&plain);
	return false;
}

/* PQstatus and PQserverVersion forget the version as soon as it fails. */
static void
note_version(const PGconn *conn, struct connection_failure *failure)
{
	int version = libpq()->PQserverVersion(conn);

	if (version > 0)
		failure->version = version;
}

static bool
advance(PGconn *conn, struct password_guard *guard,
	const struct wait_limit *limit, struct connection_failure *failure,
	struct error *error)
{
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	if (libpq()->PQstatus(conn) == CONNECTION_BAD)
		return set_failure(conn, failure, error);
	while (state != PGRES_POLLING_OK) {
		if (!password_guard_wait(guard, conn, state, limit, error)) {
			if (error->code != ERR_STOPPED)
				name_connection(conn, error);
			return false;
		}
		state = libpq()->PQconnectPoll(conn);
		note_version(conn, failure);
		if (state == PGRES_POLLING_FAILED)
			return set_failure(conn, failure, error);
	}
	return true;
}

/* libpq names the rule that it was given, in any language. */
static void
recognize_refusal(struct error *error)
{
	if (error->code != ERR_UNREACHABLE ||
		strstr(error->message, REQUIRE_NO_CLEAR_TEXT) == NULL)
		return;
	error->code = ERR_REFUSED;
	(void)password_guard_hint(error);
}

bool
connection_open(const struct parameters *parameters,
	const struct wait_limit *limit, PGconn **conn,
	struct connection_failure *failure, struct error *error)
{
	const struct connection_failure none = {.version = 0};
	PGconn *made = libpq()->PQconnectStartParams(
		parameters->keywords, parameters->values, 0);
	struct password_guard guard;
	const char *password;
	bool ok;

	*failure = none;
	if (made == NULL)
		return error_set_memory(error);
	(void)libpq()->PQsetErrorVerbosity(made, PQERRORS_VERBOSE);
	(void)libpq()->PQsetNoticeReceiver(made, ignore_notice, NULL);
	/* By now libpq has looked into all places where one may be. */
	password = libpq()->PQpass(made);
	password_guard_init(&guard,
		parameters->rule == RULE_GUARDED && password != NULL &&
			password[0] != '\0');
	ok = advance(made, &guard, limit, failure, error);
	ok = password_guard_end(&guard, made, ok, limit, error);
	if (!ok && parameters->rule == RULE_LIBPQ)
		recognize_refusal(error);
	if (ok && libpq()->PQsetnonblocking(made, 1) != 0)
		ok = session_lost(made, error);
	if (!ok) {
		libpq()->PQfinish(made);
		return false;
	}
	(void)libpq()->PQsetErrorVerbosity(made, PQERRORS_DEFAULT);
	*conn = made;
	return true;
}
