#include "backup/chunk_queue.h"

#include "base/clock.h"
#include "server/libpq.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct base_backup_event
make_event(size_t index, size_t len)
{
	struct base_backup_event event = {.kind = BACKUP_DATA, .index = index};

	event.message.data = malloc(len);
	event.message.len = len;
	assert_non_null(event.message.data);
	return event;
}

static void
put(struct chunk_queue *queue, size_t index, size_t len)
{
	struct base_backup_event event = make_event(index, len);
	struct error error;

	assert_true(chunk_queue_put(queue, &event, &error));
}

static size_t
take(struct chunk_queue *queue)
{
	enum base_backup_event_kind kind;
	struct base_backup_event event;
	struct error error;

	assert_true(chunk_queue_peek(queue, &kind, &error));
	assert_int_equal(kind, BACKUP_DATA);
	chunk_queue_take(queue, &event);
	copy_message_free(&event.message);
	return event.index;
}

static bool
has_room(struct chunk_queue *queue)
{
	struct error error;
	bool room = false;

	assert_true(chunk_queue_wait(queue, USECS_PER_MS, &room, &error));
	return room;
}

static void
in_order(void **state)
{
	struct chunk_queue *queue;
	struct error error;

	(void)state;
	assert_true(chunk_queue_create(&queue, &error));
	for (size_t i = 0; i < 3; i++)
		put(queue, i, 10);
	assert_int_equal(take(queue), 0);
	put(queue, 3, 10);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(take(queue), i);
	put(queue, 4, 10);
	chunk_queue_free(queue);
	chunk_queue_free(NULL);
}

static void
bounded(void **state)
{
	struct chunk_queue *queue;
	struct error error;

	(void)state;
	assert_true(chunk_queue_create(&queue, &error));
	assert_true(has_room(queue));
	put(queue, 0, CHUNK_QUEUE_BYTES - 1);
	assert_true(has_room(queue));
	put(queue, 1, 1);
	assert_false(has_room(queue));
	(void)take(queue);
	assert_true(has_room(queue));
	chunk_queue_free(queue);
}

static void *
take_two(void *argument)
{
	struct chunk_queue *queue = argument;

	assert_int_equal(take(queue), 5);
	assert_int_equal(take(queue), 6);
	return NULL;
}

/* Either side waits for the other. */
static void
waits(void **state)
{
	struct chunk_queue *queue;
	pthread_t thread;
	struct error error;
	bool room = false;

	(void)state;
	assert_true(chunk_queue_create(&queue, &error));
	assert_int_equal(pthread_create(&thread, NULL, take_two, queue), 0);
	put(queue, 5, CHUNK_QUEUE_BYTES);
	while (!room)
		assert_true(chunk_queue_wait(
			queue, 10 * USECS_PER_SEC, &room, &error));
	put(queue, 6, 1);
	chunk_queue_hurry(queue);
	assert_int_equal(pthread_join(thread, NULL), 0);
	chunk_queue_free(queue);
}

static void *
await_end(void *argument)
{
	struct chunk_queue *queue = argument;
	enum base_backup_event_kind kind;
	struct error error;

	assert_int_equal(take(queue), 7);
	assert_true(chunk_queue_peek(queue, &kind, &error));
	assert_int_equal(kind, BACKUP_END);
	return NULL;
}

/* What is no data is told at once, however little there is. */
static void
urgent(void **state)
{
	const struct base_backup_event end = {.kind = BACKUP_END};
	struct chunk_queue *queue;
	pthread_t thread;
	struct error error;

	(void)state;
	assert_true(chunk_queue_create(&queue, &error));
	assert_int_equal(pthread_create(&thread, NULL, await_end, queue), 0);
	put(queue, 7, 1);
	assert_true(chunk_queue_put(queue, &end, &error));
	assert_int_equal(pthread_join(thread, NULL), 0);
	chunk_queue_hurry(queue);
	chunk_queue_free(queue);
}

static void
given_up(void **state)
{
	const struct error failure = {.code = ERR_DAMAGED, .message = "bad"};
	enum base_backup_event_kind kind;
	struct chunk_queue *queue;
	struct error error;
	bool room;

	(void)state;
	assert_true(chunk_queue_create(&queue, &error));
	put(queue, 0, CHUNK_QUEUE_BYTES);
	chunk_queue_fail(queue, &failure);
	assert_false(
		chunk_queue_wait(queue, 60 * USECS_PER_SEC, &room, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	assert_string_equal(error.message, "bad");
	chunk_queue_abort(queue);
	assert_false(chunk_queue_peek(queue, &kind, &error));
	assert_int_equal(error.code, ERR_STOPPED);
	chunk_queue_free(queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(bounded),
		cmocka_unit_test(waits),
		cmocka_unit_test(urgent),
		cmocka_unit_test(given_up),
	};
	struct error error;

	/* The messages are libpq's to free. */
	if (!libpq_load(&error))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
