#include "receive/announcement.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define START (1000 * USECS_PER_SEC)
#define KB ((lsn)1 << 10)
#define MB ((lsn)1 << 20)

/* What the service manager heard, in place of a socket. */
struct heard {
	char last[4096];
	int count;
	bool deaf;
};

static struct heard heard;

bool __wrap_service_manager_tell(
	const struct service_manager *manager, const char *lines);

bool
__wrap_service_manager_tell(
	const struct service_manager *manager, const char *lines)
{
	assert_non_null(manager);
	if (heard.deaf)
		return false;
	(void)snprintf(heard.last, sizeof(heard.last), "%s", lines);
	heard.count++;
	return true;
}

struct scene {
	struct engine_config config;
	struct engine engine;
	struct service_manager manager;
	struct announcement announcement;
};

static void
look_at(struct scene *s, enum engine_state state, int64_t now_us)
{
	s->engine.state = state;
	announcement_look(&s->announcement, &s->engine, now_us);
}

static void
assert_last(const char *lines, int count)
{
	assert_string_equal(heard.last, lines);
	assert_int_equal(heard.count, count);
}

static void
begin(struct scene *s)
{
	memset(&heard, 0, sizeof(heard));
	memset(s, 0, sizeof(*s));
	engine_init(&s->engine, &s->config);
	announcement_init(&s->announcement, &s->manager);
	look_at(s, ENGINE_CONNECT, START);
	assert_last("STATUS=connecting", 1);
}

static void
begin_stream(struct scene *s)
{
	begin(s);
	s->engine.position.timeline = 3;
	s->engine.received = 10 * MB;
	s->engine.server_end = 10 * MB + 5 * KB;
	look_at(s, ENGINE_STREAM, START);
	assert_last("READY=1\nSTATUS=streaming at 0/00A00000 (timeline 3), "
		    "5 kB behind",
		2);
}

static void
ready_when_it_streams(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	look_at(&s, ENGINE_OPEN, START);
	assert_last("STATUS=starting", 2);
	begin_stream(&s);
	/* Once is enough. */
	look_at(&s, ENGINE_CLOSE, START);
	assert_last("STATUS=closing", 3);
	look_at(&s, ENGINE_STREAM, START);
	assert_last(
		"STATUS=streaming at 0/00A00000 (timeline 3), 5 kB behind", 4);
	engine_free(&s.engine);
}

static void
ready_when_it_tries_again(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	(void)error_set(&s.engine.failure, ERR_UNREACHABLE, "no route");
	look_at(&s, ENGINE_RETRY, START);
	assert_last("READY=1\nSTATUS=trying again after: no route", 2);
	/* Another failure, and connecting in between went unseen. */
	(void)error_set(&s.engine.failure, ERR_UNREACHABLE, "refused");
	s.engine.retry_at_us = START + 1;
	look_at(&s, ENGINE_RETRY, START);
	assert_last("STATUS=trying again after: refused", 3);
	look_at(&s, ENGINE_RETRY, START);
	assert_int_equal(heard.count, 3);
	look_at(&s, ENGINE_CONNECT, START);
	assert_last("STATUS=connecting", 4);
	engine_free(&s.engine);
}

static void
position_now_and_then(void **state)
{
	struct scene s;

	(void)state;
	begin_stream(&s);
	look_at(&s, ENGINE_STREAM, START + 60 * USECS_PER_SEC);
	assert_int_equal(heard.count, 2);
	assert_true(s.announcement.due_us == CLOCK_NEVER);

	begin_stream(&s);
	for (int i = 1; i < 100; i++) {
		s.engine.received += KB;
		s.engine.server_end = s.engine.received;
		look_at(&s, ENGINE_STREAM, START + i * 100 * USECS_PER_MS);
	}
	assert_int_equal(heard.count, 2);
	/* The wait is to end when it is due. */
	assert_true(s.announcement.due_us == START + 10 * USECS_PER_SEC);
	look_at(&s, ENGINE_STREAM, s.announcement.due_us);
	assert_last(
		"STATUS=streaming at 0/00A18C00 (timeline 3), 0 kB behind", 3);
	assert_true(s.announcement.due_us == CLOCK_NEVER);
	engine_free(&s.engine);
}

static void
stopping(void **state)
{
	struct scene s;

	(void)state;
	begin_stream(&s);
	s.engine.stopping = true;
	look_at(&s, ENGINE_CLOSE, START);
	assert_last("STOPPING=1\nSTATUS=stopping, closing", 3);
	look_at(&s, ENGINE_FAREWELL, START);
	assert_last("STATUS=stopping, closing", 4);
	announcement_end(&s.announcement, NULL);
	assert_last("STATUS=stopped", 5);
	engine_free(&s.engine);
}

/* A run that had nothing to do is no failed start. */
static void
done_before_ready(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	announcement_end(&s.announcement, NULL);
	assert_last("READY=1\nSTOPPING=1\nSTATUS=stopped", 2);
	engine_free(&s.engine);
}

static void
failed_before_ready(void **state)
{
	struct scene s;
	struct error error;

	(void)state;
	begin(&s);
	(void)error_set(&error, ERR_REFUSED, "no such role\nREADY=1");
	announcement_end(&s.announcement, &error);
	assert_last("STATUS=no such role READY=1", 2);
	engine_free(&s.engine);
}

/* The text of a server's message is no line of ours. */
static void
hostile_message(void **state)
{
	struct scene s;
	char text[1000];

	(void)state;
	begin(&s);
	(void)error_set(&s.engine.failure, ERR_UNREACHABLE,
		"x\nMAINPID=1\r\nSTOPPING=1\x01y");
	look_at(&s, ENGINE_RETRY, START);
	assert_last("READY=1\nSTATUS=trying again after: x MAINPID=1  "
		    "STOPPING=1 y",
		2);

	begin(&s);
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)error_set(&s.engine.failure, ERR_UNREACHABLE, "%s", text);
	look_at(&s, ENGINE_RETRY, START);
	assert_ptr_equal(strrchr(heard.last, '\n'), strchr(heard.last, '\n'));
	assert_int_equal(strlen(heard.last),
		strlen("READY=1\nSTATUS=trying again after: ") + sizeof(text) -
			1);
	engine_free(&s.engine);
}

/* What it did not hear it is told again. */
static void
deaf_for_a_while(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	heard.deaf = true;
	look_at(&s, ENGINE_STREAM, START);
	assert_true(s.announcement.due_us == START + USECS_PER_SEC);
	heard.deaf = false;
	look_at(&s, ENGINE_STREAM, s.announcement.due_us);
	assert_int_equal(heard.count, 2);
	assert_true(strncmp(heard.last, "READY=1\n", 8) == 0);
	assert_true(s.announcement.due_us == CLOCK_NEVER);
	engine_free(&s.engine);
}

static void
nobody_to_tell(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	announcement_init(&s.announcement, NULL);
	look_at(&s, ENGINE_STREAM, START);
	announcement_end(&s.announcement, NULL);
	assert_int_equal(heard.count, 1);
	assert_true(s.announcement.due_us == CLOCK_NEVER);
	engine_free(&s.engine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_when_it_streams),
		cmocka_unit_test(ready_when_it_tries_again),
		cmocka_unit_test(position_now_and_then),
		cmocka_unit_test(stopping),
		cmocka_unit_test(done_before_ready),
		cmocka_unit_test(failed_before_ready),
		cmocka_unit_test(hostile_message),
		cmocka_unit_test(deaf_for_a_while),
		cmocka_unit_test(nobody_to_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
