#include "receive/window_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MB ((uint64_t)1 << 20)

/* Of the memory allowed, what is no window (one job). */
#define RESERVE (26 * MB)

static void
init(struct window_pool *pool, uint64_t segment_size, uint64_t memory)
{
	struct error error;

	assert_true(window_pool_init(
		pool, (uint32_t)segment_size, memory, 1, &error));
}

/* How many windows there are; their lists, one after the other, go again. */
static unsigned
count_windows(struct window_pool *pool)
{
	struct window_list list = {NULL, NULL};
	unsigned count = 0;
	lsn at = 0;

	while (window_list_open(&list, pool, at) != NULL) {
		count++;
		at += pool->window_size;
	}
	assert_int_equal(window_list_release(&list, pool, LSN_MAX), count > 0);
	return count;
}

static void
sizes(void **state)
{
	static const struct {
		uint64_t segment_size;
		uint64_t memory;
		uint64_t window_size;
		unsigned windows;
	} rows[] = {
		{MB, RESERVE + 5 * MB, MB, 5},
		{16 * MB, RESERVE + 100 * MB, 16 * MB, 6},
		{1024 * MB, RESERVE + 100 * MB, 16 * MB, 6},
		{16 * MB, RESERVE + 63 * MB, 8 * MB, 7},
		{16 * MB, RESERVE + 9 * MB, 2 * MB, 4},
		{16 * MB, RESERVE + 3 * MB, MB, 3},
		{16 * MB, RESERVE, MB, 2},
		{16 * MB, 0, MB, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct window_pool pool;

		init(&pool, rows[i].segment_size, rows[i].memory);
		assert_int_equal(pool.window_size, rows[i].window_size);
		/* What was given back is there again, and no more. */
		for (int times = 0; times < 2; times++)
			assert_int_equal(count_windows(&pool), rows[i].windows);
		window_pool_free(&pool);
	}
}

static void
lists(void **state)
{
	const lsn begin = 10 * MB + 1000; /* in mid-window */
	struct window_list list = {NULL, NULL};
	struct window *windows[3];
	struct window_pool pool;

	(void)state;
	init(&pool, 16 * MB, RESERVE + 3 * MB);
	windows[0] = window_list_open(&list, &pool, begin);
	assert_int_equal(windows[0]->start, 10 * MB);
	assert_ptr_equal(
		window_list_open(&list, &pool, 11 * MB - 1), windows[0]);
	windows[1] = window_list_open(&list, &pool, 11 * MB);
	windows[2] = window_list_open(&list, &pool, 12 * MB);
	assert_int_equal(windows[2]->start, 12 * MB);
	assert_null(window_list_open(&list, &pool, 13 * MB));
	assert_ptr_equal(window_list_find(&list, &pool, begin), windows[0]);
	assert_ptr_equal(
		window_list_find(&list, &pool, 12 * MB - 1), windows[1]);
	assert_ptr_equal(window_list_find(&list, &pool, 12 * MB), windows[2]);

	assert_false(window_list_release(&list, &pool, 11 * MB - 1));
	assert_true(window_list_release(&list, &pool, 12 * MB + 5));
	assert_ptr_equal(list.first, windows[2]);
	assert_ptr_equal(
		window_list_open(&list, &pool, 12 * MB + 5), windows[2]);
	assert_non_null(window_list_open(&list, &pool, 13 * MB));
	assert_true(window_list_release(&list, &pool, LSN_MAX));
	assert_null(list.first);
	assert_null(list.last);
	window_pool_free(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
