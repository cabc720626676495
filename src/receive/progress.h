/*
 * receive/progress.h - the one line that shows a person how it goes.
 *
 * Pure: fed with positions and times, it makes text. Who shows it is the
 * receiver's affair.
 */
#ifndef RECEIVE_PROGRESS_H
#define RECEIVE_PROGRESS_H

#include "base/rate.h"
#include "wal/lsn.h"

struct progress_sample {
	int64_t now_us;	 /* monotonic */
	int64_t wall_us; /* PostgreSQL epoch */
	int64_t sent_us; /* the server's, of the last message; same epoch */
	lsn received;
	lsn server_end;
};

struct progress {
	struct rate rate;
};

/* Begin, and begin anew after a break. */
void progress_init(struct progress *progress);

/*
 * Take a sample, and make line (emptied first) of at most width columns: LSN,
 * rate, lag in bytes and seconds, time left while catching up.
 */
void progress_update(struct progress *progress,
	const struct progress_sample *sample, int width, struct text *line);

#endif
