/*
 * status/leader_view.h - what a leader tells of its followers and slots, for
 * people.
 */
#ifndef STATUS_LEADER_VIEW_H
#define STATUS_LEADER_VIEW_H

#include "base/text.h"
#include "server/leader.h"

/* Append it: the leader, a row and its lags per follower, a row per slot. */
void leader_view_print(
	const struct leader *leader, const char *address, struct text *text);

/*
 * Append a sentence for what each state and column means, and one for each
 * thing that is wrong. Errors: ERR_PROTOCOL, ERR_MEMORY.
 */
bool leader_view_explain(
	const struct leader *leader, struct text *text, struct error *error);

/* The follower that is furthest behind; NULL: there is none. */
const struct follower *leader_view_last(const struct leader *leader);

/*
 * How far a follower durably is, or as far as it tells: flush, else write,
 * else what was sent. LSN_NONE: it does not tell.
 */
lsn follower_position(const struct follower *follower);

#endif
