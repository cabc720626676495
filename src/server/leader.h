/*
 * server/leader.h - the leader's own view of its followers and slots.
 *
 * Needs a plain connection (struct server_options). What a role may not see,
 * or a version does not have, is empty.
 * Life cycle: leader_read -> leader_free.
 * Sources: PostgreSQL documentation, "pg_stat_replication",
 * "pg_replication_slots".
 */
#ifndef SERVER_LEADER_H
#define SERVER_LEADER_H

#include "server/server.h"
#include "wal/lsn.h"

enum follower_step_kind {
	STEP_SENT,
	STEP_WRITE,
	STEP_FLUSH,
	STEP_REPLAY,
	FOLLOWER_STEPS /* how many there are */
};

struct follower_step {
	lsn at;		/* LSN_NONE: not told */
	int64_t lag_us; /* -1: not told */
};

/* Names are cut off at the length that PostgreSQL has for them. */
struct follower {
	int pid;
	char user[64];
	char application[64];
	char client[64]; /* address; empty: a Unix socket */
	bool hidden;	 /* the role may not see the rest */
	char state[16];
	char sync_state[16];
	struct follower_step steps[FOLLOWER_STEPS];
};

struct leader_slot {
	char name[64];
	bool physical;
	bool temporary;
	bool active;
	int active_pid;	     /* 0: none */
	lsn restart;	     /* LSN_NONE: reserves nothing */
	char wal_status[16]; /* reserved, extended, unreserved, lost; empty:
				before 13, or reserves nothing */
	bool safe_known;
	int64_t safe_bytes;    /* that may yet be written before it is lost */
	char invalidation[32]; /* the reason, from 17 on; empty: none */
	int64_t inactive_us;   /* so long, from 17 on; -1: not told */
};

struct leader {
	int version; /* as server_version */
	bool standby;
	lsn end;       /* of its WAL that can be sent */
	bool sees_all; /* the role may see every follower's columns */
	char *synchronous_standby_names;
	char *synchronous_commit;
	char *max_slot_wal_keep_size; /* NULL: before 13 */
	struct follower *followers;   /* by process */
	size_t follower_count;
	struct leader_slot *slots; /* by name */
	size_t slot_count;
};

/* Ask. *leader is only set on success. Errors: query_run's. */
bool leader_read(
	struct server *server, struct leader *leader, struct error *error);

/* Free; one of zeros is fine. */
void leader_free(struct leader *leader);

/* Is it invalidated: the WAL it should hold back is gone. */
bool leader_slot_is_lost(const struct leader_slot *slot);

/* Bytes from at to the end of the leader's WAL; 0 for LSN_NONE. */
uint64_t leader_behind(const struct leader *leader, lsn at);

#endif
