/*
 * check/hba.h - the line of pg_hba.conf that would let somebody in.
 *
 * Pure text: made from what the server said and what is known of the client.
 * Sources: PostgreSQL documentation, "The pg_hba.conf File".
 */
#ifndef CHECK_HBA_H
#define CHECK_HBA_H

#include "server/server.h"

#define HBA_LINE_SIZE 256

/*
 * True if the refusal was pg_hba.conf's; message is the server's, in any
 * language.
 */
bool hba_refused(const struct server_refusal *refusal, const char *message);

/* True if a line of the file says no, false if none is for this client. */
bool hba_rejected(const char *message);

/*
 * Write the line for database ("replication" or a name). The address is the
 * one that the server names in message, the connection's type and whether it
 * was encrypted too; the method is peer for a local connection of the
 * operating system's user of the same name (os_user), else scram-sha-256.
 */
void hba_line(char line[HBA_LINE_SIZE], const char *database,
	const struct server_refusal *refusal, const char *os_user,
	const char *message);

#endif
