/*
 * verify/crew.h - the jobs that verify the files of an archive.
 *
 * Life cycle: crew_create -> crew_wait* until it returns true -> crew_free.
 * Each job takes the next file that is in the scope, so that the files are
 * read in order; memory is one buffer a job, however many files there are.
 */
#ifndef VERIFY_CREW_H
#define VERIFY_CREW_H

#include "verify/scope.h"
#include "verify/segment_check.h"

/* What the jobs share; all of it is borrowed. */
struct crew_task {
	const struct directory *directory;
	const struct inventory *inventory;
	const struct scope *scope;
	struct tally *tally;
};

struct crew; /* opaque */

/* Start so many jobs (1 or more). Errors: ERR_MEMORY, ERR_SYSTEM. */
bool crew_create(struct crew **crew, const struct crew_task *task,
	unsigned jobs, struct error *error);

/* Wait for the end of all jobs, at most timeout_us. True: they have ended. */
bool crew_wait(struct crew *crew, int64_t timeout_us);

/*
 * Wait for the end of all jobs and free; NULL is fine. False: one failed, and
 * not all files were verified. Errors: as segment_check.
 */
bool crew_free(struct crew *crew, struct error *error);

/* How many files of the inventory are in the scope. */
size_t crew_files(const struct crew_task *task);

#endif
