#include "server/answer.h"

#include <string.h>

#define DUPLICATE_OBJECT "42710"
#define NOT_SUPPORTED "0A000"

/* The first versions that have READ_REPLICATION_SLOT, and a slot's status. */
#define VERSION_READ_SLOT 150000
#define VERSION_WAL_STATUS 130000
#define VERSION_INVALIDATED 170000

/* A side issue must not use up the time of the main one. */
#define DATABASE_TIMEOUT_US (5 * USECS_PER_SEC)

static bool
read_row(const struct answer *answer, struct server_slot *slot,
	struct error *error)
{
	struct server_slot found = {.known = true};
	const char *type;

	if (!answer_expect_row(answer, 3, error))
		return false;
	if (answer_is_null(answer, 0)) {
		*slot = found;
		return true;
	}
	if (!answer_string(answer, 0, &type, error))
		return false;
	found.exists = true;
	found.physical = strcmp(type, "physical") == 0;
	if (!answer_is_null(answer, 1) &&
		!answer_lsn(answer, 1, &found.restart, error))
		return false;
	if (!answer_is_null(answer, 2) &&
		!answer_timeline(answer, 2, &found.restart_timeline, error))
		return false;
	*slot = found;
	return true;
}

static bool
read_by_command(struct server *server, const char *name,
	struct server_slot *slot, struct error *error)
{
	struct answer answer = {"READ_REPLICATION_SLOT", NULL};
	struct text query;
	bool ok;

	text_init(&query);
	text_printf(&query, "READ_REPLICATION_SLOT");
	answer_quote(&query, name);
	ok = answer_ask_plain(&answer, server, &query, error) &&
		read_row(&answer, slot, error);
	/* The command is for physical slots only. */
	if (answer_failed_with(&answer, NOT_SUPPORTED)) {
		*slot = (struct server_slot){.known = true, .exists = true};
		ok = true;
	}
	answer_free(&answer);
	return ok;
}

/* A slot that never reserved WAL has no status: it cannot be lost. */
static const char *
lost_expression(int version)
{
	if (version >= VERSION_INVALIDATED)
		return "coalesce(wal_status = 'lost' OR "
		       "invalidation_reason IS NOT NULL, false)";
	if (version >= VERSION_WAL_STATUS)
		return "coalesce(wal_status = 'lost', false)";
	return "false";
}

static bool
send_slot_query(PGconn *conn, const char *name, struct error *error)
{
	const char *const values[] = {name};
	struct text query;
	bool ok;

	text_init(&query);
	text_printf(&query,
		"SELECT slot_type, restart_lsn, NULL, %s "
		"FROM pg_catalog.pg_replication_slots "
		"WHERE slot_name::text = $1::text",
		lost_expression(libpq()->PQserverVersion(conn)));
	if (query.failed)
		ok = error_set_memory(error);
	else if (!libpq()->PQsendQueryParams(
			 conn, query.string, 1, NULL, values, NULL, NULL, 0))
		ok = session_lost(conn, error);
	else
		ok = true;
	text_free(&query);
	return ok;
}

static bool
read_slot_view(const struct answer *answer, struct server_slot *slot,
	struct error *error)
{
	struct server_slot found = {.known = true};

	if (libpq()->PQresultStatus(answer->result) == PGRES_TUPLES_OK &&
		libpq()->PQntuples(answer->result) == 0) {
		*slot = found;
		return true;
	}
	if (!answer_expect_row(answer, 4, error) ||
		!read_row(answer, &found, error))
		return false;
	found.lost = !answer_is_null(answer, 3) &&
		strcmp(libpq()->PQgetvalue(answer->result, 0, 3), "t") == 0;
	*slot = found;
	return true;
}

static struct wait_limit
database_limit(const struct server *server)
{
	int64_t timeout_us = server->options.connect_timeout_us;
	struct wait_limit limit = {server->options.stop_fd, 0};

	if (timeout_us > DATABASE_TIMEOUT_US)
		timeout_us = DATABASE_TIMEOUT_US;
	limit.deadline_us = clock_monotonic_us() + timeout_us;
	return limit;
}

/*
 * A role for replication often may not connect to a database, so that only a
 * stop is a failure; anything else leaves *slot as it is.
 */
static bool
read_by_query(struct server *server, const char *name, struct server_slot *slot,
	struct error *error)
{
	struct wait_limit limit = database_limit(server);
	struct answer answer = {"SELECT", NULL};
	struct error failure;
	PGconn *conn = NULL;
	bool ok;

	ok = session_connect_database(server, &limit, &conn, &failure) &&
		send_slot_query(conn, name, &failure) &&
		session_answer(conn, &limit, answer.command, &answer.result,
			&failure) &&
		read_slot_view(&answer, slot, &failure);
	answer_free(&answer);
	libpq()->PQfinish(conn);
	if (ok || failure.code != ERR_STOPPED)
		return true;
	*error = failure;
	return false;
}

bool
server_read_slot(struct server *server, const char *name,
	struct server_slot *slot, struct error *error)
{
	struct server_slot found = {.known = false};
	struct server_slot seen;

	if (server->conn == NULL)
		return error_set(
			error, ERR_UNREACHABLE, "not connected to a server");
	if (server_version(server) < VERSION_READ_SLOT) {
		if (!read_by_query(server, name, &found, error))
			return false;
	} else {
		if (!read_by_command(server, name, &found, error))
			return false;
		seen = found;
		if (found.physical && found.restart == LSN_NONE &&
			!read_by_query(server, name, &seen, error))
			return false;
		found.lost = seen.lost;
	}
	*slot = found;
	return true;
}

bool
server_create_slot(struct server *server, const char *name, bool reserve_wal,
	bool if_not_exists, struct error *error)
{
	struct answer answer = {"CREATE_REPLICATION_SLOT", NULL};
	struct text query;
	bool ok;

	text_init(&query);
	text_printf(&query, "CREATE_REPLICATION_SLOT");
	answer_quote(&query, name);
	text_printf(&query, " PHYSICAL%s", reserve_wal ? " RESERVE_WAL" : "");
	ok = answer_ask_plain(&answer, server, &query, error) &&
		answer_expect_done(&answer, error);
	if (if_not_exists && answer_failed_with(&answer, DUPLICATE_OBJECT))
		ok = true;
	answer_free(&answer);
	return ok;
}

bool
server_create_temporary_slot(
	struct server *server, const char *name, struct error *error)
{
	struct answer answer = {"CREATE_REPLICATION_SLOT", NULL};
	struct text query;
	bool ok;

	text_init(&query);
	text_printf(&query, "CREATE_REPLICATION_SLOT");
	answer_quote(&query, name);
	text_printf(&query, " TEMPORARY PHYSICAL RESERVE_WAL");
	ok = answer_ask_plain(&answer, server, &query, error) &&
		answer_expect_done(&answer, error);
	answer_free(&answer);
	return ok;
}

bool
server_drop_slot(struct server *server, const char *name, struct error *error)
{
	struct answer answer = {"DROP_REPLICATION_SLOT", NULL};
	struct text query;
	bool ok;

	text_init(&query);
	text_printf(&query, "DROP_REPLICATION_SLOT");
	answer_quote(&query, name);
	ok = answer_ask_plain(&answer, server, &query, error) &&
		answer_expect_done(&answer, error);
	answer_free(&answer);
	return ok;
}
