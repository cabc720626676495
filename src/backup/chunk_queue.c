#include "backup/chunk_queue.h"

#include "base/condition.h"

#include <assert.h>
#include <stdlib.h>

struct chunk {
	struct chunk *next;
	struct base_backup_event event;
};

struct chunk_queue {
	pthread_mutex_t mutex;
	pthread_cond_t work; /* for the writer */
	pthread_cond_t room; /* for the reader */
	struct chunk *first;
	struct chunk *last;
	size_t bytes;
	bool writer_waits;
	bool reader_waits;
	bool aborted;
	struct error failure; /* the writer's; ERR_NONE: none */
};

bool
chunk_queue_create(struct chunk_queue **queue, struct error *error)
{
	struct chunk_queue *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return error_set_memory(error);
	(void)pthread_mutex_init(&made->mutex, NULL);
	condition_init(&made->work);
	condition_init(&made->room);
	*queue = made;
	return true;
}

static struct chunk *
unlink_first(struct chunk_queue *queue)
{
	struct chunk *chunk = queue->first;

	queue->first = chunk->next;
	if (queue->first == NULL)
		queue->last = NULL;
	queue->bytes -= chunk->event.message.len;
	return chunk;
}

void
chunk_queue_free(struct chunk_queue *queue)
{
	if (queue == NULL)
		return;
	while (queue->first != NULL) {
		struct chunk *chunk = unlink_first(queue);

		copy_message_free(&chunk->event.message);
		free(chunk);
	}
	(void)pthread_cond_destroy(&queue->work);
	(void)pthread_cond_destroy(&queue->room);
	(void)pthread_mutex_destroy(&queue->mutex);
	free(queue);
}

bool
chunk_queue_wait(struct chunk_queue *queue, int64_t timeout_us, bool *room,
	struct error *error)
{
	bool ok = true;

	(void)pthread_mutex_lock(&queue->mutex);
	if (queue->bytes >= CHUNK_QUEUE_BYTES &&
		queue->failure.code == ERR_NONE) {
		queue->reader_waits = true;
		condition_wait(&queue->room, &queue->mutex, timeout_us);
		queue->reader_waits = false;
	}
	*room = queue->bytes < CHUNK_QUEUE_BYTES;
	if (queue->failure.code != ERR_NONE) {
		*error = queue->failure;
		ok = false;
	}
	(void)pthread_mutex_unlock(&queue->mutex);
	return ok;
}

static void
wake_writer(struct chunk_queue *queue)
{
	if (queue->writer_waits)
		(void)pthread_cond_signal(&queue->work);
	queue->writer_waits = false;
}

bool
chunk_queue_put(struct chunk_queue *queue,
	const struct base_backup_event *event, struct error *error)
{
	struct chunk *chunk = malloc(sizeof(*chunk));

	if (chunk == NULL) {
		struct copy_message message = event->message;

		copy_message_free(&message);
		return error_set_memory(error);
	}
	chunk->next = NULL;
	chunk->event = *event;
	(void)pthread_mutex_lock(&queue->mutex);
	if (queue->last != NULL)
		queue->last->next = chunk;
	else
		queue->first = chunk;
	queue->last = chunk;
	queue->bytes += event->message.len;
	if (event->kind != BACKUP_DATA || queue->bytes >= CHUNK_QUEUE_BATCH)
		wake_writer(queue);
	(void)pthread_mutex_unlock(&queue->mutex);
	return true;
}

void
chunk_queue_hurry(struct chunk_queue *queue)
{
	(void)pthread_mutex_lock(&queue->mutex);
	if (queue->first != NULL)
		wake_writer(queue);
	(void)pthread_mutex_unlock(&queue->mutex);
}

void
chunk_queue_abort(struct chunk_queue *queue)
{
	(void)pthread_mutex_lock(&queue->mutex);
	queue->aborted = true;
	wake_writer(queue);
	(void)pthread_mutex_unlock(&queue->mutex);
}

bool
chunk_queue_peek(struct chunk_queue *queue, enum base_backup_event_kind *kind,
	struct error *error)
{
	bool ok = true;

	(void)pthread_mutex_lock(&queue->mutex);
	while (queue->first == NULL && !queue->aborted) {
		queue->writer_waits = true;
		(void)pthread_cond_wait(&queue->work, &queue->mutex);
	}
	if (queue->aborted)
		ok = error_set(error, ERR_STOPPED, "backup was given up");
	else
		*kind = queue->first->event.kind;
	(void)pthread_mutex_unlock(&queue->mutex);
	return ok;
}

void
chunk_queue_take(struct chunk_queue *queue, struct base_backup_event *event)
{
	struct chunk *chunk;

	(void)pthread_mutex_lock(&queue->mutex);
	assert(queue->first != NULL);
	chunk = unlink_first(queue);
	if (queue->reader_waits &&
		queue->bytes + CHUNK_QUEUE_BATCH <= CHUNK_QUEUE_BYTES)
		(void)pthread_cond_signal(&queue->room);
	(void)pthread_mutex_unlock(&queue->mutex);
	*event = chunk->event;
	free(chunk);
}

void
chunk_queue_fail(struct chunk_queue *queue, const struct error *error)
{
	(void)pthread_mutex_lock(&queue->mutex);
	queue->failure = *error;
	(void)pthread_cond_signal(&queue->room);
	(void)pthread_mutex_unlock(&queue->mutex);
}
