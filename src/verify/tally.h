/*
 * verify/tally.h - what all jobs together have done and found.
 *
 * Life cycle: tally_init -> the jobs add to it, from any thread -> tally_free.
 */
#ifndef VERIFY_TALLY_H
#define VERIFY_TALLY_H

#include "verify/findings.h"

#include <stdatomic.h>

/* Where the valid WAL of an open segment ends, at least. */
struct open_end {
	struct archive_name name;
	lsn at;
};

/* Of one file that was verified. */
struct tally_segment {
	uint64_t records;
	bool unknown; /* of a version whose records are not known */
};

struct tally {
	struct findings *findings;
	pthread_mutex_t mutex; /* for the rest but the atomic ones */
	struct open_end *open_ends;
	size_t open_count;
	size_t segments; /* files verified */
	size_t unknown;	 /* of them */
	size_t vanished; /* files that went away, not verified */
	uint64_t records;
	_Atomic uint64_t bytes; /* plain ones read */
	atomic_bool stop;	/* the jobs are to end early */
};

/* Begin with nothing. Errors: ERR_MEMORY. */
bool tally_init(struct tally *tally, struct error *error);

/* Free what it holds. */
void tally_free(struct tally *tally);

/* Count a file that was verified, or is gone. */
void tally_add(struct tally *tally, const struct tally_segment *segment);
void tally_add_vanished(struct tally *tally);

/* Note the end of an open segment. Errors: ERR_MEMORY. */
bool tally_add_open(
	struct tally *tally, const struct open_end *end, struct error *error);

/* How many files are done with. */
size_t tally_done(struct tally *tally);

#endif
