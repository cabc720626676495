/*
 * status/receiver_view.h - the receiver of an archive, by its status file and
 * its lock.
 */
#ifndef STATUS_RECEIVER_VIEW_H
#define STATUS_RECEIVER_VIEW_H

#include "archive/status_file.h"
#include "base/text.h"

struct receiver_view {
	const char *directory; /* borrowed */
	bool running;	       /* a process holds the archive's lock */
	long pid;	       /* that does; 0: not told */
	bool told;	       /* status is set */
	bool own;	       /* and is of the process that runs */
	struct receiver_status status;
	int64_t now_us; /* when it was read; since 2000 */
};

/* Errors: ERR_SYSTEM, ERR_DAMAGED (another file in its place), ERR_MEMORY. */
bool receiver_view_read(
	struct receiver_view *view, const char *directory, struct error *error);

/* Bytes of the server's WAL that were not received yet, as last told. */
uint64_t receiver_view_lag(const struct receiver_view *view);

/* No news for longer than there should be: the disk may hang. */
bool receiver_view_stale(const struct receiver_view *view);

/* Append it as lines. */
void receiver_view_print(const struct receiver_view *view, struct text *text);

/* Append what it means, and what is wrong. */
void receiver_view_explain(const struct receiver_view *view, struct text *text);

#endif
