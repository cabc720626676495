#include "base/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "failing_call.h"

#define PROMPT "Password: "

struct child {
	pid_t pid;
	int terminal; /* our end */
	int stop;     /* a byte stops it */
};

/* The call that fails in the child; CALLS: none. */
static struct {
	enum call call;
	int sys_errno;
} fault = {.call = CALLS};

static bool
echoes(void)
{
	struct termios settings;

	return tcgetattr(STDIN_FILENO, &settings) == 0 &&
		(settings.c_lflag & ECHO) != 0;
}

/* What the child exits with: the error's code, or 100 for the word. */
static int
child_main(int stop_fd)
{
	struct error error;
	char answer[16];

	error_clear(&error);
	call_fails(fault.call, 1, 1, fault.sys_errno);
	if (terminal_ask_password(
		    PROMPT, answer, sizeof(answer), stop_fd, &error))
		error.code = strcmp(answer, "sesame") == 0 ? 100 : 101;
	else if (fault.call != CALLS && error.sys_errno != fault.sys_errno)
		error.code = 103;
	calls_work();
	return echoes() ? (int)error.code : 102;
}

/* A change root without devpts has no terminals to play with. */
static void
need_terminals(void)
{
	int master;
	int slave;

	if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
		skip();
	(void)close(master);
	(void)close(slave);
}

static void
start(struct child *child)
{
	int ends[2];

	need_terminals();

	assert_int_equal(pipe(ends), 0);
	child->pid = forkpty(&child->terminal, NULL, NULL, NULL);
	assert_true(child->pid >= 0);
	if (child->pid == 0) {
		(void)close(ends[1]);
		_exit(child_main(ends[0]));
	}
	(void)close(ends[0]);
	child->stop = ends[1];
}

/* Read until the prompt has come; the echo is off by then. */
static void
await_prompt(const struct child *child)
{
	char seen[256] = "";
	size_t used = 0;

	while (strstr(seen, PROMPT) == NULL) {
		ssize_t got = read(
			child->terminal, seen + used, sizeof(seen) - used - 1);

		assert_true(got > 0);
		used += (size_t)got;
		seen[used] = '\0';
	}
}

static int
finish(struct child *child, char *rest, size_t size)
{
	size_t used = 0;
	ssize_t got;
	int status;

	while (used + 1 < size &&
		(got = read(child->terminal, rest + used, size - used - 1)) > 0)
		used += (size_t)got;
	rest[used] = '\0';
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	(void)close(child->terminal);
	(void)close(child->stop);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
type(const struct child *child, const char *keys)
{
	assert_int_equal(
		write(child->terminal, keys, strlen(keys)), strlen(keys));
}

static void
asks_without_echo(void **state)
{
	struct child child;
	char rest[256];

	(void)state;
	start(&child);
	await_prompt(&child);
	type(&child, "sesame\n");
	assert_int_equal(finish(&child, rest, sizeof(rest)), 100);
	assert_null(strstr(rest, "sesame"));
}

static void
refuses(void **state)
{
	struct child child;
	char rest[256];

	(void)state;
	start(&child);
	await_prompt(&child);
	type(&child, "far too long for the buffer\n");
	assert_int_equal(finish(&child, rest, sizeof(rest)), ERR_USAGE);

	start(&child);
	await_prompt(&child);
	type(&child, "\004");
	assert_int_equal(finish(&child, rest, sizeof(rest)), ERR_USAGE);
}

static void
stops(void **state)
{
	struct child child;
	char rest[256];

	(void)state;
	start(&child);
	await_prompt(&child);
	assert_int_equal(write(child.stop, "x", 1), 1);
	assert_int_equal(finish(&child, rest, sizeof(rest)), ERR_STOPPED);
}

static void
without_terminal(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct error error;
		char answer[16];

		(void)setsid();
		_exit(!terminal_ask_password(PROMPT, answer, sizeof(answer), -1,
			      &error) && error.code == ERR_NOT_FOUND
				? 0
				: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A signal is no reason to ask again. */
static void
goes_on_after_a_signal(void **state)
{
	static const enum call calls[] = {CALL_poll, CALL_read, CALL_write};

	(void)state;
	fault.sys_errno = EINTR;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct child child;
		char rest[256];

		fault.call = calls[i];
		start(&child);
		await_prompt(&child);
		type(&child, "sesame\n");
		assert_int_equal(finish(&child, rest, sizeof(rest)), 100);
	}
	fault.call = CALLS;
}

/* The echo is on again after each of them. */
static void
calls_fail(void **state)
{
	static const enum call calls[] = {CALL_tcgetattr, CALL_tcsetattr,
		CALL_poll, CALL_read, CALL_write};

	(void)state;
	fault.sys_errno = EIO;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct child child;
		char rest[256];

		fault.call = calls[i];
		start(&child);
		/* What is typed before the prompt does not count. */
		if (calls[i] == CALL_read) {
			await_prompt(&child);
			type(&child, "sesame\n");
		}
		assert_int_equal(
			finish(&child, rest, sizeof(rest)), ERR_SYSTEM);
	}
	fault.call = CALLS;
}

/* A job in the background would be stopped if it touched the terminal. */
static void
in_the_background(void **state)
{
	int terminal;
	int status;
	pid_t pid;

	(void)state;
	need_terminals();
	pid = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		struct error error;
		char answer[16];

		pid = fork();
		if (pid == 0) {
			(void)setpgid(0, 0);
			_exit(!terminal_ask_password(PROMPT, answer,
				      sizeof(answer), -1, &error) &&
						error.code == ERR_NOT_FOUND
					? 0
					: 1);
		}
		if (waitpid(pid, &status, 0) != pid)
			_exit(2);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(terminal);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
width(void **state)
{
	struct winsize size = {.ws_row = 24, .ws_col = 77};
	int master;
	int slave;

	(void)state;
	need_terminals();
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	assert_int_equal(terminal_width(slave), 77);
	assert_int_equal(terminal_width(-1), 0);
	(void)close(master);
	(void)close(slave);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_without_echo),
		cmocka_unit_test(refuses),
		cmocka_unit_test(stops),
		cmocka_unit_test(without_terminal),
		cmocka_unit_test(goes_on_after_a_signal),
		cmocka_unit_test(calls_fail),
		cmocka_unit_test(in_the_background),
		cmocka_unit_test(width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
