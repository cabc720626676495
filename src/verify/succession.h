/*
 * verify/succession.h - which segments carry on the WAL of a segment.
 *
 * Usually one, the next of its timeline. Where other timelines left it, their
 * first segments do as well: they begin with its WAL.
 */
#ifndef VERIFY_SUCCESSION_H
#define VERIFY_SUCCESSION_H

#include "archive/inventory.h"

/* The best file of a segment, a complete one if there is one; NULL: none. */
const struct inventory_file *succession_file(const struct inventory *inventory,
	const struct inventory_timeline *timeline, uint64_t number);

/* The segment that a timeline begins in; 0 if its history does not tell. */
uint64_t succession_first(
	const struct inventory_timeline *timeline, uint32_t segment_size);

/* Does segment number of candidate carry on the one before it of timeline? */
bool succession_follows(const struct inventory_timeline *candidate,
	uint64_t number, uint32_t timeline, uint32_t segment_size);

#endif
