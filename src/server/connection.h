/*
 * server/connection.h - one attempt to connect to one address. Private to
 * src/server/.
 *
 * libpq's connect_timeout does nothing in the asynchronous interface; the
 * limit here is the only one.
 */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include "server/parameters.h"

/* What else is known of an attempt that failed. */
struct connection_failure {
	bool needs_password; /* the server wants one and got none */
	bool wrong_password; /* it got one and refused */
	int version;	     /* of the server; 0: it did not come that far */
	struct server_refusal refusal;
};

/*
 * Connect; *conn is non-blocking, silent, and to be finished by the caller.
 * *failure is set when it fails. Errors: as server_connect.
 */
bool connection_open(const struct parameters *parameters,
	const struct wait_limit *limit, PGconn **conn,
	struct connection_failure *failure, struct error *error);

#endif
