#include "base/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Wakes the thread; from anybody else it means nothing. */
#define END_SIGNAL SIGUSR1

/* How long a terminal may take to have room. */
#define FAREWELL_MS 1000

#define TERMINAL_NAME_MAX 256

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

/*
 * Whoever else writes there may stand still in the middle of it: a description
 * of our own does not wait for that.
 */
static void
say_farewell(const struct stop *stop)
{
	struct pollfd out = {.events = POLLOUT};
	char path[TERMINAL_NAME_MAX];
	int fd = atomic_load(&stop->farewell_fd);
	sigset_t signals;

	if (fd < 0 || ttyname_r(fd, path, sizeof(path)) != 0)
		return;
	out.fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (out.fd < 0)
		return;
	/* In the background this would stop us. */
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTTOU);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	/* What the keyboard stopped only goes on if we had stopped it, too. */
	(void)tcflow(out.fd, TCOOFF);
	(void)tcflow(out.fd, TCOON);
	if (poll(&out, 1, FAREWELL_MS) == 1)
		(void)!write(out.fd, stop->farewell, strlen(stop->farewell));
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
	say_farewell(stop);
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
	atomic_init(&stop->farewell_fd, -1);

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

void
stop_set_farewell(struct stop *stop, int fd, const char *farewell)
{
	if (fd >= 0)
		stop->farewell = farewell;
	atomic_store(&stop->farewell_fd, fd);
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
