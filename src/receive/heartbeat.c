#include "receive/heartbeat.h"

#include "base/clock.h"
#include "base/condition.h"
#include "receive/report.h"
#include "server/copy_stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* A wait that lasts this long is told the server, and again each time. */
#define INTERVAL_US (USECS_PER_SEC / 2)

struct heartbeat {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t ending_set;
	bool ending;
	struct server *server; /* NULL: nobody waits */
	struct standby_status status;
	int64_t since_us; /* the wait began, or the last beat was */
};

static void
beat(struct heartbeat *heartbeat, int64_t now_us)
{
	struct error ignored;

	if (heartbeat->server == NULL ||
		now_us - heartbeat->since_us < INTERVAL_US ||
		copy_unsent(heartbeat->server))
		return;
	heartbeat->since_us = now_us;
	/* A connection that is lost shows when the stream thread reads. */
	(void)report_send(heartbeat->server, &heartbeat->status, &ignored);
}

/*
 * The stream thread does not signal that it waits: to look now and then is
 * cheaper than a wake-up per commit.
 */
static void *
run_heartbeat(void *argument)
{
	struct heartbeat *heartbeat = argument;

	(void)pthread_mutex_lock(&heartbeat->mutex);
	while (!heartbeat->ending) {
		condition_wait(
			&heartbeat->ending_set, &heartbeat->mutex, INTERVAL_US);
		beat(heartbeat, clock_monotonic_us());
	}
	(void)pthread_mutex_unlock(&heartbeat->mutex);
	return NULL;
}

bool
heartbeat_create(struct heartbeat **result, struct error *error)
{
	struct heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));

	if (heartbeat == NULL)
		return error_set_memory(error);
	(void)pthread_mutex_init(&heartbeat->mutex, NULL);
	condition_init(&heartbeat->ending_set);
	errno = pthread_create(
		&heartbeat->thread, NULL, run_heartbeat, heartbeat);
	if (errno != 0) {
		error_set_errno(error, "could not start a thread");
		(void)pthread_cond_destroy(&heartbeat->ending_set);
		(void)pthread_mutex_destroy(&heartbeat->mutex);
		free(heartbeat);
		return false;
	}
	*result = heartbeat;
	return true;
}

void
heartbeat_begin(struct heartbeat *heartbeat, struct server *server,
	const struct standby_status *status)
{
	(void)pthread_mutex_lock(&heartbeat->mutex);
	heartbeat->server = server;
	heartbeat->status = *status;
	heartbeat->since_us = clock_monotonic_us();
	(void)pthread_mutex_unlock(&heartbeat->mutex);
}

void
heartbeat_end(struct heartbeat *heartbeat)
{
	(void)pthread_mutex_lock(&heartbeat->mutex);
	heartbeat->server = NULL;
	(void)pthread_mutex_unlock(&heartbeat->mutex);
}

void
heartbeat_free(struct heartbeat *heartbeat)
{
	if (heartbeat == NULL)
		return;
	(void)pthread_mutex_lock(&heartbeat->mutex);
	heartbeat->ending = true;
	(void)pthread_cond_signal(&heartbeat->ending_set);
	(void)pthread_mutex_unlock(&heartbeat->mutex);
	(void)pthread_join(heartbeat->thread, NULL);
	(void)pthread_cond_destroy(&heartbeat->ending_set);
	(void)pthread_mutex_destroy(&heartbeat->mutex);
	free(heartbeat);
}
