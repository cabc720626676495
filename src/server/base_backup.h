/*
 * server/base_backup.h - the BASE_BACKUP command and what it sends.
 *
 * Hides that PostgreSQL up to 14 sends a copy for each tablespace and 15 one
 * for all of them, with a type in front of each message.
 *
 * Life cycle: base_backup_begin -> base_backup_next until BACKUP_END ->
 * base_backup_finish -> base_backup_free. Given up in the middle, the
 * connection is of no more use: server_disconnect.
 * Guarantee: an archive is only begun for a tablespace that the server named,
 * each at most once, and BACKUP_DATA comes only after BACKUP_ARCHIVE or
 * BACKUP_MANIFEST.
 * Sources: PostgreSQL documentation, "Streaming Replication Protocol", of the
 * versions 14 and 17.
 */
#ifndef SERVER_BASE_BACKUP_H
#define SERVER_BASE_BACKUP_H

#include "server/copy_stream.h"

/* The first version whose archives end as tar wants them to. */
#define VERSION_ONE_COPY 150000

struct base_backup_request {
	const char *label;
	bool fast;	      /* an immediate checkpoint */
	unsigned max_rate_kb; /* a second; 0: no limit */
	bool progress;	      /* the server adds up its sizes first */
	bool verify_checksums;
	bool wal;		 /* with the WAL from its start to its end */
	bool tablespace_map;	 /* for archives that are unpacked later */
	bool incremental;	 /* after server_upload_manifest */
	const char *checksums;	 /* of the manifest; NULL: no manifest */
	const char *compression; /* by the server; NULL: none */
	int level;		 /* of it; 0: the method's default */
};

struct base_backup_tablespace {
	uint32_t oid;	/* 0: the data directory itself */
	char *location; /* on the server; NULL: the data directory itself */
	uint64_t size;	/* bytes, as the server estimates; 0: unknown */
};

/* A position that the server named. */
struct base_backup_position {
	lsn at;
	uint32_t timeline;
};

struct base_backup {
	struct server *server; /* borrowed */
	struct base_backup_position start;
	struct base_backup_tablespace *tablespaces; /* in the order sent */
	size_t count;
	/* Private. */
	bool one_copy; /* 15 and later */
	bool in_copy;
	bool in_part; /* of one copy: an archive or the manifest was begun */
	size_t copies_left;
	size_t begun; /* archives */
	bool *seen;   /* by tablespace */
	int64_t heard_us;
};

enum base_backup_event_kind {
	BACKUP_ARCHIVE,	 /* of tablespaces[index] begins */
	BACKUP_MANIFEST, /* the manifest begins */
	BACKUP_DATA,	 /* of what was begun last */
	BACKUP_WAITING,	 /* nothing came until the time given */
	BACKUP_END	 /* base_backup_finish */
};

struct base_backup_event {
	enum base_backup_event_kind kind;
	size_t index;
	struct copy_message message; /* DATA; belongs to the caller */
	size_t offset;		     /* where its payload begins */
};

/*
 * Send the command and wait until the server begins to send, which may take as
 * long as a checkpoint does; only a stop ends that wait. *backup is only set
 * on success. Errors: ERR_USAGE (an option that this version does not have),
 * server/server.h's.
 */
bool base_backup_begin(struct base_backup *backup, struct server *server,
	const struct base_backup_request *request, struct error *error);

/*
 * The next event; waits until until_us (monotonic) at most. A server silent
 * for longer than the command timeout is ERR_UNREACHABLE.
 */
bool base_backup_next(struct base_backup *backup, int64_t until_us,
	struct base_backup_event *event, struct error *error);

/*
 * After BACKUP_END: where the backup ends. *damaged: the server found data
 * pages that fail their checksums.
 */
bool base_backup_finish(struct base_backup *backup,
	struct base_backup_position *end, bool *damaged, struct error *error);

/* Free what begin made; {0} is fine. */
void base_backup_free(struct base_backup *backup);

/*
 * UPLOAD_MANIFEST: len bytes of the manifest of the backup that the next one
 * builds upon. Errors: ERR_USAGE (before version 17), server/server.h's.
 */
bool server_upload_manifest(struct server *server, const char *manifest,
	size_t len, struct error *error);

#endif
