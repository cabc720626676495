/*
 * verify/scope.h - the part of an archive that is to be verified.
 *
 * Life cycle: scope_make -> scope_has* -> scope_free.
 */
#ifndef VERIFY_SCOPE_H
#define VERIFY_SCOPE_H

#include "archive/inventory.h"

/* What was asked for. */
struct scope_wanted {
	lsn from;	   /* LSN_NONE: from the beginning */
	lsn to;		   /* the first that is not wanted; LSN_MAX: all */
	uint32_t timeline; /* the way to it alone; 0: every timeline */
	int64_t modified;  /* from the last file on before the first that is as
			      new, in seconds since 1970; 0: whatever its age */
	uint32_t since_timeline; /* a backup's, with its descendants; 0: none */
	lsn since;		 /* where the backup starts */
	uint64_t system_identifier; /* the backup's; 0: not known */
};

struct scope_row {
	uint32_t timeline;
	lsn begin;
	lsn end; /* not above begin: nothing of this timeline */
};

struct scope {
	struct scope_row *rows; /* one a timeline of the inventory */
	size_t count;
};

/*
 * Find what is wanted of each timeline. wanted->modified needs an inventory
 * that was measured. *scope is only set on success. Errors: ERR_NOT_FOUND (the
 * archive has nothing of that timeline), ERR_DIVERGED (the backup is of another
 * cluster), ERR_MEMORY.
 */
bool scope_make(struct scope *scope, const struct inventory *inventory,
	const struct scope_wanted *wanted, struct error *error);

/* Is anything from LSN begin to before end on timeline part of it? */
bool scope_has(
	const struct scope *scope, uint32_t timeline, lsn begin, lsn end);

/* Free; one of zeros is fine. */
void scope_free(struct scope *scope);

#endif
