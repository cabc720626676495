/*
 * server/sync_names.h - what synchronous_standby_names asks for.
 *
 * Life cycle: sync_names_parse -> sync_names_match* -> sync_names_free.
 * Sources: PostgreSQL documentation, "synchronous_standby_names".
 */
#ifndef SERVER_SYNC_NAMES_H
#define SERVER_SYNC_NAMES_H

#include "base/error.h"

struct sync_names {
	bool any;	 /* ANY n (...), else the first n of the list */
	unsigned wanted; /* how many are waited for; 0: nobody is */
	char **names;	 /* "*" is every name; without their quotes */
	size_t count;
};

/*
 * Read the setting's value. *names is only set on success. Errors:
 * ERR_PROTOCOL (not a value of it), ERR_MEMORY.
 */
bool sync_names_parse(
	const char *setting, struct sync_names *names, struct error *error);

/* True if a follower with this application_name is named. */
bool sync_names_match(const struct sync_names *names, const char *application);

/* Free; one of zeros is fine. */
void sync_names_free(struct sync_names *names);

#endif
