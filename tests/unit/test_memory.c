#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MEGABYTE (UINT64_C(1) << 20)

static bool
can_have(uint64_t bytes)
{
	void *volatile memory = malloc(bytes);
	bool had = memory != NULL;

	free(memory);
	return had;
}

static uint64_t
soft_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_DATA, &limit) != 0)
		_exit(9);
	return limit.rlim_cur;
}

/* In a process of its own, for a bound cannot be taken back. */
static void
passes(bool (*check)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(check() ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Under a sanitizer there is none. */
static bool
has_bound(void)
{
	memory_bound(64 * MEGABYTE, 0);
	return soft_limit() != RLIM_INFINITY;
}

static bool
check_bound(void)
{
	if (!has_bound())
		return true;
	return can_have(32 * MEGABYTE) && !can_have(128 * MEGABYTE);
}

static bool
check_allow(void)
{
	if (!has_bound())
		return true;
	memory_allow(128 * MEGABYTE);
	return can_have(128 * MEGABYTE) && !can_have(256 * MEGABYTE);
}

static bool
check_threads(void)
{
	uint64_t before;

	memory_bound(0, 1000);
	before = soft_limit();
	return before == RLIM_INFINITY || before > 1000 * 16 * 1024;
}

static bool
check_lower_stays(void)
{
	uint64_t before;

	if (!has_bound())
		return true;
	before = soft_limit();
	memory_bound(UINT64_MAX, 1);
	memory_bound(1024 * MEGABYTE, 1);
	return soft_limit() == before;
}

static bool
check_allow_without_bound(void)
{
	uint64_t before = soft_limit();

	memory_allow(MEGABYTE);
	return soft_limit() == before;
}

static void
bound_holds(void **state)
{
	(void)state;
	passes(check_bound);
	passes(check_lower_stays);
}

static void
more_is_allowed(void **state)
{
	(void)state;
	passes(check_allow);
	passes(check_allow_without_bound);
}

static void
threads_have_stacks(void **state)
{
	(void)state;
	passes(check_threads);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bound_holds),
		cmocka_unit_test(more_is_allowed),
		cmocka_unit_test(threads_have_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
