/*
 * receive/heartbeat.h - keeps the server answered while the stream thread
 * itself waits for the disk.
 *
 * In synchronous mode handing each commit to a worker and back costs more than
 * the disk does, so the stream thread persists the open segment itself. A disk
 * that hangs must not look like a dead receiver then: this thread repeats the
 * last status update for as long as the wait lasts.
 *
 * Life cycle: heartbeat_create -> (heartbeat_begin -> heartbeat_end)* ->
 * heartbeat_free.
 * Guarantee: between begin and end the connection belongs to this thread,
 * outside it never touches it. Begin and end cost no system call.
 */
#ifndef RECEIVE_HEARTBEAT_H
#define RECEIVE_HEARTBEAT_H

#include "server/server.h"
#include "wal/replication_message.h"

struct heartbeat; /* opaque */

/* Start the thread. Errors: ERR_MEMORY, ERR_SYSTEM. */
bool heartbeat_create(struct heartbeat **heartbeat, struct error *error);

/* The stream thread begins to wait; status is copied. */
void heartbeat_begin(struct heartbeat *heartbeat, struct server *server,
	const struct standby_status *status);

/* The wait is over. */
void heartbeat_end(struct heartbeat *heartbeat);

/* End the thread, free. NULL is fine. */
void heartbeat_free(struct heartbeat *heartbeat);

#endif
