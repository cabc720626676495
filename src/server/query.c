#include "server/query.h"

#include "server/session.h"

#include <stdlib.h>
#include <string.h>

#define UNDEFINED_OBJECT "42704"

/* An answer on its way in. */
struct reading {
	struct query_rows rows;
	size_t room; /* rows that fit */
	size_t bytes;
	bool failed;  /* *error is set; the rest is thrown away */
	bool unknown; /* it failed with UNDEFINED_OBJECT */
};

void
query_free(struct query_rows *rows)
{
	size_t cells = rows->count * (size_t)rows->columns;

	for (size_t i = 0; i < cells; i++)
		free(rows->cells[i]);
	free(rows->cells);
	*rows = (struct query_rows){.count = 0};
}

const char *
query_cell(const struct query_rows *rows, size_t row, int column)
{
	return rows->cells[row * (size_t)rows->columns + (size_t)column];
}

/* The cells of a new row are NULL and counted at once, for query_free. */
static bool
add_row(struct reading *reading, struct error *error)
{
	size_t columns = (size_t)reading->rows.columns;
	char **cells = reading->rows.cells;

	if (reading->rows.count == reading->room) {
		size_t room = reading->room == 0 ? 16 : 2 * reading->room;

		cells = realloc(cells, room * columns * sizeof(*cells));
		if (cells == NULL)
			return error_set_memory(error);
		reading->rows.cells = cells;
		reading->room = room;
	}
	memset(cells + reading->rows.count * columns, 0,
		columns * sizeof(*cells));
	reading->rows.count++;
	return true;
}

static bool
take_row(struct reading *reading, const PGresult *result, struct error *error)
{
	char **cells;

	if (!add_row(reading, error))
		return false;
	cells = reading->rows.cells +
		(reading->rows.count - 1) * (size_t)reading->rows.columns;
	for (int i = 0; i < reading->rows.columns; i++) {
		reading->bytes +=
			(size_t)libpq()->PQgetlength(result, 0, i) + 1;
		if (reading->bytes > QUERY_BYTES_MAX)
			return error_set(error, ERR_PROTOCOL,
				"the server's answer to a query is too large");
		if (libpq()->PQgetisnull(result, 0, i))
			continue;
		cells[i] = strdup(libpq()->PQgetvalue(result, 0, i));
		if (cells[i] == NULL)
			return error_set_memory(error);
	}
	return true;
}

static bool
set_result_error(
	struct reading *reading, const PGresult *result, struct error *error)
{
	const char *state =
		libpq()->PQresultErrorField(result, PG_DIAG_SQLSTATE);

	reading->unknown =
		state != NULL && strcmp(state, UNDEFINED_OBJECT) == 0;
	(void)session_result_error(NULL, result, error);
	/* These states are of WAL, and here is none. */
	if (error->code == ERR_GAP)
		error->code = ERR_REFUSED;
	else if (error->code == ERR_DIVERGED)
		error->code = ERR_UNREACHABLE;
	return false;
}

static bool
take_result(
	struct reading *reading, const PGresult *result, struct error *error)
{
	ExecStatusType status = libpq()->PQresultStatus(result);

	if (status == PGRES_FATAL_ERROR)
		return set_result_error(reading, result, error);
	if ((status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK) ||
		libpq()->PQnfields(result) != reading->rows.columns)
		return error_set(error, ERR_PROTOCOL,
			"unexpected answer to a query: %s with %d fields",
			libpq()->PQresStatus(status),
			libpq()->PQnfields(result));
	return status == PGRES_TUPLES_OK || take_row(reading, result, error);
}

static bool
begins_copy(const PGresult *result)
{
	ExecStatusType status = libpq()->PQresultStatus(result);

	return status == PGRES_COPY_BOTH || status == PGRES_COPY_IN ||
		status == PGRES_COPY_OUT;
}

static bool
read_answer(struct server *server, struct reading *reading, struct error *error)
{
	struct wait_limit limit = session_command_limit(server);
	struct error later;
	PGresult *result;
	bool copying;

	for (;;) {
		if (!session_next_result(server->conn, &limit, &result,
			    reading->failed ? &later : error))
			return false;
		if (result == NULL)
			return !reading->failed;
		if (!reading->failed && !take_result(reading, result, error))
			reading->failed = true;
		copying = begins_copy(result);
		libpq()->PQclear(result);
		/* libpq repeats such a result until the copy is over. */
		if (copying)
			return false;
	}
}

static bool
run(struct server *server, const char *sql, struct reading *reading,
	struct error *error)
{
	if (server->conn == NULL)
		return error_set(
			error, ERR_UNREACHABLE, "not connected to a server");
	if (!libpq()->PQsendQuery(server->conn, sql) ||
		!libpq()->PQsetSingleRowMode(server->conn))
		return session_lost(server->conn, error);
	return read_answer(server, reading, error);
}

bool
query_run(struct server *server, const char *sql, int columns,
	struct query_rows *rows, struct error *error)
{
	struct reading reading = {.rows = {.columns = columns}};

	if (!run(server, sql, &reading, error)) {
		query_free(&reading.rows);
		return false;
	}
	*rows = reading.rows;
	return true;
}

bool
query_show(struct server *server, const char *name, struct text *value,
	struct error *error)
{
	struct reading reading = {.rows = {.columns = 1}};
	struct text sql;
	bool ok;

	text_init(&sql);
	text_printf(&sql, "SHOW %s", name);
	ok = sql.failed ? error_set_memory(error)
			: run(server, sql.string, &reading, error);
	if (!ok && reading.unknown)
		error->code = ERR_NOT_FOUND;
	if (ok &&
		(reading.rows.count != 1 ||
			query_cell(&reading.rows, 0, 0) == NULL))
		ok = error_set(error, ERR_PROTOCOL,
			"unexpected answer to SHOW %s: %zu rows", name,
			reading.rows.count);
	if (ok) {
		text_printf(value, "%s", query_cell(&reading.rows, 0, 0));
		ok = !value->failed || error_set_memory(error);
	}
	text_free(&sql);
	query_free(&reading.rows);
	return ok;
}
