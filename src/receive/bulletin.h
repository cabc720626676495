/*
 * receive/bulletin.h - when the receiver's status is posted, and what it says.
 * Private to the receiver.
 *
 * A change of state is posted at once, positions that moved a second after the
 * last time, and everything at each status interval. Nothing is posted before
 * the archive is locked: the status file may be another receiver's.
 *
 * Life cycle: bulletin_open -> bulletin_look* -> bulletin_close, before the
 * lock is given back.
 */
#ifndef RECEIVE_BULLETIN_H
#define RECEIVE_BULLETIN_H

#include "receive/preparation.h"
#include "receive/status_writer.h"

struct bulletin {
	const struct preparation *preparation; /* borrowed */
	struct status_writer *writer;	       /* NULL: not open */
	struct receiver_status status;	       /* as it was posted last */
	bool posted;			       /* at least once */
	int64_t retry_at_us;		       /* of the failure in it */
	int64_t posted_at_us;		       /* by the monotonic clock */
	lsn rate_from;			       /* received then */
	int64_t rate_from_us;
	int64_t due_us; /* the next look that posts; CLOCK_NEVER: when
			   something changes */
};

/* Start. Errors: status_writer_create's; bulletin_close is fine then. */
bool bulletin_open(struct bulletin *bulletin,
	const struct preparation *preparation, struct error *error);

/* Post what is due. */
void bulletin_look(struct bulletin *bulletin, int64_t now_us);

/* Post the end (failure NULL: as asked), and wait until it is written. */
void bulletin_close(struct bulletin *bulletin, const struct error *failure);

#endif
