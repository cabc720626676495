/*
 * verify/losses.h - what is missing: segments, ends of segments, history files.
 */
#ifndef VERIFY_LOSSES_H
#define VERIFY_LOSSES_H

#include "archive/inventory.h"
#include "verify/scope.h"
#include "verify/tally.h"

struct losses_wanted {
	const struct directory *directory;
	const struct inventory *inventory;
	const struct scope *scope;
	bool accept; /* put what WAL is missing on record as lost */
};

/*
 * Add what is missing to the tally's findings, after all files were verified.
 * The directory is read again before anything counts as missing, for a
 * receiver may have been about to name it. Errors: ERR_LOCKED (accept, while
 * another writes to the archive), ERR_DAMAGED (the record of accepted gaps is
 * none, or no segment is left to tell whose the archive is), ERR_SYSTEM,
 * ERR_MEMORY.
 */
bool losses_find(const struct losses_wanted *wanted, struct tally *tally,
	struct error *error);

#endif
