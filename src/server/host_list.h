/*
 * server/host_list.h - the hosts that libpq's options name. Private to
 * src/server/.
 *
 * libpq goes through several hosts by itself, but in its asynchronous
 * interface it stays with one that does not answer for as long as the kernel
 * does. So walfetch tries them one by one.
 * Life cycle: host_list_create -> host_list_free.
 * Sources: PostgreSQL documentation, "Specifying Multiple Hosts".
 */
#ifndef SERVER_HOST_LIST_H
#define SERVER_HOST_LIST_H

#include "base/error.h"

struct host {
	const char *name;    /* empty: libpq's default */
	const char *address; /* hostaddr; empty: none */
	const char *port;    /* empty: libpq's default */
};

struct host_list {
	struct host *hosts;
	size_t count;	 /* at least one */
	char *fields[3]; /* what the hosts point into */
};

/*
 * Split what host, hostaddr and port say (NULL: nothing). Errors: ERR_USAGE
 * (numbers of elements that do not match), ERR_MEMORY.
 */
bool host_list_create(struct host_list *list, const char *host,
	const char *hostaddr, const char *port, struct error *error);

/* Free what create made; {0} is fine. */
void host_list_free(struct host_list *list);

/* Put the hosts in a random order (load_balance_hosts). */
void host_list_shuffle(struct host_list *list);

/* True if the host is a Unix socket's folder, or libpq's default. */
bool host_is_local(const struct host *host);

#endif
