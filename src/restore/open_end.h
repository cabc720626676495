/*
 * restore/open_end.h - does the WAL of an open segment end, or is it damaged?
 *
 * WAL arrives in order, so behind the record that is not whole there is none.
 * Where there is, the record was damaged, and what follows it would be lost.
 */
#ifndef RESTORE_OPEN_END_H
#define RESTORE_OPEN_END_H

#include "archive/durable.h"
#include "wal/record_verifier.h"

/*
 * Look behind the point where verifier found a fault in the segment that the
 * file name holds, plain and of full size. *damaged is only set on success.
 * Errors: ERR_SYSTEM.
 */
bool open_end_check(const struct directory *directory, const char *name,
	const struct record_verifier *verifier, bool *damaged,
	struct error *error);

#endif
