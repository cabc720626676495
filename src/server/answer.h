/*
 * server/answer.h - sending a command and reading its answer. Private to
 * src/server/.
 *
 * Life cycle: answer_ask -> answer_string, answer_timeline, ... -> answer_free.
 * Guarantee: nothing that a server sends is taken for granted. Numbers of rows
 * and columns, NULLs and ranges are checked; ERR_PROTOCOL says what was wrong.
 */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include "server/command.h"
#include "server/session.h"

struct answer {
	const char *command; /* its name, for messages; borrowed */
	PGresult *result;    /* NULL: none */
};

/*
 * Send query and wait for its answer; answer->command is set before. The text
 * is freed in any case. Errors: session_answer's, ERR_MEMORY.
 */
bool answer_ask(struct answer *answer, struct server *server,
	struct text *query, struct error *error);

/*
 * The same for commands that have nothing to do with WAL: ERR_GAP becomes
 * ERR_REFUSED, ERR_DIVERGED becomes ERR_UNREACHABLE.
 */
bool answer_ask_plain(struct answer *answer, struct server *server,
	struct text *query, struct error *error);

/* True if the command failed with this SQLSTATE. */
bool answer_failed_with(const struct answer *answer, const char *sqlstate);

/* Free the result; none is fine. */
void answer_free(struct answer *answer);

/* Append " \"name\"", a quoted identifier. */
void answer_quote(struct text *query, const char *name);

/* The answer must be one row of at least columns fields. */
bool answer_expect_row(
	const struct answer *answer, int columns, struct error *error);

/* The answer must be rows or none, without a copy. */
bool answer_expect_done(const struct answer *answer, struct error *error);

/* True if a field of the row is NULL. */
bool answer_is_null(const struct answer *answer, int column);

/* A field of the row, which must not be NULL; valid until answer_free. */
bool answer_string(const struct answer *answer, int column, const char **value,
	struct error *error);

/* The same as a timeline, from 1 on. */
bool answer_timeline(const struct answer *answer, int column,
	uint32_t *timeline, struct error *error);

/* The same as a position in the WAL. */
bool answer_lsn(
	const struct answer *answer, int column, lsn *at, struct error *error);

/*
 * The row as the timeline to go on with. An answer without rows, the end of
 * the command alone, names none: timeline 0.
 */
bool answer_timeline_switch(const struct answer *answer,
	struct timeline_switch *next, struct error *error);

/* Read a decimal number up to max that fills the string. */
bool answer_parse_number(const char *string, uint64_t max, uint64_t *number);

#endif
