#include "receive/status_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct status_writer {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	const struct directory *directory;
	struct receiver_status status; /* that was posted */
	struct directory as_posted;    /* the mode may change */
	bool posted;		       /* and not yet taken */
	bool ending;
};

static void *
run_writer(void *argument)
{
	struct status_writer *writer = argument;

	(void)pthread_mutex_lock(&writer->mutex);
	for (;;) {
		struct receiver_status status;
		struct directory directory;
		struct error ignored;

		while (!writer->posted && !writer->ending)
			(void)pthread_cond_wait(
				&writer->changed, &writer->mutex);
		if (!writer->posted)
			break;
		writer->posted = false;
		status = writer->status;
		directory = writer->as_posted;
		(void)pthread_mutex_unlock(&writer->mutex);
		(void)status_file_write(&directory, &status, &ignored);
		(void)pthread_mutex_lock(&writer->mutex);
	}
	(void)pthread_mutex_unlock(&writer->mutex);
	return NULL;
}

bool
status_writer_create(struct status_writer **result,
	const struct directory *directory, struct error *error)
{
	struct status_writer *writer = calloc(1, sizeof(*writer));

	if (writer == NULL)
		return error_set_memory(error);
	writer->directory = directory;
	(void)pthread_mutex_init(&writer->mutex, NULL);
	(void)pthread_cond_init(&writer->changed, NULL);
	errno = pthread_create(&writer->thread, NULL, run_writer, writer);
	if (errno != 0) {
		error_set_errno(error, "could not start a thread");
		(void)pthread_cond_destroy(&writer->changed);
		(void)pthread_mutex_destroy(&writer->mutex);
		free(writer);
		return false;
	}
	*result = writer;
	return true;
}

void
status_writer_post(
	struct status_writer *writer, const struct receiver_status *status)
{
	(void)pthread_mutex_lock(&writer->mutex);
	writer->status = *status;
	writer->as_posted = *writer->directory;
	writer->posted = true;
	(void)pthread_cond_signal(&writer->changed);
	(void)pthread_mutex_unlock(&writer->mutex);
}

void
status_writer_free(struct status_writer *writer)
{
	if (writer == NULL)
		return;
	(void)pthread_mutex_lock(&writer->mutex);
	writer->ending = true;
	(void)pthread_cond_signal(&writer->changed);
	(void)pthread_mutex_unlock(&writer->mutex);
	(void)pthread_join(writer->thread, NULL);
	(void)pthread_cond_destroy(&writer->changed);
	(void)pthread_mutex_destroy(&writer->mutex);
	free(writer);
}
