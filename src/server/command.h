/*
 * server/command.h - the replication commands.
 *
 * Each sends one command on a connected server and waits for its whole answer
 * (limits and errors: server/server.h). Results are only assigned on success.
 * Sources: PostgreSQL documentation, "Streaming Replication Protocol";
 * src/backend/replication/repl_gram.y.
 */
#ifndef SERVER_COMMAND_H
#define SERVER_COMMAND_H

#include "base/text.h"
#include "server/server.h"
#include "wal/lsn.h"

struct server_identity {
	uint64_t system_identifier;
	uint32_t timeline;
	lsn flushed; /* the server's flush position */
	bool leads;  /* it is no standby; false: it is, or cannot be told */
};

struct server_slot {
	bool known; /* false: this server cannot be asked (before 15, and no
		       normal connection was to be had) */
	bool exists;
	bool physical;
	bool lost;   /* invalidated: WAL it should hold back is gone */
	lsn restart; /* LSN_NONE: nothing is reserved */
	uint32_t restart_timeline; /* 0: unknown */
};

struct replication_request {
	const char *slot; /* NULL: none */
	uint32_t timeline;
	lsn at;
};

enum replication_start {
	REPLICATION_STARTED, /* CopyBoth: go on with server/copy_stream.h */
	REPLICATION_TIMELINE_ENDED /* nothing left on this timeline */
};

/* Where a timeline leads to; timeline 0: the server did not say. */
struct timeline_switch {
	uint32_t timeline;
	lsn begin;
};

/* IDENTIFY_SYSTEM; before PostgreSQL 14 a SHOW, too. */
bool server_identify(struct server *server, struct server_identity *identity,
	struct error *error);

/* SHOW wal_segment_size, in bytes; PostgreSQL 10: 16 MiB units too. */
bool server_segment_size(
	struct server *server, uint32_t *segment_size, struct error *error);

/*
 * True in *allowed if data_directory_mode lets the group read (SHOW; before
 * PostgreSQL 11: false).
 */
bool server_group_access(
	struct server *server, bool *allowed, struct error *error);

/*
 * SHOW: append the value of a setting to value. Errors also: ERR_REFUSED (it
 * has none of that name).
 */
bool server_show(struct server *server, const char *setting, struct text *value,
	struct error *error);

/*
 * What the server says of a slot: READ_REPLICATION_SLOT from 15 on; before, and
 * to tell an invalidated slot from an unused one, pg_replication_slots over a
 * normal connection if one is to be had with the same options (never prompts).
 */
bool server_read_slot(struct server *server, const char *name,
	struct server_slot *slot, struct error *error);

/*
 * CREATE_REPLICATION_SLOT ... PHYSICAL. With if_not_exists a slot of that name
 * (42710) is success. reserve_wal: hold back WAL from now on.
 */
bool server_create_slot(struct server *server, const char *name,
	bool reserve_wal, bool if_not_exists, struct error *error);

/*
 * CREATE_REPLICATION_SLOT ... TEMPORARY PHYSICAL RESERVE_WAL: hold back WAL
 * from now on until the connection ends.
 */
bool server_create_temporary_slot(
	struct server *server, const char *name, struct error *error);

/* DROP_REPLICATION_SLOT. */
bool server_drop_slot(
	struct server *server, const char *name, struct error *error);

/*
 * TIMELINE_HISTORY: append the file's bytes to content. Errors also:
 * ERR_NOT_FOUND (58P01: the server has none), ERR_PROTOCOL (another file name
 * than that timeline's, or more than 1 MiB).
 */
bool server_fetch_history(struct server *server, uint32_t timeline,
	struct text *content, struct error *error);

/*
 * START_REPLICATION [SLOT "name"] PHYSICAL at TIMELINE timeline. *next is set
 * with REPLICATION_TIMELINE_ENDED.
 */
bool server_start_replication(struct server *server,
	const struct replication_request *request,
	enum replication_start *result, struct timeline_switch *next,
	struct error *error);

#endif
