/*
 * restore/request.h - what PostgreSQL asks a restore_command for, and where.
 *
 * Life cycle: restore_request_open -> restore_request_close.
 * Sources: PostgreSQL documentation, "Recovering Using a Continuous Archive
 * Backup"; src/backend/access/transam/xlogarchive.c.
 */
#ifndef RESTORE_REQUEST_H
#define RESTORE_REQUEST_H

#include "archive/archive_name.h"
#include "archive/durable.h"

enum restore_kind {
	RESTORE_SEGMENT, /* 24 digits */
	RESTORE_HISTORY, /* "00000002.history" */
	RESTORE_BACKUP	 /* a segment's name, eight digits, ".backup" */
};

struct restore_request {
	enum restore_kind kind;
	const char *name;	    /* %f; borrowed */
	uint32_t timeline;	    /* of a segment or a history */
	struct directory directory; /* where the file is wanted; sync is off */
	char target[ARCHIVE_NAME_MAX]; /* its name there */
	char temporary[ARCHIVE_NAME_MAX];
	uint64_t system_identifier; /* of the cluster; 0: not known */
};

/*
 * Read name (%f) and path (%p), open the directory that path lies in, and read
 * the system identifier from global/pg_control beside it if it is called
 * pg_wal. *request is only set on success. Errors: ERR_USAGE, ERR_SYSTEM,
 * ERR_DAMAGED (pg_control), ERR_MEMORY.
 */
bool restore_request_open(struct restore_request *request, const char *name,
	const char *path, struct error *error);

/* Close the directory. */
void restore_request_close(struct restore_request *request);

#endif
