#include "base/worker_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct worker_pool {
	pthread_mutex_t mutex;
	pthread_cond_t wanted; /* an item was queued, or ending was set */
	struct work *first;
	struct work **last_next;
	bool ending;
	unsigned threads;
	pthread_t thread[];
};

static struct work *
take_work(struct worker_pool *pool)
{
	struct work *work;

	(void)pthread_mutex_lock(&pool->mutex);
	while (pool->first == NULL && !pool->ending)
		(void)pthread_cond_wait(&pool->wanted, &pool->mutex);
	work = pool->first;
	if (work != NULL) {
		pool->first = work->next;
		if (pool->first == NULL)
			pool->last_next = &pool->first;
	}
	(void)pthread_mutex_unlock(&pool->mutex);
	return work;
}

static void *
run_worker(void *argument)
{
	struct worker_pool *pool = argument;
	struct work *work;

	while ((work = take_work(pool)) != NULL)
		work->run(work);
	return NULL;
}

unsigned
worker_pool_processors(unsigned max)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	if (count < 1)
		return 1;
	return count > (long)max ? max : (unsigned)count;
}

bool
worker_pool_create(
	struct worker_pool **result, unsigned threads, struct error *error)
{
	struct worker_pool *pool;

	pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->thread[0]));
	if (pool == NULL)
		return error_set_memory(error);
	(void)pthread_mutex_init(&pool->mutex, NULL);
	(void)pthread_cond_init(&pool->wanted, NULL);
	pool->last_next = &pool->first;

	while (pool->threads < threads) {
		errno = pthread_create(
			&pool->thread[pool->threads], NULL, run_worker, pool);
		if (errno != 0) {
			error_set_errno(error, "could not start a thread");
			worker_pool_destroy(pool);
			return false;
		}
		pool->threads++;
	}
	*result = pool;
	return true;
}

void
worker_pool_submit(struct worker_pool *pool, struct work *work)
{
	work->next = NULL;
	(void)pthread_mutex_lock(&pool->mutex);
	*pool->last_next = work;
	pool->last_next = &work->next;
	(void)pthread_cond_signal(&pool->wanted);
	(void)pthread_mutex_unlock(&pool->mutex);
}

void
worker_pool_destroy(struct worker_pool *pool)
{
	if (pool == NULL)
		return;
	(void)pthread_mutex_lock(&pool->mutex);
	pool->ending = true;
	(void)pthread_cond_broadcast(&pool->wanted);
	(void)pthread_mutex_unlock(&pool->mutex);
	for (unsigned i = 0; i < pool->threads; i++)
		(void)pthread_join(pool->thread[i], NULL);
	(void)pthread_cond_destroy(&pool->wanted);
	(void)pthread_mutex_destroy(&pool->mutex);
	free(pool);
}
