/*
 * verify/findings.h - what verification has to tell, collected from all jobs.
 *
 * Life cycle: findings_create -> findings_add* (any thread) -> findings_sort ->
 * read items -> findings_free.
 */
#ifndef VERIFY_FINDINGS_H
#define VERIFY_FINDINGS_H

#include "archive/archive_name.h"
#include "base/error.h"
#include "wal/lsn.h"

#include <pthread.h>

enum finding_kind {
	FINDING_DAMAGE,	      /* a file that is not what its name says */
	FINDING_CLUSTER,      /* a segment of another cluster */
	FINDING_GAP,	      /* WAL that is missing */
	FINDING_HISTORY,      /* a history file that is missing */
	FINDING_ACCEPTED_GAP, /* no fault: on record as lost */
	FINDING_TWICE	      /* no fault: two complete files of a segment */
};

struct finding {
	enum finding_kind kind;
	uint32_t timeline; /* 0: the name does not tell */
	lsn at;	 /* of the fault, or the first that is missing; LSN_NONE: not
		    known */
	lsn end; /* of a gap: the first that is there again */
	char file[ARCHIVE_NAME_MAX]; /* "": a gap has none */
	char *message;
};

struct findings {
	pthread_mutex_t mutex;
	struct finding *items;
	size_t count;
	size_t faults; /* of them */
};

/* Begin with none; NULL: there is no memory. */
struct findings *findings_create(void);

/* Free; NULL is fine. */
void findings_free(struct findings *findings);

/* True if it makes the archive less than whole. */
bool finding_is_fault(enum finding_kind kind);

/*
 * Add a copy of finding with this message. Errors: ERR_MEMORY.
 */
bool findings_add(struct findings *findings, const struct finding *finding,
	struct error *error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The number of faults so far. */
size_t findings_faults(struct findings *findings);

/* By timeline, position and file, whatever the order they came in. */
void findings_sort(struct findings *findings);

/*
 * What the findings come to: that of the gravest fault, ERR_DIVERGED before
 * ERR_DAMAGED before ERR_GAP; ERR_NONE: there is none.
 */
enum error_code findings_code(const struct findings *findings);

#endif
