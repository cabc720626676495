/*
 * wal/timeline_history.h - the path of timelines that leads to one timeline.
 *
 * Life cycle: timeline_history_init -> timeline_history_parse ->
 * timeline_history_free. Entries are in order, oldest first; the last is the
 * target timeline itself and has no end.
 * Sources: PostgreSQL src/backend/access/transam/timeline.c.
 */
#ifndef WAL_TIMELINE_HISTORY_H
#define WAL_TIMELINE_HISTORY_H

#include "base/error.h"
#include "wal/lsn.h"

#include <stddef.h>

struct timeline_entry {
	uint32_t timeline;
	lsn begin; /* first LSN that belongs to it; LSN_NONE for the oldest */
	lsn end;   /* first LSN that no longer does; LSN_MAX for the target */
};

struct timeline_history {
	struct timeline_entry *entries;
	size_t count;
};

/* An empty history. */
void timeline_history_init(struct timeline_history *history);

/* Free what parse allocated; an empty history is fine. */
void timeline_history_free(struct timeline_history *history);

/*
 * Read the len bytes of timeline target's history file; text may be NULL with
 * len 0 (timeline 1 has no file: the result is the target alone). Comments and
 * blank lines are passed over. history must be empty and is only changed on
 * success. Errors: ERR_PROTOCOL (a malformed line, timelines that do not grow
 * or are not below target, switch points that go back), ERR_MEMORY.
 */
bool timeline_history_parse(struct timeline_history *history, uint32_t target,
	const char *text, size_t len, struct error *error);

/* The entry after this one; NULL behind the target. */
const struct timeline_entry *timeline_history_next(
	const struct timeline_history *history,
	const struct timeline_entry *entry);

#endif
