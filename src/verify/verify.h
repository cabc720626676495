/*
 * verify/verify.h - proves an archive, or a part of it.
 *
 * Every file is read whatever its codec: name, size, stream, header identity,
 * every page, every record's CRC, the chain of records from segment to segment
 * and from timeline to timeline, and what is missing by the histories.
 *
 * Life cycle: verify_run -> read the report -> verify_report_free.
 * Guarantee: no segment is changed. A receiver may write to the archive
 * meanwhile.
 */
#ifndef VERIFY_VERIFY_H
#define VERIFY_VERIFY_H

#include "base/log.h"
#include "base/stop.h"
#include "verify/findings.h"
#include "verify/scope.h"

struct verify_config {
	const char *directory;
	struct scope_wanted scope;
	unsigned jobs;
	bool accept_gap;
	int progress_width; /* columns; 0: no progress line */
};

struct verify_report {
	struct wal_identity identity;
	struct findings *findings; /* sorted */
	bool finished;		   /* not stopped before the end */
	size_t files;		   /* in the part that was asked for */
	size_t segments;	   /* files verified */
	size_t unknown;		   /* of them, whose records could not be */
	size_t vanished;	   /* files that went away meanwhile */
	uint64_t bytes;		   /* of WAL */
	uint64_t records;
	int64_t duration_us;
};

/*
 * Verify. *report is only set on success, which says nothing about the archive:
 * that is findings_code(). Errors: ERR_NOT_FOUND (nothing there to verify),
 * ERR_DIVERGED (the backup asked for is of another cluster), ERR_DAMAGED (no
 * segment tells whose the archive is), ERR_LOCKED (accept_gap,
 * while another writes), ERR_SYSTEM, ERR_MEMORY.
 */
bool verify_run(struct verify_report *report,
	const struct verify_config *config, const struct stop *stop,
	struct log *log, struct error *error);

void verify_report_free(struct verify_report *report);

#endif
