/*
 * receive/report.h - a standby status update on its way to the server.
 */
#ifndef RECEIVE_REPORT_H
#define RECEIVE_REPORT_H

#include "server/server.h"
#include "wal/replication_message.h"

/*
 * Send status, stamped with the time of now, without waiting: what the socket
 * does not take is sent by copy_flush. Errors: as copy_send.
 */
bool report_send(struct server *server, const struct standby_status *status,
	struct error *error);

#endif
