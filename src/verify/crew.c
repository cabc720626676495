#include "verify/crew.h"

#include "base/condition.h"
#include "base/worker_pool.h"
#include "verify/segment_input.h"

#include <stdlib.h>

struct job {
	struct work work; /* first: run() gets it */
	struct crew *crew;
	unsigned char *buffer;
};

struct crew {
	struct crew_task task;
	struct worker_pool *pool;
	pthread_mutex_t mutex;
	pthread_cond_t ended; /* a job has */
	size_t next;	      /* file */
	unsigned running;
	bool failed;
	struct error error; /* of the first that failed */
	unsigned jobs;
	struct job job[];
};

static bool
is_wanted(const struct crew_task *task, size_t index)
{
	const struct archive_name *name = &task->inventory->files[index].name;
	uint32_t size = task->inventory->identity.segment_size;

	return scope_has(task->scope, name->timeline, name->number * size,
		(name->number + 1) * size);
}

size_t
crew_files(const struct crew_task *task)
{
	size_t count = 0;

	for (size_t i = 0; i < task->inventory->file_count; i++)
		count += is_wanted(task, i);
	return count;
}

static const struct inventory_file *
take_file(struct crew *crew)
{
	const struct inventory *inventory = crew->task.inventory;
	size_t index;

	(void)pthread_mutex_lock(&crew->mutex);
	while (crew->next < inventory->file_count &&
		!is_wanted(&crew->task, crew->next))
		crew->next++;
	index = crew->next++;
	(void)pthread_mutex_unlock(&crew->mutex);
	return index < inventory->file_count ? &inventory->files[index] : NULL;
}

static void
note_failure(struct crew *crew, const struct error *error)
{
	(void)pthread_mutex_lock(&crew->mutex);
	if (!crew->failed)
		crew->error = *error;
	crew->failed = true;
	(void)pthread_mutex_unlock(&crew->mutex);
	atomic_store(&crew->task.tally->stop, true);
}

static void
run_job(struct work *work)
{
	struct job *job = (struct job *)work;
	struct crew *crew = job->crew;
	const struct checker checker = {crew->task.directory,
		crew->task.inventory, crew->task.tally, job->buffer};
	const struct inventory_file *file;
	struct error error;

	while (!atomic_load(&crew->task.tally->stop) &&
		(file = take_file(crew)) != NULL)
		if (!segment_check(&checker, file, &error))
			note_failure(crew, &error);
	(void)pthread_mutex_lock(&crew->mutex);
	crew->running--;
	(void)pthread_cond_signal(&crew->ended);
	(void)pthread_mutex_unlock(&crew->mutex);
}

static void
destroy(struct crew *crew)
{
	worker_pool_destroy(crew->pool);
	for (unsigned i = 0; i < crew->jobs; i++)
		free(crew->job[i].buffer);
	(void)pthread_cond_destroy(&crew->ended);
	(void)pthread_mutex_destroy(&crew->mutex);
	free(crew);
}

bool
crew_create(struct crew **result, const struct crew_task *task, unsigned jobs,
	struct error *error)
{
	struct crew *crew;

	crew = calloc(1, sizeof(*crew) + jobs * sizeof(crew->job[0]));
	if (crew == NULL)
		return error_set_memory(error);
	crew->task = *task;
	(void)pthread_mutex_init(&crew->mutex, NULL);
	condition_init(&crew->ended);
	for (; crew->jobs < jobs; crew->jobs++) {
		struct job *job = &crew->job[crew->jobs];

		*job = (struct job){
			{.run = run_job}, crew, malloc(SEGMENT_PIECE)};
		if (job->buffer == NULL) {
			(void)error_set_memory(error);
			goto failed;
		}
	}
	if (!worker_pool_create(&crew->pool, jobs, error))
		goto failed;
	crew->running = jobs;
	for (unsigned i = 0; i < jobs; i++)
		worker_pool_submit(crew->pool, &crew->job[i].work);
	*result = crew;
	return true;

failed:
	destroy(crew);
	return false;
}

bool
crew_wait(struct crew *crew, int64_t timeout_us)
{
	bool ended;

	(void)pthread_mutex_lock(&crew->mutex);
	if (crew->running > 0)
		condition_wait(&crew->ended, &crew->mutex, timeout_us);
	ended = crew->running == 0;
	(void)pthread_mutex_unlock(&crew->mutex);
	return ended;
}

bool
crew_free(struct crew *crew, struct error *error)
{
	bool failed;

	if (crew == NULL)
		return true;
	worker_pool_destroy(crew->pool);
	crew->pool = NULL;
	failed = crew->failed;
	if (failed)
		*error = crew->error;
	destroy(crew);
	return !failed;
}
