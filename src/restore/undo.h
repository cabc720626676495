/*
 * restore/undo.h - removes the unfinished file when a signal ends the process.
 *
 * PostgreSQL sends SIGTERM to a restore_command when the server is stopped,
 * and wants to see that the command died by it: a status would say something
 * about the file.
 *
 * Life cycle: undo_begin, before any other thread is started -> undo_end.
 * Guarantee: SIGHUP, SIGINT, SIGQUIT and SIGTERM end the process at once by
 * that signal, the file removed before; those that were ignored stay so. No
 * code runs in a signal handler. SIGUSR1 is used to end the thread.
 * Sources: PostgreSQL src/backend/access/transam/xlogarchive.c.
 */
#ifndef RESTORE_UNDO_H
#define RESTORE_UNDO_H

#include "base/error.h"

#include <pthread.h>
#include <signal.h>

struct undo {
	pthread_t thread;
	_Atomic bool ended; /* the thread is not wanted any more */
	sigset_t signals;   /* that it waits for, and the one that wakes it */
	sigset_t before;    /* the mask as it was */
	int directory_fd;   /* borrowed */
	const char *name;   /* borrowed */
};

/*
 * Begin to wait for signals; the file name in the directory goes when one
 * comes, and need not exist. Errors: ERR_SYSTEM.
 */
bool undo_begin(struct undo *undo, int directory_fd, const char *name,
	struct error *error);

/* Stop waiting; signals are again what they were. */
void undo_end(struct undo *undo);

#endif
