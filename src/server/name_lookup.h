/*
 * server/name_lookup.h - the addresses of a host name. Private to src/server/.
 *
 * libpq resolves names inside PQconnectStart and PQconnectPoll, where nothing
 * can interrupt it. Here a thread of its own does it; when its answer is no
 * longer wanted, the thread ends whenever the resolver gives up.
 * Life cycle: name_lookup -> address_list_free.
 */
#ifndef SERVER_NAME_LOOKUP_H
#define SERVER_NAME_LOOKUP_H

#include "server/session.h"

#include <netdb.h>

#define ADDRESS_SIZE NI_MAXHOST

struct address_list {
	char (*addresses)[ADDRESS_SIZE]; /* numeric, fit for hostaddr */
	size_t count;			 /* at least one */
};

/*
 * Find the addresses of name, or take it as it is if it is one. Errors:
 * session_wait's, ERR_UNREACHABLE (the resolver's answer), ERR_SYSTEM (no
 * thread), ERR_MEMORY.
 */
bool name_lookup(const char *name, const struct wait_limit *limit,
	struct address_list *list, struct error *error);

/* Free what a lookup found; {0} is fine. */
void address_list_free(struct address_list *list);

#endif
