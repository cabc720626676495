#include "base/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

/* Wakes the thread; from anybody else it means nothing. */
#define END_SIGNAL SIGUSR1

static void
stop_signals(sigset_t *signals)
{
	(void)sigemptyset(signals);
	(void)sigaddset(signals, SIGINT);
	(void)sigaddset(signals, SIGTERM);
	(void)sigaddset(signals, END_SIGNAL);
}

/* False: it was stop_end() that woke us. */
static bool
wait_for_signal(const struct stop *stop)
{
	sigset_t signals;
	int received;

	stop_signals(&signals);
	do
		(void)sigwait(&signals, &received);
	while (received == END_SIGNAL && !atomic_load(&stop->ended));
	return received != END_SIGNAL;
}

static void *
wait_for_signals(void *argument)
{
	const struct stop *stop = argument;

	if (!wait_for_signal(stop))
		return NULL;
	while (write(stop->write_fd, "", 1) < 0 && errno == EINTR)
		continue;
	if (!wait_for_signal(stop))
		return NULL;
	_exit(error_exit_status(ERR_SYSTEM));
}

bool
stop_begin(struct stop *stop, struct error *error)
{
	sigset_t signals;
	int fds[2];

	if (pipe(fds) != 0)
		return error_set_errno(error, "could not create a pipe");
	(void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	stop->fd = fds[0];
	stop->write_fd = fds[1];
	atomic_init(&stop->ended, false);

	stop_signals(&signals);
	errno = pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (errno == 0)
		errno = pthread_create(
			&stop->thread, NULL, wait_for_signals, stop);
	if (errno == 0)
		return true;
	error_set_errno(error, "could not start the signal thread");
	(void)close(fds[0]);
	(void)close(fds[1]);
	return false;
}

bool
stop_requested(const struct stop *stop)
{
	struct pollfd pollfd = {.fd = stop->fd, .events = POLLIN};

	return poll(&pollfd, 1, 0) == 1;
}

void
stop_end(struct stop *stop)
{
	atomic_store(&stop->ended, true);
	(void)pthread_kill(stop->thread, END_SIGNAL);
	(void)pthread_join(stop->thread, NULL);
	(void)close(stop->fd);
	(void)close(stop->write_fd);
}
