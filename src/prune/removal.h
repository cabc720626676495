/*
 * prune/removal.h - carries a plan out.
 *
 * Guarantee: files go oldest first and timelines before those that left them,
 * so that whenever the process ends, what stays has no gap that was not there
 * before. Beside a running receiver that is safe too: it only adds names behind
 * those that may go.
 */
#ifndef PRUNE_REMOVAL_H
#define PRUNE_REMOVAL_H

#include "base/stop.h"
#include "prune/plan.h"

/* What is told of each file of the plan, in the order of removal. */
struct prune_listener {
	void (*gone)(void *context, const char *name);
	void *context;
};

/*
 * Remove what is to go; stop NULL: only tell the listener. Names are told once
 * they are gone. Errors: ERR_STOPPED, ERR_SYSTEM; what was removed before is
 * durably gone.
 */
bool prune_remove(const struct prune_plan *plan,
	const struct directory *directory, const struct stop *stop,
	const struct prune_listener *listener, struct error *error);

#endif
