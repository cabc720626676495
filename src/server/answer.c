#include "server/answer.h"

#include <string.h>

bool
answer_ask(struct answer *answer, struct server *server, struct text *query,
	struct error *error)
{
	struct wait_limit limit = session_command_limit(server);
	bool ok;

	answer->result = NULL;
	if (query->failed)
		ok = error_set_memory(error);
	else if (server->conn == NULL)
		ok = error_set(
			error, ERR_UNREACHABLE, "not connected to a server");
	else if (!libpq()->PQsendQuery(server->conn, query->string))
		ok = session_lost(server->conn, error);
	else
		ok = session_answer(server->conn, &limit, answer->command,
			&answer->result, error);
	text_free(query);
	return ok;
}

bool
answer_ask_plain(struct answer *answer, struct server *server,
	struct text *query, struct error *error)
{
	if (answer_ask(answer, server, query, error))
		return true;
	if (error->code == ERR_GAP)
		error->code = ERR_REFUSED;
	else if (error->code == ERR_DIVERGED)
		error->code = ERR_UNREACHABLE;
	return false;
}

bool
answer_failed_with(const struct answer *answer, const char *sqlstate)
{
	const char *state =
		libpq()->PQresultErrorField(answer->result, PG_DIAG_SQLSTATE);

	return state != NULL && strcmp(state, sqlstate) == 0;
}

void
answer_free(struct answer *answer)
{
	libpq()->PQclear(answer->result);
	answer->result = NULL;
}

void
answer_quote(struct text *query, const char *name)
{
	text_append(query, " \"", 2);
	for (; *name != '\0'; name++) {
		if (*name == '"')
			text_append(query, name, 1);
		text_append(query, name, 1);
	}
	text_append(query, "\"", 1);
}

static bool
set_unexpected(const struct answer *answer, struct error *error)
{
	return error_set(error, ERR_PROTOCOL,
		"unexpected answer to replication command %s: %s with %d rows "
		"and %d fields",
		answer->command,
		libpq()->PQresStatus(libpq()->PQresultStatus(answer->result)),
		libpq()->PQntuples(answer->result),
		libpq()->PQnfields(answer->result));
}

bool
answer_expect_row(const struct answer *answer, int columns, struct error *error)
{
	if (libpq()->PQresultStatus(answer->result) != PGRES_TUPLES_OK ||
		libpq()->PQntuples(answer->result) != 1 ||
		libpq()->PQnfields(answer->result) < columns)
		return set_unexpected(answer, error);
	return true;
}

bool
answer_expect_done(const struct answer *answer, struct error *error)
{
	ExecStatusType status = libpq()->PQresultStatus(answer->result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		return set_unexpected(answer, error);
	return true;
}

bool
answer_is_null(const struct answer *answer, int column)
{
	return libpq()->PQgetisnull(answer->result, 0, column) != 0;
}

static bool
set_wrong_field(const struct answer *answer, int column, struct error *error)
{
	return error_set(error, ERR_PROTOCOL,
		"unexpected answer to replication command %s: field %d is "
		"\"%.64s\"",
		answer->command, column + 1,
		answer_is_null(answer, column)
			? "(null)"
			: libpq()->PQgetvalue(answer->result, 0, column));
}

bool
answer_string(const struct answer *answer, int column, const char **value,
	struct error *error)
{
	if (answer_is_null(answer, column)) {
		set_wrong_field(answer, column, error);
		return false;
	}
	*value = libpq()->PQgetvalue(answer->result, 0, column);
	return true;
}

bool
answer_parse_number(const char *string, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;

	if (*string == '\0')
		return false;
	for (; *string >= '0' && *string <= '9'; string++) {
		uint64_t digit = (uint64_t)(*string - '0');

		if (digit > max || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (*string != '\0')
		return false;
	*number = value;
	return true;
}

bool
answer_timeline(const struct answer *answer, int column, uint32_t *timeline,
	struct error *error)
{
	const char *value = NULL;
	uint64_t number;

	if (!answer_string(answer, column, &value, error))
		return false;
	if (!answer_parse_number(value, UINT32_MAX, &number) || number == 0)
		return set_wrong_field(answer, column, error);
	*timeline = (uint32_t)number;
	return true;
}

bool
answer_lsn(
	const struct answer *answer, int column, lsn *at, struct error *error)
{
	const char *value = NULL;

	if (!answer_string(answer, column, &value, error))
		return false;
	if (!lsn_parse(value, at))
		return set_wrong_field(answer, column, error);
	return true;
}

bool
answer_timeline_switch(const struct answer *answer,
	struct timeline_switch *next, struct error *error)
{
	struct timeline_switch found = {0, LSN_NONE};

	if (libpq()->PQresultStatus(answer->result) != PGRES_COMMAND_OK &&
		(!answer_expect_row(answer, 2, error) ||
			!answer_timeline(answer, 0, &found.timeline, error) ||
			!answer_lsn(answer, 1, &found.begin, error)))
		return false;
	*next = found;
	return true;
}
