#include "restore/undo.h"

#include <errno.h>
#include <unistd.h>

static void
choose_signals(sigset_t *signals)
{
	static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

	(void)sigemptyset(signals);
	(void)sigaddset(signals, SIGUSR1);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction action;

		if (sigaction(numbers[i], NULL, &action) == 0 &&
			action.sa_handler != SIG_IGN)
			(void)sigaddset(signals, numbers[i]);
	}
}

static void *
wait_for_signal(void *argument)
{
	const struct undo *undo = argument;
	sigset_t received;
	int number;

	do {
		if (sigwait(&undo->signals, &number) != 0)
			return NULL;
		if (number == SIGUSR1 && undo->ended)
			return NULL;
	} while (number == SIGUSR1);
	(void)unlinkat(undo->directory_fd, undo->name, 0);
	(void)sigemptyset(&received);
	(void)sigaddset(&received, number);
	(void)signal(number, SIG_DFL);
	(void)pthread_sigmask(SIG_UNBLOCK, &received, NULL);
	(void)raise(number);
	return NULL;
}

bool
undo_begin(struct undo *undo, int directory_fd, const char *name,
	struct error *error)
{
	undo->directory_fd = directory_fd;
	undo->name = name;
	undo->ended = false;
	choose_signals(&undo->signals);
	errno = pthread_sigmask(SIG_BLOCK, &undo->signals, &undo->before);
	if (errno == 0)
		errno = pthread_create(
			&undo->thread, NULL, wait_for_signal, undo);
	if (errno == 0)
		return true;
	return error_set_errno(error, "could not start the signal thread");
}

void
undo_end(struct undo *undo)
{
	/* Not pthread_cancel(): it loads a library, for every file anew. */
	undo->ended = true;
	(void)pthread_kill(undo->thread, SIGUSR1);
	(void)pthread_join(undo->thread, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &undo->before, NULL);
}
