/*
 * verify/crossing.h - what lies across the border of two segments: the record
 * that begins in one and ends in the other, and the link between the last
 * record of one and the first of the other.
 */
#ifndef VERIFY_CROSSING_H
#define VERIFY_CROSSING_H

#include "verify/segment_check.h"
#include "wal/record_verifier.h"

/*
 * verifier has passed the segment name to its end. Read on into each segment
 * that carries it on, as far as it takes, and add a finding for one that does
 * not. What is wrong with the next segment alone is left to its own check; one
 * that is missing, to the coverage. Errors: as segment_check.
 */
bool crossing_check(const struct checker *checker,
	const struct record_verifier *verifier, const struct archive_name *name,
	struct error *error);

#endif
