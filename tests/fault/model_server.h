/*
 * model_server.h - a cluster, as a receiver sees it, that lives by the dice.
 *
 * It writes real WAL, is promoted, restored to a point in time and replaced by
 * a standby, removes WAL, loses slots, sends damaged bytes and falls silent.
 * There may be another one with the same identity: a standby that is behind, or
 * a copy that went its own way under the same timelines.
 * Segments are smaller than a server's, so that borders are many.
 *
 * Life cycle: model_server_init -> (model_server_live | what a connection
 * asks)* -> model_server_free.
 * Sources: PostgreSQL src/backend/replication/walsender.c, slot.c,
 * src/backend/access/transam/xlog.c.
 */
#ifndef MODEL_SERVER_H
#define MODEL_SERVER_H

#include "dice.h"
#include "server/command.h"
#include "wal/replication_message.h"
#include "wal_builder.h"

#define MODEL_TIMELINES 8
#define MODEL_SYSTEM WAL_BUILDER_SYSTEM
#define MODEL_MESSAGE_MAX ((size_t)1 << 17)

struct model_record {
	lsn start;
	lsn last; /* behind its last byte; LSN_NONE: a switch */
	lsn end;  /* behind its padding */
};

struct model_timeline {
	int parent; /* -1: none */
	lsn begin;  /* where it left its parent */
	struct wal_builder wal;
	struct model_record *records;
	size_t count;
	size_t room;
};

/* One byte that is not sent as it was written. */
struct model_damage {
	int timeline;
	lsn at;
	unsigned char mask;
	lsn record; /* the record that it is in starts there */
	lsn limit;  /* known to be bad when the byte before this is there */
};

struct model_server {
	struct dice *dice;
	uint32_t segment_size;
	struct model_timeline timelines[MODEL_TIMELINES];
	int count;
	int current;
	lsn flushed;
	bool leads;
	bool follows; /* another one's WAL */
	lsn removed;  /* there is no WAL below */
	struct server_slot slot;
	bool calm;   /* nothing bad happens any more, and nothing new */
	bool intact; /* sends no damaged bytes */

	struct model_damage damage;
	bool damaged; /* damage is to be sent */
	bool lasting; /* whenever it is asked for */

	/* The connection. */
	bool lost;
	bool hung;
	bool streaming;
	int stream; /* a timeline */
	lsn stream_begin;
	lsn sent;
	bool reply_owed;
	bool damage_sent;
};

enum model_answer {
	MODEL_MESSAGE,
	MODEL_DRAINED,
	MODEL_ENDED
};

void model_server_init(struct model_server *server, struct dice *dice);
void model_server_free(struct model_server *server);

/*
 * Make another server of the same cluster: one that follows it and is behind,
 * or one that was restored and goes on from there with WAL of its own.
 */
void model_server_copy(struct model_server *copy,
	const struct model_server *server, bool follows);

/* A follower gets more of a leader's WAL. */
void model_server_catch_up(
	struct model_server *follower, const struct model_server *leader);

/* Does a record end at an LSN that starts at another one? */
bool model_server_has_record(
	const struct model_server *server, int timeline, lsn start, lsn end);

/* Something happens, or not. */
void model_server_live(struct model_server *server);

/* From now on there are no faults and no changes. */
void model_server_calm(struct model_server *server);

/* A slot that was lost is made anew. */
void model_server_mend_slot(struct model_server *server);

/* The timeline's number is its index plus 1. */
static inline uint32_t
model_timeline_number(int timeline)
{
	return (uint32_t)timeline + 1;
}

/*
 * Is this timeline in the target's history? *end: where that left it; LSN_MAX:
 * it is the target.
 */
bool model_server_has(
	const struct model_server *server, int target, int timeline, lsn *end);

/* What the timeline's bytes at an LSN should be, as far as they were made. */
const unsigned char *model_server_truth(
	const struct model_server *server, int timeline, lsn at);
lsn model_server_written(const struct model_server *server, int timeline);

/* The content of a timeline's history file; text holds 512 bytes. */
void model_server_history(
	const struct model_server *server, int timeline, char *text);

/* START_REPLICATION; *code: why not. */
bool model_server_start(struct model_server *server,
	const struct replication_request *request,
	enum replication_start *result, enum error_code *code);

/*
 * The next message of the copy. *damage: a byte of it is damaged. *odd: it is
 * none that a server should send.
 */
enum model_answer model_server_send(struct model_server *server,
	unsigned char *message, size_t *len, bool *damage, bool *odd);

/* The receiver said so. */
void model_server_take_status(struct model_server *server, bool with_slot,
	const struct standby_status *status);

#endif
