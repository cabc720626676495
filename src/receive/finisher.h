/*
 * receive/finisher.h - the worker threads that own the files.
 *
 * The stream thread copies WAL into windows of memory; workers write, sync,
 * compress and name the segments. Several segments are in work at once, but
 * names appear, and the durable position advances, in order only.
 *
 * Life cycle: finisher_create -> finisher_begin -> (finisher_append |
 * finisher_persist | finisher_progress)* -> finisher_close -> (wait until idle)
 * -> finisher_begin anew, or finisher_destroy. After a failure only
 * finisher_destroy helps; the archive itself stays sound.
 * Guarantee: no call but finisher_destroy waits for the disk, except
 * finisher_persist_here. Memory is
 * bounded by the config. What finisher_progress calls durable survives a
 * power cut and is found again by archive_locate.
 * All calls come from one thread, the stream thread.
 */
#ifndef RECEIVE_FINISHER_H
#define RECEIVE_FINISHER_H

#include "archive/resume.h"

struct finisher_config {
	const struct directory *directory; /* borrowed */
	uint32_t segment_size;
	enum codec codec;
	int level;
	unsigned jobs;	   /* segments compressed at once, 1 or more */
	uint64_t memory;   /* bytes for the whole process, see --memory */
	uint64_t min_free; /* bytes of disk to leave free; 0: off */
	bool fill_ahead; /* make the next segment's file with the first persist
			  */
	int wake_fd;	 /* one byte is written when there is progress */
};

enum finisher_closing {
	CLOSING_NOT,	 /* the segment is open */
	CLOSING_FULL,	 /* complete: compress it, give it its final name */
	CLOSING_ABANDON, /* its WAL ends here: .partial in the codec's form */
	CLOSING_SUSPEND	 /* to be resumed: .partial, raw */
};

struct finisher_progress {
	lsn written;	  /* handed to the kernel up to here */
	lsn durable;	  /* survives a power cut up to here */
	lsn archived;	  /* the end of the last segment that got its final
			     name here; LSN_NONE: none did */
	unsigned in_work; /* segments */
	bool idle;	  /* no segment is in work */
	bool space_short; /* waiting for min_free bytes of disk */
};

struct finisher; /* opaque */

/* Start the threads. Errors: ERR_MEMORY, ERR_SYSTEM. */
bool finisher_create(struct finisher **finisher,
	const struct finisher_config *config, struct error *error);

/* Go on at a position; the finisher is new or idle. */
void finisher_begin(
	struct finisher *finisher, const struct archive_position *position);

/*
 * Copy up to len bytes that follow what was appended before. Returns how many
 * were taken: fewer than len when all memory is in use.
 */
size_t finisher_append(struct finisher *finisher, const void *data, size_t len);

/* Ask for everything appended to become durable soon. */
void finisher_persist(struct finisher *finisher);

/*
 * The same, and at once, on the calling thread, if nobody else is at work on
 * the open segment: the exception to the guarantee above.
 */
void finisher_persist_here(struct finisher *finisher);

/* The open segment, if there is one, takes no more bytes. */
void finisher_close(struct finisher *finisher, enum finisher_closing closing);

/* How far the workers are. */
void finisher_progress(
	struct finisher *finisher, struct finisher_progress *progress);

/* True if a worker failed; *error says why. */
bool finisher_failed(struct finisher *finisher, struct error *error);

/*
 * Take the next segment that got its final name since the last call, for
 * messages. False: none.
 */
bool finisher_completed(
	struct finisher *finisher, uint32_t *timeline, uint64_t *number);

/* Wait for what the workers have begun, end them, free. NULL is fine. */
void finisher_destroy(struct finisher *finisher);

#endif
