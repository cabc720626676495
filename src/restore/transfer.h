/*
 * restore/transfer.h - one segment from the archive into a temporary file.
 *
 * Reads any codec, checks what the first page header says (system identifier,
 * segment size, position, timeline) before anything is written, and verifies
 * every page and record while another thread writes.
 * Guarantee: nothing is renamed here; on failure the temporary file is gone.
 * The archive is only read.
 * The file is not synced: PostgreSQL syncs what it keeps.
 * Sources: PostgreSQL src/backend/access/transam/xlogarchive.c
 * (KeepFileRestoredFromArchive).
 */
#ifndef RESTORE_TRANSFER_H
#define RESTORE_TRANSFER_H

#include "archive/archive_name.h"
#include "archive/durable.h"
#include "wal/record_verifier.h"

struct transfer_spec {
	const struct directory *archive;
	const char *file; /* its name there */
	enum codec codec;
	const char *segment;	    /* the 24 digits */
	uint64_t system_identifier; /* 0: any */
	bool verify;		    /* more than the first header */
	bool open;		    /* the WAL may end: zeros fill the rest */
	const struct directory *target;
	const char *temporary;
};

struct transfer_result {
	uint32_t timeline;
	uint64_t number;
	uint32_t segment_size;
	struct record_verifier verifier; /* where it ended; at the start if
					    !verify */
	struct error fault; /* of an open segment: why verifying ended */
};

/*
 * Copy one segment. *result is only set on success. Errors: ERR_NOT_FOUND (the
 * file is not there), ERR_DAMAGED (also: another segment's WAL), ERR_DIVERGED
 * (another cluster's), ERR_SYSTEM, ERR_MEMORY.
 */
bool transfer_segment(const struct transfer_spec *spec,
	struct transfer_result *result, struct error *error);

/*
 * Check the first page header in head, of WAL_LONG_HEADER_LEN bytes, and take
 * what it says into *result. Errors: ERR_DAMAGED, ERR_DIVERGED.
 */
bool transfer_check_head(const struct transfer_spec *spec,
	const unsigned char *head, struct transfer_result *result,
	struct error *error);

#endif
