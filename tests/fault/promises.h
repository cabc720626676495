/*
 * promises.h - what walfetch(1) promises, held against a model of the server
 * and of the archive.
 *
 * Life cycle: promises_init -> promises_... after each step that concerns them.
 * Guarantee: a function returns false if a promise is broken; text says which
 * one and how.
 */
#ifndef PROMISES_H
#define PROMISES_H

#include "model_archive.h"

#define PROMISES_BAD_MAX 32
#define PROMISES_GAPS_MAX 64

struct promises_gap {
	lsn begin;
	lsn end;
};

struct promises {
	const struct model_server *server;
	const struct model_server *other; /* of the cluster; NULL: none */
	const struct model_archive *archive;
	char text[512];
	int target; /* the timeline that the server said it is on */

	/* What is in the archive. */
	struct model_damage bad[PROMISES_BAD_MAX];
	size_t bad_count;
	struct promises_gap gaps[PROMISES_GAPS_MAX]; /* accepted */
	size_t gap_count;

	/* What was said to the server. */
	lsn reported; /* by this process */
	lsn acknowledged;
	int acknowledged_timeline;
	lsn slot_restart; /* as this process read it; LSN_NONE: it did not */

	/* This stream. */
	bool unseen; /* it joins the archive's WAL, whosever that is */
	bool mixed;  /* and that was another server's */
	struct model_damage sent; /* limit LSN_MAX: no damage */
};

void promises_init(struct promises *promises, const struct model_server *server,
	const struct model_archive *archive);

/* Another process, of which nothing was heard. */
void promises_restart(struct promises *promises);

/* Another folder. */
void promises_forget_archive(struct promises *promises);

/* The stream begins; *located: what the archive answered. */
bool promises_begin(struct promises *promises, const struct engine *engine,
	const struct archive_position *located);

/* Does the archive hold WAL that the server does not have? */
bool promises_is_others(const struct promises *promises);

/* Where the WAL of the server's history ends that the archive has. */
lsn promises_covered(const struct promises *promises);

/* These bytes go into the archive. */
bool promises_append(struct promises *promises, const void *data, size_t len);

/* This segment of a timeline, which ends there, got its final name. */
bool promises_finished(struct promises *promises, int timeline, lsn end);

/* This is said to the server. */
bool promises_status(struct promises *promises, const struct engine *engine,
	const struct standby_status *status);

#endif
