/*
 * server/conninfo.h - the connection as a conninfo string, for another
 * connection to the same server or for a follower.
 *
 * Sources: PostgreSQL documentation, "Connection Strings".
 */
#ifndef SERVER_CONNINFO_H
#define SERVER_CONNINFO_H

#include "base/text.h"
#include "server/server.h"

/*
 * Append what connects as server did, a typed password included. pinned: to
 * the very host that it is connected to; else to the hosts that the options
 * name. Left out are the database, what only says how this program connects,
 * and whatever is libpq's own default. Errors: ERR_UNREACHABLE (not connected),
 * ERR_MEMORY.
 */
bool server_conninfo(const struct server *server, bool pinned,
	struct text *conninfo, struct error *error);

/*
 * Append the application_name that the options ask for, be it by PGAPPNAME or a
 * service file; nothing is appended if they name none. Errors: ERR_USAGE
 * (options that libpq refuses), ERR_MEMORY.
 */
bool server_application_name(
	const struct server *server, struct text *name, struct error *error);

#endif
