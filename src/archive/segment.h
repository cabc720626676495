/*
 * archive/segment.h - one WAL segment on its way to a final name.
 *
 * Life cycle: segment_open -> segment_fill? -> (segment_write |
 * segment_persist)* ->
 * segment_prepare -> segment_publish, or segment_abandon where the WAL ends
 * early -> segment_free.
 * Bytes are written to ".NAME.tmp", which becomes "NAME.partial" with the first
 * persist; preparing makes the complete file under a temporary name, and
 * publishing gives it the final one. segment_write and segment_prepare show
 * nothing under a WAL name, so that several segments can be in work at once
 * while their names appear in order.
 * Guarantee: once segment_persist() has returned true, every byte below
 * segment_durable() survives a power cut; once segment_publish() has, the
 * whole segment does. A .partial is only removed when something longer that
 * is durable has taken its place.
 * One thread at a time. Any failure is final for the struct; only
 * segment_free may follow.
 */
#ifndef ARCHIVE_SEGMENT_H
#define ARCHIVE_SEGMENT_H

#include "archive/archive_name.h"
#include "archive/durable.h"
#include "wal/lsn.h"

struct segment_spec {
	const struct directory *directory; /* borrowed */
	uint32_t timeline;
	uint64_t number;
	uint32_t segment_size;
	lsn begin; /* the first byte that will be written */
	lsn held;  /* a raw .partial durably holds the WAL up to here, at least
		      up to begin; at or below the segment's start: none does */
	enum codec codec; /* of the final name */
	int level;
};

struct segment; /* opaque */

/* Remember the spec; touches no file. Errors: ERR_MEMORY. */
bool segment_open(struct segment **segment, const struct segment_spec *spec,
	struct error *error);

/*
 * Make the raw file, filled with zeros and durable, under its temporary name
 * before the first write: it makes the syncs that follow cheaper. The segment
 * is new, and is so again after a failure. Errors: ERR_SYSTEM.
 */
bool segment_fill(struct segment *segment, struct error *error);

/*
 * Write len bytes raw; they follow what was written before. Errors:
 * ERR_SYSTEM.
 */
bool segment_write(struct segment *segment, const void *data, size_t len,
	struct error *error);

/* Make what was written durable, under its .partial name. */
bool segment_persist(struct segment *segment, struct error *error);

/*
 * Make the complete file durable under a temporary name. whole: all bytes of
 * the segment, or NULL if all of them were written. Errors: ERR_SYSTEM,
 * ERR_MEMORY.
 */
bool segment_prepare(
	struct segment *segment, const void *whole, struct error *error);

/* Give the prepared file its final name, durably; remove the .partial. */
bool segment_publish(struct segment *segment, struct error *error);

/*
 * The WAL ends inside this segment, for now or for ever: what was written
 * becomes durable as a .partial in the form of the codec.
 */
bool segment_abandon(struct segment *segment, struct error *error);

/* The end of what was written, and of what is durable. */
lsn segment_written(const struct segment *segment);
lsn segment_durable(const struct segment *segment);

/* Close and free; NULL is fine. A file under a temporary name goes. */
void segment_free(struct segment *segment);

#endif
