#include "base/stop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failing_call.h"

#define PATIENCE_MS 60000

static int
wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* In a process of its own, for the signals stay blocked afterwards. */
static int
run_child(int (*child)(int), int signal_number)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child(signal_number));
	return wait_for(pid);
}

static bool
becomes_readable(const struct stop *stop)
{
	struct pollfd pollfd = {.fd = stop->fd, .events = POLLIN};

	return poll(&pollfd, 1, PATIENCE_MS) == 1 && pollfd.revents == POLLIN;
}

/* Each way to fail has a status of its own, to be found by. */
static int
first_signal(int signal_number)
{
	struct stop stop;
	struct error error;

	if (!stop_begin(&stop, &error))
		return 10;
	if (stop_requested(&stop))
		return 11;
	if (kill(getpid(), signal_number) != 0)
		return 12;
	if (!becomes_readable(&stop))
		return 13;
	if (!stop_requested(&stop) || !stop_requested(&stop))
		return 14;
	stop_end(&stop);
	return 42;
}

/*
 * Run as a program of its own: the process ends while its thread lives, which
 * valgrind would take for a leak.
 */
static int
second_signal(int signal_number)
{
	struct stop stop;
	struct error error;

	if (!stop_begin(&stop, &error))
		return 10;
	(void)kill(getpid(), SIGINT);
	if (!becomes_readable(&stop))
		return 13;
	(void)kill(getpid(), signal_number);
	(void)poll(NULL, 0, PATIENCE_MS);
	return 14;
}

static int
no_signal(int signal_number)
{
	struct stop stop;
	struct error error;
	sigset_t pending;

	for (int i = 0; i < 20; i++) {
		if (!stop_begin(&stop, &error))
			return 10;
		if ((fcntl(stop.fd, F_GETFD) & FD_CLOEXEC) == 0 ||
			(fcntl(stop.write_fd, F_GETFD) & FD_CLOEXEC) == 0)
			return 11;
		stop_end(&stop);
		if (fcntl(stop.fd, F_GETFD) != -1 ||
			fcntl(stop.write_fd, F_GETFD) != -1)
			return 12;
	}

	(void)kill(getpid(), signal_number);
	if (sigpending(&pending) != 0 || !sigismember(&pending, signal_number))
		return 13;
	return 42;
}

static void
test_first_signal_asks(void **state)
{
	(void)state;
	assert_int_equal(run_child(first_signal, SIGINT), 42);
	assert_int_equal(run_child(first_signal, SIGTERM), 42);
}

/* The path of this program is the state. */
static int
run_again(const char *program, const char *signal_number)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execl(program, program, signal_number, (char *)NULL);
		_exit(15);
	}
	return wait_for(pid);
}

static void
test_second_signal_ends(void **state)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", SIGINT);
	assert_int_equal(run_again(*state, text), 1);
	(void)snprintf(text, sizeof(text), "%d", SIGTERM);
	assert_int_equal(run_again(*state, text), 1);
}

static void
test_end_leaves_the_signals_blocked(void **state)
{
	(void)state;
	assert_int_equal(run_child(no_signal, SIGINT), 42);
	assert_int_equal(run_child(no_signal, SIGTERM), 42);
}

/* Each way to fail has a status of its own here, too. */
static int
begin_fails(int call)
{
	struct stop stop;
	struct error error;
	int before = dup(STDIN_FILENO);
	int after;

	(void)close(before);
	call_fails((enum call)call, 1, 1, EAGAIN);
	if (stop_begin(&stop, &error))
		return 10;
	calls_work();
	if (error.code != ERR_SYSTEM || error.sys_errno != EAGAIN)
		return 11;
	if (strncmp(error.message, "could not ", 10) != 0)
		return 12;
	/* No descriptor was left open. */
	after = dup(STDIN_FILENO);
	(void)close(after);
	return after == before ? 42 : 13;
}

static void
test_begin_fails(void **state)
{
	(void)state;
	assert_int_equal(run_child(begin_fails, CALL_pipe), 42);
	assert_int_equal(run_child(begin_fails, CALL_pthread_create), 42);
}

/* The byte that asks is written again after an interruption. */
static int
interrupted_write(int signal_number)
{
	struct stop stop;
	struct error error;

	if (!stop_begin(&stop, &error))
		return 10;
	call_fails(CALL_write, 1, 1, EINTR);
	(void)kill(getpid(), signal_number);
	if (!becomes_readable(&stop))
		return 11;
	if (!call_has_failed())
		return 12;
	calls_work();
	stop_end(&stop);
	return 42;
}

static void
test_interrupted_write(void **state)
{
	(void)state;
	assert_int_equal(run_child(interrupted_write, SIGTERM), 42);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_signal_asks),
		cmocka_unit_test_prestate(test_second_signal_ends, argv[0]),
		cmocka_unit_test(test_end_leaves_the_signals_blocked),
		cmocka_unit_test(test_begin_fails),
		cmocka_unit_test(test_interrupted_write),
	};

	if (argc == 2)
		return second_signal((int)strtol(argv[1], NULL, 10));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
