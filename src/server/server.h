/*
 * server/server.h - a replication connection to one PostgreSQL cluster.
 *
 * Life cycle: server_create -> (server_connect -> commands, copy stream ->
 * server_disconnect)* -> server_free. A password that was typed is kept for
 * the next connect. libpq-fe.h stays within src/server/.
 * Guarantee: no call waits without a limit, but for a person at a prompt, and
 * every wait ends at once with ERR_STOPPED when the stop descriptor becomes
 * readable. Host names are resolved in a thread of their own for that. A
 * password goes out in clear text only if the options allow it, or
 * require_auth of libpq 16 and later is given, which then decides.
 * Errors of every call: ERR_STOPPED, ERR_UNREACHABLE (no connection, lost, or
 * a refusal that passes, such as 57P03), ERR_REFUSED (a refusal that stays),
 * ERR_GAP (55000: slot invalidated, 58P01: WAL removed), ERR_DIVERGED (not in
 * this server's history), ERR_PROTOCOL, ERR_MEMORY. The table of SQLSTATEs is
 * in server/sqlstate.h.
 * Sources: PostgreSQL documentation, "libpq - C Library", "Asynchronous
 * Command Processing" and "Connection Control Functions".
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/error.h"

#include <stdint.h>

enum password_prompt {
	PROMPT_IF_NEEDED, /* when the server asks and there is a terminal */
	PROMPT_NEVER,	  /* -w */
	PROMPT_ALWAYS	  /* -W: before the first connect */
};

struct server_options {
	const char *conninfo; /* -d: conninfo string or URI; wins */
	const char *host;     /* -h; NULL: libpq's default, as all of these */
	const char *port;     /* -p */
	const char *user;     /* -U */
	enum password_prompt prompt;
	bool allow_cleartext;	    /* send a password in clear text, too */
	const char *application;    /* fallback_application_name */
	int64_t connect_timeout_us; /* for one connect over all hosts; > 0 */
	int64_t command_timeout_us; /* for one answer; CLOCK_NEVER: none */
	int stop_fd;		    /* readable, and stays so: give up */
	bool plain; /* a normal connection, for server/query.h, to the
		       database that conninfo names, else "postgres" */
};

struct server; /* opaque */

/* What is known of an attempt to connect that failed. */
struct server_refusal {
	char sqlstate[6]; /* the server's; empty: it did not say */
	char user[64];	  /* whom it refused, perhaps cut off */
	bool local;	  /* over a Unix socket */
};

/*
 * Remember the options (all strings are borrowed until server_free). Errors:
 * ERR_MEMORY, ERR_USAGE (a conninfo that libpq cannot read), ERR_NOT_FOUND (no
 * libpq).
 */
bool server_create(struct server **server, const struct server_options *options,
	struct error *error);

/*
 * Connect for physical replication, trying every host that libpq knows of.
 * Asks for a password at the terminal as the options say. The hint of a
 * missing password without a terminal says where libpq looks for one. The time
 * is shared out among the hosts that are left. Errors also: ERR_USAGE (options
 * that libpq refuses before it looks for a server).
 */
bool server_connect(struct server *server, struct error *error);

/*
 * Make a second one, connected for SQL (options: plain), of the same options,
 * the password that was typed, and the host that server is connected to, if
 * it is. Never asks for a password. The caller frees *made, before server.
 * Errors: as server_connect.
 */
bool server_connect_beside(
	const struct server *server, struct server **made, struct error *error);

/* How the last server_connect failed; all empty if it did not. */
const struct server_refusal *server_refusal(const struct server *server);

/* Change connect_timeout_us (> 0) from the next connect on. */
void server_limit_connect(struct server *server, int64_t timeout_us);

/* Close the connection, if there is one; never waits. */
void server_disconnect(struct server *server);

/* Disconnect and free; NULL is fine. The password is wiped. */
void server_free(struct server *server);

/* The server's version as libpq gives it (150004); 0 when not connected. */
int server_version(const struct server *server);

/* "host:port" or the socket's folder, for messages; valid while connected. */
const char *server_address(const struct server *server);

/* The server's process for this connection; 0 when not connected. */
int server_process(const struct server *server);

/* The socket to poll; -1 when not connected. */
int server_socket(const struct server *server);

#endif
