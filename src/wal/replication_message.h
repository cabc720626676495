/*
 * wal/replication_message.h - the messages inside CopyBoth.
 *
 * Sources: PostgreSQL documentation, "Streaming Replication Protocol"
 * (XLogData, Primary keepalive message, Standby status update).
 */
#ifndef WAL_REPLICATION_MESSAGE_H
#define WAL_REPLICATION_MESSAGE_H

#include "base/error.h"
#include "wal/lsn.h"

#include <stddef.h>

enum replication_message_kind {
	MESSAGE_WAL_DATA,
	MESSAGE_KEEPALIVE
};

struct replication_message {
	enum replication_message_kind kind;
	lsn start;		   /* WAL data: LSN of data[0] */
	lsn server_end;		   /* the end of WAL on the server */
	int64_t sent_us;	   /* PostgreSQL epoch */
	bool reply_wanted;	   /* keepalive: answer at once */
	const unsigned char *data; /* WAL data: points into the buffer */
	size_t len;		   /* WAL data: bytes at data, may be 0 */
};

struct standby_status {
	lsn write;	 /* LSN_NONE: says nothing */
	lsn flush;	 /* LSN_NONE: says nothing; apply is always LSN_NONE */
	int64_t sent_us; /* PostgreSQL epoch */
	bool reply_wanted;
};

#define STANDBY_STATUS_LEN 34

/*
 * Read one CopyData payload of len bytes. *message is only set on success and
 * points into buffer. Errors: ERR_PROTOCOL (unknown type, too short).
 */
bool replication_message_parse(struct replication_message *message,
	const void *buffer, size_t len, struct error *error);

/* Write a standby status update. */
void standby_status_format(unsigned char buffer[STANDBY_STATUS_LEN],
	const struct standby_status *status);

#endif
