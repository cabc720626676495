#include "server/name_lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Shared with the thread; the last of the two owners frees it. */
struct lookup {
	atomic_int owners;
	atomic_bool done; /* status and found may be read */
	char *name;
	int read_fd;  /* ends when the thread is done */
	int write_fd; /* the thread's */
	int status;   /* of getaddrinfo */
	struct addrinfo *found;
};

static void
lookup_release(struct lookup *lookup)
{
	if (atomic_fetch_sub(&lookup->owners, 1) > 1)
		return;
	if (lookup->read_fd >= 0)
		(void)close(lookup->read_fd);
	if (lookup->found != NULL)
		freeaddrinfo(lookup->found);
	free(lookup->name);
	free(lookup);
}

static void *
lookup_run(void *argument)
{
	const struct addrinfo wanted = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	struct lookup *lookup = argument;

	lookup->status =
		getaddrinfo(lookup->name, NULL, &wanted, &lookup->found);
	atomic_store(&lookup->done, true);
	(void)close(lookup->write_fd);
	lookup_release(lookup);
	return NULL;
}

static struct lookup *
lookup_create(const char *name, struct error *error)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	int ends[2];

	if (lookup == NULL) {
		error_set_memory(error);
		return NULL;
	}
	atomic_init(&lookup->owners, 1);
	lookup->read_fd = -1;
	lookup->name = strdup(name);
	if (lookup->name == NULL) {
		error_set_memory(error);
		goto fail;
	}
	if (pipe2(ends, O_CLOEXEC) != 0) {
		error_set_errno(error, "could not create a pipe");
		goto fail;
	}
	lookup->read_fd = ends[0];
	lookup->write_fd = ends[1];
	return lookup;

fail:
	lookup_release(lookup);
	return NULL;
}

/* The thread inherits the mask: signals are for those who wait for them. */
static bool
lookup_start(struct lookup *lookup, struct error *error)
{
	pthread_t thread;
	sigset_t all;
	sigset_t before;
	int status;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	atomic_fetch_add(&lookup->owners, 1);
	status = pthread_create(&thread, NULL, lookup_run, lookup);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status == 0) {
		(void)pthread_detach(thread);
		return true;
	}
	atomic_fetch_sub(&lookup->owners, 1);
	(void)close(lookup->write_fd);
	errno = status;
	return error_set_errno(error, "could not start a thread");
}

static bool
copy_addresses(struct address_list *list, const char *name,
	const struct addrinfo *found, struct error *error)
{
	struct address_list made = {NULL, 0};
	size_t room = 1;

	for (const struct addrinfo *a = found; a != NULL; a = a->ai_next)
		room++;
	made.addresses = calloc(room, sizeof(*made.addresses));
	if (made.addresses == NULL)
		return error_set_memory(error);
	for (; found != NULL; found = found->ai_next) {
		if (getnameinfo(found->ai_addr, found->ai_addrlen,
			    made.addresses[made.count], ADDRESS_SIZE, NULL, 0,
			    NI_NUMERICHOST) == 0)
			made.count++;
	}
	if (made.count == 0) {
		address_list_free(&made);
		return error_set(error, ERR_UNREACHABLE,
			"host name \"%s\" has no address", name);
	}
	*list = made;
	return true;
}

static bool
copy_answer(struct address_list *list, const char *name, int status,
	const struct addrinfo *found, struct error *error)
{
	if (status != 0)
		return error_set(error, ERR_UNREACHABLE,
			"could not translate host name \"%s\" to address: %s",
			name, gai_strerror(status));
	return copy_addresses(list, name, found, error);
}

/* True if name is an address, which needs no thread to be read. */
static bool
take_numeric(const char *name, struct address_list *list, struct error *error,
	bool *ok)
{
	const struct addrinfo wanted = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST,
	};
	struct addrinfo *found;

	if (getaddrinfo(name, NULL, &wanted, &found) != 0)
		return false;
	*ok = copy_addresses(list, name, found, error);
	freeaddrinfo(found);
	return true;
}

bool
name_lookup(const char *name, const struct wait_limit *limit,
	struct address_list *list, struct error *error)
{
	struct lookup *lookup;
	bool ok;

	if (take_numeric(name, list, error, &ok))
		return ok;
	lookup = lookup_create(name, error);
	if (lookup == NULL)
		return false;
	ok = lookup_start(lookup, error) &&
		session_wait(lookup->read_fd, POLLIN, limit, error);
	/* The end of the pipe wakes; only the flag orders memory. */
	if (ok && atomic_load(&lookup->done))
		ok = copy_answer(
			list, name, lookup->status, lookup->found, error);
	lookup_release(lookup);
	return ok;
}

void
address_list_free(struct address_list *list)
{
	free(list->addresses);
	list->addresses = NULL;
	list->count = 0;
}
