/*
 * status/trend.h - how rate and lag went over the last readings.
 *
 * Life cycle: {0} -> trend_add* -> trend_print*; nothing to free.
 */
#ifndef STATUS_TREND_H
#define STATUS_TREND_H

#include "status/sparkline.h"
#include "wal/lsn.h"

struct trend {
	bool begun;
	lsn last;
	int64_t last_us;
	uint64_t rate_now; /* bytes a second */
	uint64_t lag_now;  /* bytes */
	struct sparkline rate;
	struct sparkline lag;
};

/* A reading: how far it is, how far it is behind. now_us: monotonic. */
void trend_add(struct trend *trend, lsn at, uint64_t lag, int64_t now_us);

/* Append two lines; nothing before the second reading. */
void trend_print(const struct trend *trend, bool utf8, struct text *text);

#endif
