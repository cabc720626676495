/*
 * base/stop.h - SIGINT and SIGTERM as a descriptor that becomes readable.
 *
 * Life cycle: stop_begin, before any other thread is started -> stop_end.
 * The signals are blocked in every thread and taken by one that waits for
 * nothing else, so no code runs in a signal handler. SIGUSR1 is blocked, too:
 * it ends that thread. Guarantee: the first signal makes the descriptor
 * readable, and it stays so; a second one ends the process at once with
 * status 1, after it has written its farewell, if there is one.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>

struct stop {
	pthread_t thread;
	int fd;			 /* poll for reading; never read from it */
	int write_fd;		 /* of the thread */
	_Atomic bool ended;	 /* the thread is not wanted any more */
	_Atomic int farewell_fd; /* -1: no farewell */
	const char *farewell;	 /* set before that */
};

/* Begin to listen. Errors: ERR_SYSTEM. */
bool stop_begin(struct stop *stop, struct error *error);

/*
 * From now on, what is left to say to terminal fd if a second signal ends the
 * process; fd -1: nothing. farewell is borrowed for good. A terminal that takes
 * nothing is left as it is after a second.
 */
void stop_set_farewell(struct stop *stop, int fd, const char *farewell);

/* True if a signal has come. */
bool stop_requested(const struct stop *stop);

/* End the thread, close the descriptors; the signals stay blocked. */
void stop_end(struct stop *stop);

#endif
