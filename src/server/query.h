/*
 * server/query.h - SQL whose answer is a table of text.
 *
 * Over a normal connection (struct server_options, plain) any query; over one
 * for replication only SHOW.
 * Life cycle: query_run -> query_cell* -> query_free.
 * Guarantee: what a server sends is bounded: QUERY_BYTES_MAX of text, and of
 * as many columns as were asked for. More is ERR_PROTOCOL.
 */
#ifndef SERVER_QUERY_H
#define SERVER_QUERY_H

#include "base/text.h"
#include "server/server.h"

#define QUERY_BYTES_MAX ((size_t)4 << 20)

struct query_rows {
	size_t count;
	int columns;
	char **cells; /* count times columns, each NULL or a string */
};

/*
 * Run one statement that answers with this many columns (1 or more). *rows is
 * only set on success. Errors: server/server.h's but ERR_GAP and ERR_DIVERGED,
 * ERR_PROTOCOL (another answer than that).
 */
bool query_run(struct server *server, const char *sql, int columns,
	struct query_rows *rows, struct error *error);

/* A field; NULL: it is null. */
const char *query_cell(const struct query_rows *rows, size_t row, int column);

/* Free; one of zeros is fine. */
void query_free(struct query_rows *rows);

/*
 * SHOW name: append the value, as the server shows it. Errors: query_run's;
 * ERR_NOT_FOUND: the server knows no such setting.
 */
bool query_show(struct server *server, const char *name, struct text *value,
	struct error *error);

#endif
