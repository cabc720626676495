/*
 * base/service_manager.h - what the program tells the service manager that
 * started it, if one did: that it is ready, what it does, that it ends.
 *
 * Life cycle: service_manager_open -> service_manager_tell* ->
 * service_manager_close.
 * Guarantee: nothing waits for the service manager.
 * Sources: sd_notify(3), "Notes": datagrams of lines NAME=VALUE to the socket
 * that the environment variable NOTIFY_SOCKET names.
 */
#ifndef BASE_SERVICE_MANAGER_H
#define BASE_SERVICE_MANAGER_H

#include "base/error.h"

#include <sys/socket.h>
#include <sys/un.h>

struct service_manager {
	int fd; /* -1: nobody listens */
	struct sockaddr_un address;
	socklen_t address_len;
};

/*
 * Look for it in the environment. That there is none is no error, and telling
 * then does nothing. Errors: ERR_USAGE (the variable names no socket of a kind
 * that we know), ERR_SYSTEM; closing and telling are fine then.
 */
bool service_manager_open(struct service_manager *manager, struct error *error);

/*
 * Tell it lines NAME=VALUE, parted by line feeds. False: it does not listen
 * just now; what was told is lost.
 */
bool service_manager_tell(
	const struct service_manager *manager, const char *lines);

void service_manager_close(struct service_manager *manager);

#endif
