#include "base/worker_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

#include "failing_call.h"

#define ITEMS 2000

/* One order for all: only the worker of a single thread writes it. */
struct item {
	struct work work; /* must be first */
	int number;
	int *order;
	int *done;
};

static void
note_order(struct work *work)
{
	struct item *item = (struct item *)work;

	item->order[(*item->done)++] = item->number;
}

static void
test_one_thread_keeps_the_order(void **state)
{
	static struct item items[ITEMS];
	static int order[ITEMS];
	struct worker_pool *pool;
	struct error error;
	int done = 0;

	(void)state;
	assert_true(worker_pool_create(&pool, 1, &error));
	for (int i = 0; i < ITEMS; i++) {
		items[i] = (struct item){
			.work = {.run = note_order},
			.number = i,
			.order = order,
			.done = &done,
		};
		worker_pool_submit(pool, &items[i].work);
	}
	worker_pool_destroy(pool);
	assert_int_equal(done, ITEMS);
	for (int i = 0; i < ITEMS; i++)
		assert_int_equal(order[i], i);
}

struct counter {
	struct work work; /* must be first */
	int runs;
};

static void
count(struct work *work)
{
	((struct counter *)work)->runs++;
}

static void
test_each_runs_once(void **state)
{
	static struct counter counters[ITEMS];
	struct worker_pool *pool;
	struct error error;

	(void)state;
	assert_true(worker_pool_create(&pool, 8, &error));
	for (int i = 0; i < ITEMS; i++) {
		counters[i] = (struct counter){.work = {.run = count}};
		worker_pool_submit(pool, &counters[i].work);
	}
	worker_pool_destroy(pool);
	for (int i = 0; i < ITEMS; i++)
		assert_int_equal(counters[i].runs, 1);
}

/* Each waits for the other: one thread alone would hang. */
struct meeting {
	struct work work; /* must be first */
	pthread_barrier_t *barrier;
};

static void
meet(struct work *work)
{
	(void)pthread_barrier_wait(((struct meeting *)work)->barrier);
}

static void
test_threads_run_at_once(void **state)
{
	pthread_barrier_t barrier;
	struct meeting meetings[3];
	struct worker_pool *pool;
	struct error error;

	(void)state;
	assert_int_equal(pthread_barrier_init(&barrier, NULL, 3), 0);
	assert_true(worker_pool_create(&pool, 3, &error));
	for (int i = 0; i < 3; i++) {
		meetings[i] = (struct meeting){{NULL, meet}, &barrier};
		worker_pool_submit(pool, &meetings[i].work);
	}
	worker_pool_destroy(pool);
	assert_int_equal(pthread_barrier_destroy(&barrier), 0);
}

struct again {
	struct work work; /* must be first */
	struct worker_pool *pool;
	int runs;
};

static void
run_again(struct work *work)
{
	struct again *again = (struct again *)work;

	if (++again->runs < 100)
		worker_pool_submit(again->pool, work);
}

/* Most of them are queued while the pool is about to end. */
static void
test_items_that_submit(void **state)
{
	struct again again = {.work = {.run = run_again}};
	struct error error;

	(void)state;
	assert_true(worker_pool_create(&again.pool, 2, &error));
	worker_pool_submit(again.pool, &again.work);
	worker_pool_destroy(again.pool);
	assert_int_equal(again.runs, 100);
}

/* The next in the queue waits for the first, which waits for us. */
struct gate {
	struct work work; /* must be first */
	sem_t *opened;
	sem_t *passed;
};

static void
pass(struct work *work)
{
	struct gate *gate = (struct gate *)work;

	(void)sem_wait(gate->opened);
	(void)sem_post(gate->passed);
}

static void
test_submit_does_not_wait(void **state)
{
	struct gate gates[50];
	struct worker_pool *pool;
	struct error error;
	sem_t opened;
	sem_t passed;
	int value;

	(void)state;
	assert_int_equal(sem_init(&opened, 0, 0), 0);
	assert_int_equal(sem_init(&passed, 0, 0), 0);
	assert_true(worker_pool_create(&pool, 2, &error));
	for (int i = 0; i < 50; i++) {
		gates[i] = (struct gate){{NULL, pass}, &opened, &passed};
		worker_pool_submit(pool, &gates[i].work);
	}
	assert_int_equal(sem_getvalue(&passed, &value), 0);
	assert_int_equal(value, 0);
	for (int i = 0; i < 50; i++)
		(void)sem_post(&opened);
	for (int i = 0; i < 50; i++)
		assert_int_equal(sem_wait(&passed), 0);
	worker_pool_destroy(pool);
	(void)sem_destroy(&opened);
	(void)sem_destroy(&passed);
}

static void
test_destroy_of_nothing(void **state)
{
	struct worker_pool *pool;
	struct error error;

	(void)state;
	worker_pool_destroy(NULL);
	assert_true(worker_pool_create(&pool, 4, &error));
	worker_pool_destroy(pool);
}

static void
test_processors(void **state)
{
	unsigned count;

	(void)state;
	assert_int_equal(worker_pool_processors(1), 1);
	count = worker_pool_processors(10000);
	assert_in_range(count, 1, 10000);
	call_fails(CALL_sysconf, 1, 1, EINVAL);
	assert_int_equal(worker_pool_processors(10000), 1);
	assert_true(call_has_failed());
	calls_work();
}

/* Those that were started are gone, or the sanitizers would tell. */
static void
test_a_thread_does_not_start(void **state)
{
	struct worker_pool *pool = NULL;
	struct error error;

	(void)state;
	for (int nth = 1; nth <= 3; nth++) {
		call_fails(CALL_pthread_create, nth, 1, EAGAIN);
		assert_false(worker_pool_create(&pool, 3, &error));
		assert_int_equal(error.code, ERR_SYSTEM);
		assert_string_equal(error.message,
			"could not start a thread: "
			"Resource temporarily unavailable");
		assert_null(pool);
	}
	calls_work();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_thread_keeps_the_order),
		cmocka_unit_test(test_each_runs_once),
		cmocka_unit_test(test_threads_run_at_once),
		cmocka_unit_test(test_items_that_submit),
		cmocka_unit_test(test_submit_does_not_wait),
		cmocka_unit_test(test_destroy_of_nothing),
		cmocka_unit_test(test_processors),
		cmocka_unit_test(test_a_thread_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
