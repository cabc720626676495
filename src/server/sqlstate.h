/*
 * server/sqlstate.h - what an SQLSTATE means for a receiver.
 *
 * Sources: PostgreSQL documentation, "PostgreSQL Error Codes";
 * src/backend/replication/walsender.c.
 */
#ifndef SERVER_SQLSTATE_H
#define SERVER_SQLSTATE_H

#include "base/error.h"

/*
 * The class of a server's error. sqlstate: five characters, or NULL if the
 * server sent none (then the connection was lost: ERR_UNREACHABLE). message:
 * the server's primary message, in any language; only where a state alone
 * does not tell. 57P03, 57P01, 08xxx, 53300, 55006 and the like:
 * ERR_UNREACHABLE. 42704, 28xxx, 42501, 3D000: ERR_REFUSED. 55000, 58P01:
 * ERR_GAP. "not in this server's history": ERR_DIVERGED.
 */
enum error_code sqlstate_class(const char *sqlstate, const char *message);

#endif
