#include "receive/workshop.h"

#include "base/clock.h"
#include "base/condition.h"

#include <errno.h>
#include <unistd.h>

/* How often to look whether --min-free bytes are free again. */
#define SPACE_INTERVAL_US USECS_PER_SEC

bool
workshop_init(struct workshop *workshop, const struct finisher_config *config,
	struct error *error)
{
	workshop->config = *config;
	workshop->hurry = false;
	workshop->space_short = false;
	(void)pthread_mutex_init(&workshop->mutex, NULL);
	condition_init(&workshop->hurry_set);
	return window_pool_init(&workshop->pool, config->segment_size,
		config->memory, config->jobs, error);
}

void
workshop_free(struct workshop *workshop)
{
	window_pool_free(&workshop->pool);
	(void)pthread_cond_destroy(&workshop->hurry_set);
	(void)pthread_mutex_destroy(&workshop->mutex);
}

void
workshop_lock(struct workshop *workshop)
{
	(void)pthread_mutex_lock(&workshop->mutex);
}

void
workshop_unlock(struct workshop *workshop)
{
	(void)pthread_mutex_unlock(&workshop->mutex);
}

void
workshop_wake(struct workshop *workshop)
{
	/* The pipe does not block; when it is full, a byte is there to read. */
	while (write(workshop->config.wake_fd, "", 1) < 0 && errno == EINTR)
		continue;
}

void
workshop_hurry(struct workshop *workshop)
{
	workshop->hurry = true;
	(void)pthread_cond_broadcast(&workshop->hurry_set);
}

static bool
space_is_short(const struct workshop *workshop)
{
	const struct finisher_config *config = &workshop->config;
	uint64_t available;

	return config->min_free > 0 &&
		directory_free_bytes(config->directory, &available) &&
		available < config->min_free;
}

/* Tell the stream thread whether a worker waits for space. */
static void
set_space_short(struct workshop *workshop, bool space_short)
{
	bool changed;

	workshop_lock(workshop);
	changed = workshop->space_short != space_short;
	workshop->space_short = space_short;
	workshop_unlock(workshop);
	if (changed)
		workshop_wake(workshop);
}

/* Wait a while; true if there is hurry. */
static bool
pause_for_space(struct workshop *workshop)
{
	bool hurry;

	workshop_lock(workshop);
	hurry = workshop->hurry;
	if (!hurry)
		condition_wait(&workshop->hurry_set, &workshop->mutex,
			SPACE_INTERVAL_US);
	workshop_unlock(workshop);
	return hurry;
}

void
workshop_wait_for_space(struct workshop *workshop)
{
	while (space_is_short(workshop)) {
		set_space_short(workshop, true);
		if (pause_for_space(workshop))
			break;
	}
	set_space_short(workshop, false);
}
