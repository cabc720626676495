#include "receive/window_pool.h"

#include "archive/durable.h"

#include <stdlib.h>

/* A segment up to this size is kept in memory until it is finished. */
#define WINDOW_SIZE_MAX (UINT32_C(16) << 20)
#define WINDOW_SIZE_MIN (UINT32_C(1) << 20)

/* Of the memory allowed, what is not windows: libraries, codecs, buffers. */
#define MEMORY_RESERVE (UINT64_C(24) << 20)
#define MEMORY_RESERVE_A_JOB (UINT64_C(2) << 20)
#define WINDOWS_MIN 2

static void
divide_memory(struct window_pool *pool, uint32_t segment_size, uint64_t usable)
{
	uint32_t size = WINDOW_SIZE_MAX;
	uint64_t windows;

	if (size > segment_size)
		size = segment_size;
	while (size > WINDOW_SIZE_MIN && usable / size < 2 * WINDOWS_MIN)
		size /= 2;
	windows = usable / size;
	if (windows < WINDOWS_MIN)
		windows = WINDOWS_MIN;
	pool->window_size = size;
	pool->left = (unsigned)windows;
}

/* One more window; NULL: the limit is reached, or there is no memory. */
static struct window *
allocate_window(struct window_pool *pool)
{
	struct window *window;

	if (pool->left == 0)
		return NULL;
	window = malloc(sizeof(*window));
	if (window == NULL)
		return NULL;
	window->data = aligned_alloc(DURABLE_BLOCK, pool->window_size);
	if (window->data == NULL) {
		free(window);
		return NULL;
	}
	pool->left--;
	return window;
}

static void
give_window(struct window_pool *pool, struct window *window)
{
	window->next = pool->unused;
	pool->unused = window;
}

bool
window_pool_init(struct window_pool *pool, uint32_t segment_size,
	uint64_t memory, unsigned jobs, struct error *error)
{
	uint64_t reserve = MEMORY_RESERVE + jobs * MEMORY_RESERVE_A_JOB;

	pool->unused = NULL;
	divide_memory(
		pool, segment_size, memory > reserve ? memory - reserve : 0);
	/* Allocated now, the least there must be cannot be missed later. */
	for (int i = 0; i < WINDOWS_MIN; i++) {
		struct window *window = allocate_window(pool);

		if (window == NULL)
			return error_set_memory(error);
		give_window(pool, window);
	}
	return true;
}

void
window_pool_free(struct window_pool *pool)
{
	while (pool->unused != NULL) {
		struct window *window = pool->unused;

		pool->unused = window->next;
		free(window->data);
		free(window);
	}
}

static struct window *
take_window(struct window_pool *pool)
{
	struct window *window = pool->unused;

	if (window == NULL)
		return allocate_window(pool);
	pool->unused = window->next;
	return window;
}

struct window *
window_list_open(struct window_list *list, struct window_pool *pool, lsn at)
{
	struct window *window = list->last;

	if (window != NULL && at - window->start < pool->window_size)
		return window;
	window = take_window(pool);
	if (window == NULL)
		return NULL;
	window->next = NULL;
	window->start = lsn_segment_start(at, pool->window_size);
	if (list->last != NULL)
		list->last->next = window;
	else
		list->first = window;
	list->last = window;
	return window;
}

struct window *
window_list_find(
	const struct window_list *list, const struct window_pool *pool, lsn at)
{
	struct window *window = list->first;

	while (at - window->start >= pool->window_size)
		window = window->next;
	return window;
}

bool
window_list_release(
	struct window_list *list, struct window_pool *pool, lsn upto)
{
	bool any = false;

	while (list->first != NULL &&
		upto - list->first->start >= pool->window_size) {
		struct window *window = list->first;

		list->first = window->next;
		give_window(pool, window);
		any = true;
	}
	if (list->first == NULL)
		list->last = NULL;
	return any;
}
