/*
 * service.h - a leader that does what a PostgreSQL server does, until its
 * script wants something else.
 *
 * It takes one connection at a time. What the client says goes to the standard
 * output, a line each, with the number of the connection:
 *   1 query IDENTIFY_SYSTEM
 *   1 status write 0/01000000 flush 0/00000000 reply 0
 *   1 done        (CopyDone)
 *   1 closed
 *   1 ended       (the script's section)
 * Before all that, "0 listening": clients may come.
 * Sources: PostgreSQL documentation, "Frontend/Backend Protocol" and
 * "Streaming Replication Protocol"; src/backend/replication/walsender.c.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include "endless_wal.h"
#include "fake_server.h"

#define HISTORIES_MAX 8
#define DAMAGES_MAX 8
#define DAMAGE_MAX 64

/* Bytes of WAL in a message, as a server sends at most. */
#define CHUNK_MAX ((size_t)128 * 1024)

struct served_history {
	uint32_t timeline;
	const char *name; /* NULL: the right one */
	const char *text;
};

/* These bytes are sent in place of the WAL's own. */
struct damage {
	lsn at;
	size_t len;
	unsigned char bytes[DAMAGE_MAX];
};

struct service {
	struct fake_server server;
	/* What the server is. */
	const char *version;
	uint64_t system_identifier;
	uint32_t segment_size;
	uint32_t timeline;
	lsn oldest; /* WAL before it was removed */
	lsn flushed;
	lsn told; /* the end of WAL that messages name; LSN_NONE: flushed */
	int64_t clock; /* the time that messages name */
	char slot[64]; /* empty: none */
	lsn slot_lsn;
	struct served_history histories[HISTORIES_MAX];
	size_t history_count;
	struct damage damages[DAMAGES_MAX];
	size_t damage_count;
	/* Made of that. */
	struct timeline_history history;
	struct endless_wal *wal;
	/* The connection. */
	size_t connection;
	char type; /* of the client's last message; 0: it is gone, 1: startup */
	struct text body;
	bool pending; /* it waits for an answer */
	bool glue;    /* queue, do not send */
	bool in_copy;
	bool copy_done;	      /* by us */
	uint32_t on_timeline; /* that is streamed */
	lsn at;		      /* the next byte to send */
};

/* What PostgreSQL 15 with segments of 1 MB would be. */
void service_init(struct service *service);

void service_free(struct service *service);

/* After a change of what the server is: make its WAL. */
void service_renew(struct service *service);

/* Wait for a client and its startup packet. False: it went at once. */
bool service_accept(struct service *service);

/* Wait for the client's next message. */
void service_take(struct service *service);

/* Answer the client's last message, if it waits, as a server would. */
void service_answer(struct service *service);

/* Answer everything, and send all WAL that there is, until the client goes. */
void service_run(struct service *service);

/* Send what is queued, unless it is to be glued. */
void service_flush(struct service *service);

/* WAL data: len bytes (CHUNK_MAX at most, in one segment) from LSN at on. */
void service_send_wal(struct service *service, lsn at, size_t len);

/* From service->at to upto in as many messages as it takes. */
void service_send_upto(struct service *service, lsn upto);

void service_keepalive(struct service *service, bool reply_wanted);

/* The text of a query; "" if it was no query. */
const char *service_query(const struct service *service);

/* Write what the archive should have of [from, upto) into a folder. */
void service_write_wal(
	struct service *service, const char *folder, lsn from, lsn upto);

#endif
