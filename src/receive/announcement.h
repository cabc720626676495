/*
 * receive/announcement.h - what the service manager hears of a receiver, and
 * when. Private to the receiver.
 *
 * It is ready once it streams, or once it waits to try again after a failure
 * that may pass: so a command that starts the service sees what is wrong for
 * good, and does not wait for a server that is away. A change of state is told
 * at once, a position that moved ten seconds after the last time, and the end
 * when it begins.
 *
 * Life cycle: announcement_init -> announcement_look* -> announcement_end.
 * Guarantee: nothing that a server sends becomes a line of its own.
 */
#ifndef RECEIVE_ANNOUNCEMENT_H
#define RECEIVE_ANNOUNCEMENT_H

#include "base/service_manager.h"
#include "receive/engine.h"

struct announcement {
	const struct service_manager *manager; /* borrowed; NULL: none */
	bool ready; /* this was told, as were the others */
	bool stopping;
	bool any;
	enum engine_state state;
	int64_t retry_at_us;
	lsn received;
	int64_t told_us; /* by the monotonic clock */
	int64_t due_us;	 /* the next look that tells; CLOCK_NEVER: when
			    something changes */
};

/* Start; manager NULL: there is nobody to tell. */
void announcement_init(struct announcement *announcement,
	const struct service_manager *manager);

/* Tell what is due. */
void announcement_look(struct announcement *announcement,
	const struct engine *engine, int64_t now_us);

/* Tell how it ended; failure NULL: as asked. */
void announcement_end(
	struct announcement *announcement, const struct error *failure);

#endif
