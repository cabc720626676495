/*
 * server/copy_stream.h - the stream of CopyData messages while in CopyBoth.
 *
 * Life cycle: after REPLICATION_STARTED, copy_receive* and copy_send* until
 * COPY_ENDED or the caller has had enough, then copy_finish.
 * Guarantee: copy_receive and copy_send never wait; poll server_socket() for
 * reading, and for writing while copy_unsent() is true. copy_finish waits with
 * server/server.h's limits.
 */
#ifndef SERVER_COPY_STREAM_H
#define SERVER_COPY_STREAM_H

#include "server/command.h"

enum copy_status {
	COPY_MESSAGE, /* *message is set */
	COPY_DRAINED, /* nothing more has arrived yet */
	COPY_ENDED    /* the server ended the copy: copy_finish */
};

struct copy_message {
	char *data; /* belongs to the caller: copy_message_free */
	size_t len;
};

/*
 * Take the next whole message, reading from the socket as needed; if at_hand,
 * only one that an earlier read brought, so that COPY_DRAINED may leave bytes
 * that poll() shows. Errors: as the server sent them in mid-copy,
 * ERR_UNREACHABLE when the connection ended.
 */
bool copy_receive(struct server *server, bool at_hand, enum copy_status *status,
	struct copy_message *message, struct error *error);

/* Free what a message holds; an empty one is fine. */
void copy_message_free(struct copy_message *message);

/* Queue len bytes as one CopyData message and send what the socket takes. */
bool copy_send(struct server *server, const void *data, size_t len,
	struct error *error);

/* True while bytes wait for the socket; copy_flush sends what it takes. */
bool copy_unsent(const struct server *server);
bool copy_flush(struct server *server, struct error *error);

/*
 * End the copy from our side and read the answers to their end. *next is the
 * timeline to go on with if the server named one (timeline 0: it did not).
 * WAL that arrives meanwhile is thrown away.
 */
bool copy_finish(struct server *server, struct timeline_switch *next,
	struct error *error);

#endif
