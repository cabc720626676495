#include "base/service_manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_VARIABLE "NOTIFY_SOCKET"

/* A path, or behind an "@" a name that has no file. */
static bool
set_address(
	struct service_manager *manager, const char *name, struct error *error)
{
	struct sockaddr_un *address = &manager->address;
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2 ||
		len >= sizeof(address->sun_path))
		return error_set(error, ERR_USAGE,
			"environment variable %s does not name a socket: "
			"\"%s\"",
			SOCKET_VARIABLE, name);
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, name, len);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	manager->address_len =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return true;
}

bool
service_manager_open(struct service_manager *manager, struct error *error)
{
	const char *name = getenv(SOCKET_VARIABLE);
	int fd;

	*manager = (struct service_manager){.fd = -1};
	if (name == NULL || name[0] == '\0')
		return true;
	if (!set_address(manager, name, error))
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0)
		return error_set_errno(error, "could not create a socket");
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	manager->fd = fd;
	return true;
}

bool
service_manager_tell(const struct service_manager *manager, const char *lines)
{
	ssize_t sent;

	if (manager->fd < 0)
		return true;
	do
		sent = sendto(manager->fd, lines, strlen(lines), MSG_DONTWAIT,
			(const struct sockaddr *)&manager->address,
			manager->address_len);
	while (sent < 0 && errno == EINTR);
	return sent >= 0;
}

void
service_manager_close(struct service_manager *manager)
{
	if (manager->fd >= 0)
		(void)close(manager->fd);
	manager->fd = -1;
}
