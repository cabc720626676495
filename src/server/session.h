/*
 * server/session.h - what the files of src/server/ share: the connection, and
 * waiting for it. Private to src/server/.
 *
 * Guarantee: nothing here calls a function of libpq that may wait, and every
 * wait of its own has a deadline and ends with the stop descriptor.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "base/clock.h"
#include "server/libpq.h"
#include "server/server.h"

#define PASSWORD_SIZE 1024

/* What ends a wait. */
struct wait_limit {
	int stop_fd;
	int64_t deadline_us; /* of the monotonic clock; CLOCK_NEVER: none */
};

/* What becomes of a server that asks for a password in clear text. */
enum password_rule {
	RULE_NONE,    /* it gets it, or what require_auth was given says */
	RULE_LIBPQ,   /* libpq's require_auth, set by us, refuses */
	RULE_GUARDED, /* server/password_guard.h refuses */
};

/* The value of require_auth for it. */
#define REQUIRE_NO_CLEAR_TEXT "!password"

struct server {
	struct server_options options;
	PQconninfoOption *conninfo; /* options.conninfo, read; NULL: none */
	PGconn *conn;		    /* NULL: not connected */
	char address[512];
	bool asked;		      /* PROMPT_ALWAYS has been done */
	bool unsent;		      /* see copy_unsent */
	bool copy_ended;	      /* by the server; our end is missing */
	char password[PASSWORD_SIZE]; /* typed; empty: none */
	enum password_rule rule;      /* since the first connect */
	struct server_refusal refusal;
};

/* The limit of one answer that is asked for now. */
struct wait_limit session_command_limit(const struct server *server);

/*
 * Wait until fd is ready for events (POLLIN, POLLOUT) or has failed. Errors:
 * ERR_STOPPED, ERR_UNREACHABLE (the message is "timeout expired"), ERR_SYSTEM.
 */
bool session_wait(int fd, short events, const struct wait_limit *limit,
	struct error *error);

/*
 * Send what waits to be sent, wait for the socket, and read what has come.
 * Errors: session_wait's, ERR_UNREACHABLE (lost).
 */
bool session_exchange(
	PGconn *conn, const struct wait_limit *limit, struct error *error);

/*
 * Wait for the next result; *result is NULL at the end of the answer, else the
 * caller clears it. Errors: session_wait's, ERR_UNREACHABLE (lost).
 */
bool session_next_result(PGconn *conn, const struct wait_limit *limit,
	PGresult **result, struct error *error);

/*
 * Wait for the whole answer to the command called name: its first result, or
 * on failure the server's error, or NULL. The caller clears it in any case. A
 * result that begins a copy ends the answer. Errors: the server's,
 * session_next_result's, ERR_PROTOCOL (no result).
 */
bool session_answer(PGconn *conn, const struct wait_limit *limit,
	const char *name, PGresult **result, struct error *error);

/*
 * Set the error that a result is, with the state and the hint that the server
 * sent; name is that of the command, NULL: none. Returns false.
 */
bool session_result_error(
	const char *name, const PGresult *result, struct error *error);

/*
 * Put in front of the message which command, called name, it was that found no
 * connection or no answer (ERR_UNREACHABLE); other errors stay as they are.
 */
void session_name_command(const char *name, struct error *error);

/* Set ERR_UNREACHABLE with what libpq says of the connection. Returns false. */
bool session_lost(const PGconn *conn, struct error *error);

/*
 * Open a connection to the database that the options name (else "postgres")
 * on the server that server is connected to; never prompts. Errors: as
 * server_connect. The caller finishes *conn.
 */
bool session_connect_database(const struct server *server,
	const struct wait_limit *limit, PGconn **conn, struct error *error);

#endif
