/*
 * verify/segment_check.h - proves one segment file, and that the next one
 * carries it on.
 *
 * A segment is read from its first page on. The rest of a record that began
 * before it is proved by the check of the segment where that record began,
 * which reads on into the next one: verify/crossing.h.
 * Guarantee: memory is constant; the archive is only read.
 */
#ifndef VERIFY_SEGMENT_CHECK_H
#define VERIFY_SEGMENT_CHECK_H

#include "archive/inventory.h"
#include "verify/tally.h"

/* What one job works with. */
struct checker {
	const struct directory *directory;
	const struct inventory *inventory;
	struct tally *tally;
	unsigned char *buffer; /* SEGMENT_PIECE bytes */
};

/*
 * Verify a file and add what there is to tell to the tally. Faults of the file
 * are no errors. Returns early when the tally says stop. Errors: ERR_SYSTEM
 * (the process lacks something, such as descriptors), ERR_MEMORY.
 */
bool segment_check(const struct checker *checker,
	const struct inventory_file *file, struct error *error);

#endif
