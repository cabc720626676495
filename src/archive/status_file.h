/*
 * archive/status_file.h - what a receiver tells of itself in its archive.
 *
 * The file ".walfetch.status" has a line "NAME VALUE" for each fact. It is
 * written anew each time under a temporary name and renamed, and never synced:
 * nothing depends on it, and after a power cut an old one, or none, is as good.
 * Guarantee: a reader sees one whole file. Whatever it holds, reading it ends
 * in a struct whose strings are terminated and on one line, or in an error.
 * Sources: walfetch-archive(5).
 */
#ifndef ARCHIVE_STATUS_FILE_H
#define ARCHIVE_STATUS_FILE_H

#include "archive/durable.h"
#include "wal/lsn.h"

#define STATUS_FILE_NAME ".walfetch.status"

enum receiver_state {
	RECEIVER_CONNECTING, /* no connection yet, or a new one is made */
	RECEIVER_STARTING,   /* finds out where to go on */
	RECEIVER_STREAMING,
	RECEIVER_CLOSING,  /* waits for the disk at the end of a stream */
	RECEIVER_RETRYING, /* waits before it tries again */
	RECEIVER_STOPPED,  /* ended as asked */
	RECEIVER_FAILED,   /* ended by a failure */
	RECEIVER_STATES	   /* how many there are */
};

/* Times are microseconds since 2000-01-01 UTC; 0: never. */
struct receiver_status {
	long pid;
	enum receiver_state state;
	int64_t started_us; /* the process */
	int64_t since_us;   /* the state */
	int64_t updated_us; /* the file */
	uint32_t timeline;
	uint32_t segment_size;	    /* 0: not known yet */
	lsn received;		    /* LSN_NONE, all of these: none yet */
	lsn durable;		    /* survives a power cut up to here */
	lsn archived;		    /* under final names up to here */
	lsn server_end;		    /* the server's WAL, as last heard */
	uint64_t rate;		    /* bytes received a second */
	int64_t lag_us;		    /* behind the server's clock */
	unsigned in_work;	    /* segments */
	bool synchronous;	    /* --synchronous */
	bool space_short;	    /* waits for --min-free */
	int64_t status_interval_us; /* the file is as old at most, or no more
				       WAL comes; 0: only when asked */
	int64_t failed_us;	    /* the last failure */
	char failure[1024];	    /* its message; empty: none */
	char hint[512];		    /* and its hint */
	char server[512];	    /* as server_address */
	char slot[64];		    /* empty: none */
};

/* "streaming" and the like. */
const char *receiver_state_name(enum receiver_state state);

/* Write the file. Errors: ERR_SYSTEM, ERR_MEMORY; the old file stays. */
bool status_file_write(const struct directory *directory,
	const struct receiver_status *status, struct error *error);

/*
 * Read the file. Lines with names that are not known are passed over, what no
 * line tells is 0 or empty. Errors: ERR_NOT_FOUND (there is none), ERR_DAMAGED
 * (it is none of ours), ERR_SYSTEM, ERR_MEMORY.
 */
bool status_file_read(const struct directory *directory,
	struct receiver_status *status, struct error *error);

#endif
