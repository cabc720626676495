/*
 * backup/backup.h - a base backup from beginning to end.
 *
 * Guarantee: until backup_run has succeeded nothing in the target looks like a
 * complete backup, however the process ends; when it fails, all that it made is
 * removed, but for a backup whose pages fail their checksums. When it succeeds,
 * all is durable (unless sync is off), every file is as the server's manifest
 * says (13 and later), and no file was written outside the target and the
 * directories of its tablespaces.
 * Sources: PostgreSQL documentation, "Streaming Replication Protocol" and
 * "pg_basebackup".
 */
#ifndef BACKUP_BACKUP_H
#define BACKUP_BACKUP_H

#include "archive/codec.h"
#include "backup/digest.h"
#include "base/log.h"
#include "base/stop.h"
#include "server/base_backup.h"

/* What receives the WAL of the backup beside it; all are called in turn. */
struct backup_wal_request {
	const char *directory; /* exists, is empty; an absolute or relative
				  path that is valid until finish or cancel */
	const char *slot;      /* NULL: none */
	lsn begin;
	bool sync;
};

struct backup_wal {
	void *context;
	/* Begin to receive from the segment that holds begin. */
	bool (*start)(void *context, const struct backup_wal_request *request,
		struct error *error);
	/* Hand on what it has to say; false: it failed. */
	bool (*check)(void *context, struct error *error);
	/* Wait until all before end is durable, and end it. */
	bool (*finish)(void *context, lsn end, struct error *error);
	/* End it; fine at any time, also when it was not started. */
	void (*cancel)(void *context);
};

/* -X: where the WAL of the backup comes from. */
enum backup_wal_method {
	BACKUP_WAL_NONE,
	BACKUP_WAL_STREAM, /* received beside it */
	BACKUP_WAL_FETCH   /* the server sends it behind the files */
};

/* -T: what is at from on the server goes to to here. */
struct backup_mapping {
	char *from;
	char *to;
};

struct backup_config {
	const char *directory;
	bool plain;
	enum backup_wal_method wal_method;
	const char *wal_directory; /* plain: absolute, where pg_wal leads to;
				      NULL: pg_wal is in the target */
	bool follower;		   /* -R */
	bool fast;
	const char *label;
	unsigned max_rate_kb; /* 0: no limit */
	struct backup_mapping *mappings;
	size_t mapping_count;
	const char *slot; /* NULL: a temporary one */
	bool create_slot;
	enum codec codec; /* by us: tar only */
	int level;
	enum codec server_codec; /* by the server */
	int server_level;	 /* 0: its default */
	enum digest_kind digest; /* of the manifest */
	bool verify_checksums;
	const char *incremental; /* an earlier manifest; NULL: a full backup */
	const char *archive;	 /* NULL: none */
	bool progress;
	int progress_width; /* columns of a terminal; 0: it is none */
	bool sync;
};

/* Who is spoken to; all are borrowed. */
struct backup_peers {
	struct server *server;
	const struct stop *stop;
	struct log *log;
	const struct backup_wal *wal;
};

struct backup_result {
	struct base_backup_position start;
	struct base_backup_position end;
	uint64_t files;
	uint64_t bytes;
	bool verified; /* held against a manifest */
	bool pages_checked;
	bool damaged;	    /* pages fail their checksums */
	uint64_t bad_pages; /* as far as we saw */
	double seconds;
};

/*
 * Take a base backup. *result is only set on success. Errors: ERR_USAGE (the
 * target is not fit, an option that the server's version lacks), ERR_DAMAGED
 * (not what the manifest says), ERR_GAP (WAL is missing), ERR_DIVERGED (the
 * archive is of another cluster), ERR_STOPPED, those of server/server.h,
 * ERR_SYSTEM.
 */
bool backup_run(const struct backup_config *config,
	const struct backup_peers *peers, struct backup_result *result,
	struct error *error);

#endif
