#include "check/check.h"

#include "check/hba.h"
#include "check/parts.h"
#include "server/conninfo.h"
#include "server/query.h"

#include <string.h>

#define INSUFFICIENT_PRIVILEGE "42501"
#define INVALID_AUTHORIZATION "28000"
#define TOO_MANY_CONNECTIONS "53300"
#define INVALID_PASSWORD "28P01"

#define VERSION_OLDEST 100000
#define VERSION_NEWEST 200000 /* the first that was not tried */

/* The server has one state for all of these, and words in its language. */
static void
mend_login(const struct check *check, const char *message, struct verdict *row)
{
	const char *user = server_refusal(check->server)->user;

	if (strstr(message, "is not permitted to log in") != NULL)
		verdict_mend(row, "Let it: ALTER ROLE \"%s\" LOGIN;", user);
	else if (strstr(message, "does not exist") != NULL)
		verdict_mend(row,
			"Make the role: CREATE ROLE \"%s\" REPLICATION LOGIN;",
			user);
	else if (strstr(message, "authentication failed") != NULL)
		verdict_mend(row,
			"Its line in pg_hba.conf asks for something else than "
			"this connection shows. With peer, role \"%s\" is "
			"only for the operating system's user of that name, "
			"and this is \"%s\": map it in pg_ident.conf, or "
			"write scram-sha-256 for a password, and reload.",
			user, check->config->os_user);
	else
		verdict_mend(row,
			"Does role \"%s\" exist, may it log in, and is the "
			"method in its line of pg_hba.conf right?",
			user);
}

static void
find_login_refused(struct check *check, const struct error *refused)
{
	const struct server_refusal *refusal = server_refusal(check->server);
	struct verdict *row = verdict_error(check->verdicts, refused->code,
		"login", "%s", refused->message);

	if (refused->hint[0] != '\0')
		verdict_mend(row, "%s", refused->hint);
	else if (strcmp(refusal->sqlstate, INVALID_PASSWORD) == 0)
		verdict_mend(row,
			"Put the password of role \"%s\" into ~/.pgpass, or "
			"set it anew: ALTER ROLE \"%s\" PASSWORD '...';",
			refusal->user, refusal->user);
	else
		mend_login(check, refused->message, row);
}

static void
find_hba_refused(struct check *check, const struct error *refused)
{
	const struct server_refusal *refusal = server_refusal(check->server);
	char line[HBA_LINE_SIZE];
	struct verdict *row = verdict_error(check->verdicts, ERR_REFUSED,
		"pg_hba.conf", "%s", refused->message);

	hba_line(line, "replication", refusal, check->config->os_user,
		refused->message);
	verdict_mend(row,
		"Add this line to the server's pg_hba.conf%s, then reload: %s",
		hba_rejected(refused->message) ? ", above the one that rejects"
					       : "",
		line);
}

static void
find_no_right(struct check *check, const char *value, const char *user)
{
	verdict_mend(verdict_error(
			     check->verdicts, ERR_REFUSED, "role", "%s", value),
		"Give the role the right: ALTER ROLE \"%s\" REPLICATION;",
		user);
}

static void
find_role_refused(struct check *check, const struct error *refused)
{
	const char *user = server_refusal(check->server)->user;

	verdict_add(check->verdicts, VERDICT_OK, "pg_hba.conf",
		"lets \"%s\" in for replication", user);
	find_no_right(check, refused->message, user);
}

/* Beyond pg_hba.conf and the role, all places are taken. */
static void
find_full(struct check *check, const struct error *refused)
{
	verdict_mend(verdict_error(check->verdicts, ERR_UNREACHABLE,
			     "connections", "%s", refused->message),
		"Wait until others leave, or raise what it names, "
		"max_wal_senders or max_connections, and restart the server.");
}

/* libpq's own words, which stay English: we set no locale for messages. */
static bool
is_another_kind(const char *message)
{
	static const char *const words[] = {"session is read-only",
		"session is not read-only", "in hot standby mode",
		"could not make a writable connection"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(message, words[i]) != NULL)
			return true;
	return false;
}

static void
find_unreachable(struct check *check, const struct error *refused)
{
	const char *sqlstate = server_refusal(check->server)->sqlstate;
	struct verdict *row = verdict_error(check->verdicts, refused->code,
		"server", "%s", refused->message);

	if (refused->hint[0] != '\0')
		verdict_mend(row, "%s", refused->hint);
	else if (is_another_kind(refused->message))
		verdict_mend(row,
			"It is there, but not what target_session_attrs asks "
			"for: name the one that is, or leave that out.");
	else if (strstr(refused->message, "SSL") != NULL)
		verdict_mend(row,
			"The two do not agree on encryption: sslmode and the "
			"certificates here, ssl and pg_hba.conf there.");
	else if (sqlstate[0] == '\0')
		verdict_mend(row,
			"Is it running, and are host and port right? Over "
			"TCP, listen_addresses must have the host, and no "
			"firewall be between. --wait waits for it.");
	else
		verdict_mend(row,
			"It is there, but not ready: --wait waits "
			"until it is.");
}

/* What the server said instead of letting us in. True: it is there at all. */
static bool
find_refusal(struct check *check, const struct error *refused)
{
	const struct server_refusal *refusal = server_refusal(check->server);
	bool full = strcmp(refusal->sqlstate, TOO_MANY_CONNECTIONS) == 0;

	if (refused->code != ERR_REFUSED && !full) {
		find_unreachable(check, refused);
		return false;
	}
	verdict_add(check->verdicts, VERDICT_OK, "server", "answers");
	if (full)
		find_full(check, refused);
	else if (hba_refused(refusal, refused->message))
		find_hba_refused(check, refused);
	else if (strcmp(refusal->sqlstate, INSUFFICIENT_PRIVILEGE) == 0)
		find_role_refused(check, refused);
	else
		find_login_refused(check, refused);
	return true;
}

void
find_failed(struct check *check, const char *name, const struct error *failure)
{
	verdict_mend(verdict_error(check->verdicts, failure->code, name, "%s",
			     failure->message),
		"Try again; the server's log may say more.");
}

bool
check_passes_on(const struct error *failure)
{
	return failure->code == ERR_STOPPED || failure->code == ERR_USAGE ||
		failure->code == ERR_MEMORY;
}

/* *there: the server is, whatever it says. */
static bool
check_replication(struct check *check, bool *there, struct error *error)
{
	struct error failure;

	*there = true;
	if (!server_connect(check->server, &failure)) {
		if (check_passes_on(&failure)) {
			*error = failure;
			return false;
		}
		*there = find_refusal(check, &failure);
		return true;
	}
	check->replication = true;
	verdict_add(check->verdicts, VERDICT_OK, "server", "%s",
		server_address(check->server));
	verdict_add(check->verdicts, VERDICT_OK, "pg_hba.conf",
		"lets us in for replication");
	verdict_add(check->verdicts, VERDICT_OK, "role", "has REPLICATION");
	check->identified =
		server_identify(check->server, &check->identity, &failure) &&
		server_segment_size(
			check->server, &check->segment_size, &failure);
	if (check->identified)
		return true;
	*error = failure;
	if (check_passes_on(&failure))
		return false;
	find_failed(check, "server", &failure);
	return true;
}

/* Behind a pg_hba.conf that says no, another fault may wait. */
static bool
check_role_by_sql(struct check *check, struct error *error)
{
	static const char sql[] = "SELECT rolreplication OR rolsuper "
				  "FROM pg_catalog.pg_roles "
				  "WHERE rolname = current_user";
	const char *user = server_refusal(check->server)->user;
	struct query_rows rows;

	if (check->replication ||
		strcmp(server_refusal(check->server)->sqlstate,
			INVALID_AUTHORIZATION) != 0)
		return true;
	if (!query_run(check->plain, sql, 1, &rows, error))
		return !check_passes_on(error);
	if (rows.count == 1 && query_cell(&rows, 0, 0) != NULL &&
		strcmp(query_cell(&rows, 0, 0), "t") == 0)
		verdict_add(
			check->verdicts, VERDICT_OK, "role", "has REPLICATION");
	else
		find_no_right(check, "has no REPLICATION", user);
	query_free(&rows);
	return true;
}

static bool
check_sql(struct check *check, struct error *error)
{
	struct error failure;

	if (server_connect_beside(check->server, &check->plain, &failure)) {
		check->led =
			leader_read(check->plain, &check->leader, &failure);
		if (!check_role_by_sql(check, error))
			return false;
		if (check->led)
			return true;
	}
	if (check_passes_on(&failure)) {
		*error = failure;
		return false;
	}
	verdict_mend(verdict_add(check->verdicts, VERDICT_WARNING, "SQL",
			     "no normal connection: %s", failure.message),
		"Without one it is not known how many places are free, what "
		"the slot holds back and who follows. Let the role into a "
		"database in pg_hba.conf, and name it with dbname in -d.");
	return true;
}

static void
check_version(struct check *check)
{
	int version = server_version(
		check->replication ? check->server : check->plain);

	if (version < VERSION_OLDEST)
		verdict_mend(
			verdict_error(check->verdicts, ERR_REFUSED, "version",
				"%d.%d", version / 10000, version / 100 % 100),
			"walfetch needs PostgreSQL 10 or later.");
	else if (version >= VERSION_NEWEST)
		verdict_mend(
			verdict_add(check->verdicts, VERDICT_WARNING, "version",
				"%d.%d", version / 10000, version % 10000),
			"This walfetch was not tried with it; a newer one may "
			"verify its records.");
	else
		verdict_add(check->verdicts, VERDICT_OK, "version", "%d.%d",
			version / 10000, version % 10000);
}

static bool
check_server(struct check *check, struct error *error)
{
	bool there;

	if (!check_replication(check, &there, error))
		return false;
	if (!there)
		return true;
	if (!check_sql(check, error))
		return false;
	if (!check->replication && check->plain == NULL)
		return true;
	check_version(check);
	if (!check_settings(check, error))
		return false;
	return check->config->slot == NULL || !check->replication ||
		check_slot(check, error);
}

static bool
check_archive(struct check *check, struct error *error)
{
	struct directory directory;
	bool usable = false;
	bool ok;

	if (check->config->directory == NULL)
		return true;
	directory_init(&directory);
	ok = check_place(check, &directory, &usable, error);
	if (ok && usable && check->identified)
		ok = check_gap(check, &directory, error);
	directory_close(&directory);
	return ok;
}

static bool
find_name(struct check *check, struct error *error)
{
	if (!server_application_name(check->server, &check->name, error))
		return false;
	if (check->name.len == 0)
		text_printf(&check->name, "%s", check->config->receiver);
	return !check->name.failed || error_set_memory(error);
}

bool
check_run(const struct check_config *config, struct server *server,
	struct verdicts *verdicts, struct error *error)
{
	struct check check = {
		.config = config,
		.server = server,
		.verdicts = verdicts,
	};
	bool ok;

	text_init(&check.name);
	ok = find_name(&check, error) && check_server(&check, error) &&
		check_archive(&check, error);
	text_free(&check.name);
	leader_free(&check.leader);
	server_free(check.plain);
	server_disconnect(server);
	return ok;
}
