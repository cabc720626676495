#include "receive/bulletin.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "temporary_directory.h"

#define START (1000 * USECS_PER_SEC)
#define MB ((lsn)1 << 20)

/* What the writer was given, in place of a thread and a file. */
struct posts {
	struct receiver_status last;
	int count;
};

static struct posts posts;

bool __wrap_status_writer_create(struct status_writer **writer,
	const struct directory *directory, struct error *error);
void __wrap_status_writer_post(
	struct status_writer *writer, const struct receiver_status *status);
void __wrap_status_writer_free(struct status_writer *writer);

bool
__wrap_status_writer_create(struct status_writer **writer,
	const struct directory *directory, struct error *error)
{
	(void)directory;
	(void)error;
	*writer = (struct status_writer *)&posts;
	return true;
}

void
__wrap_status_writer_post(
	struct status_writer *writer, const struct receiver_status *status)
{
	assert_ptr_equal(writer, &posts);
	posts.last = *status;
	posts.count++;
}

void
__wrap_status_writer_free(struct status_writer *writer)
{
	assert_ptr_equal(writer, &posts);
}

struct scene {
	struct receiver_config config;
	struct engine engine;
	struct preparation preparation;
	struct bulletin bulletin;
};

static void
begin(struct scene *s)
{
	struct error error;

	memset(&posts, 0, sizeof(posts));
	memset(s, 0, sizeof(*s));
	s->config.engine.status_interval_us = 10 * USECS_PER_SEC;
	s->config.engine.slot = "a";
	engine_init(&s->engine, &s->config.engine);
	s->engine.segment_size = 1u << 20;
	s->preparation.config = &s->config;
	s->preparation.engine = &s->engine;
	s->preparation.lock_fd = 7;
	assert_true(bulletin_open(&s->bulletin, &s->preparation, &error));
}

static void
begin_stream(struct scene *s)
{
	begin(s);
	s->engine.state = ENGINE_STREAM;
	s->engine.begun = true;
	s->engine.position.timeline = 3;
	s->engine.position.at = 10 * MB;
	s->engine.received = 10 * MB;
	s->engine.server_end = 10 * MB;
	s->engine.progress.durable = 10 * MB;
	bulletin_look(&s->bulletin, START);
	assert_int_equal(posts.count, 1);
}

static void
not_without_the_lock(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.preparation.lock_fd = -1;
	bulletin_look(&s.bulletin, START);
	assert_int_equal(posts.count, 0);
	bulletin_close(&s.bulletin, NULL);
	assert_int_equal(posts.count, 0);
}

static void
at_most_once_a_second(void **state)
{
	struct scene s;

	(void)state;
	begin_stream(&s);
	for (int i = 1; i <= 100; i++) {
		s.engine.received += MB;
		bulletin_look(&s.bulletin, START + i * 9 * USECS_PER_MS);
	}
	assert_int_equal(posts.count, 1);
	/* The wait is to end when it is due. */
	assert_true(s.bulletin.due_us == START + USECS_PER_SEC);
	bulletin_look(&s.bulletin, START + USECS_PER_SEC);
	assert_int_equal(posts.count, 2);
	assert_int_equal(posts.last.received, 110 * MB);
	assert_int_equal(posts.last.rate, 100 * MB);
	assert_true(s.bulletin.due_us == CLOCK_NEVER);
	bulletin_close(&s.bulletin, NULL);
}

static void
nothing_new(void **state)
{
	struct scene s;

	(void)state;
	begin_stream(&s);
	for (int i = 1; i < 10; i++)
		bulletin_look(&s.bulletin, START + i * USECS_PER_SEC);
	assert_int_equal(posts.count, 1);
	bulletin_look(&s.bulletin, START + 10 * USECS_PER_SEC);
	assert_int_equal(posts.count, 2);
	assert_int_equal(posts.last.rate, 0);
	bulletin_close(&s.bulletin, NULL);
}

static void
a_change_of_state_at_once(void **state)
{
	struct scene s;
	int64_t since_us;

	(void)state;
	begin_stream(&s);
	assert_int_equal(posts.last.state, RECEIVER_STREAMING);
	assert_int_equal(posts.last.timeline, 3);
	assert_string_equal(posts.last.slot, "a");
	assert_int_equal(posts.last.pid, getpid());
	since_us = posts.last.since_us;
	s.engine.state = ENGINE_RETRY;
	error_set(&s.engine.failure, ERR_UNREACHABLE, "gone");
	bulletin_look(&s.bulletin, START + 1);
	assert_int_equal(posts.count, 2);
	assert_int_equal(posts.last.state, RECEIVER_RETRYING);
	assert_string_equal(posts.last.failure, "gone");
	assert_true(posts.last.failed_us > 0);
	assert_true(posts.last.since_us >= since_us);
	/* What was known of the stream is kept. */
	assert_int_equal(posts.last.received, 10 * MB);
	/* It failed again before anybody looked. */
	error_set(&s.engine.failure, ERR_UNREACHABLE, "refused");
	s.engine.retry_at_us = START + 2;
	bulletin_look(&s.bulletin, START + 1);
	assert_int_equal(posts.count, 3);
	assert_string_equal(posts.last.failure, "refused");
	bulletin_look(&s.bulletin, START + 1);
	assert_int_equal(posts.count, 3);
	bulletin_close(&s.bulletin, NULL);
	assert_int_equal(posts.count, 4);
	assert_int_equal(posts.last.state, RECEIVER_STOPPED);
}

static void
ends_with_a_failure(void **state)
{
	struct scene s;
	struct error error;

	(void)state;
	begin_stream(&s);
	error_set(&error, ERR_GAP, "WAL is gone");
	error_set_hint(&error, "Take a backup.");
	bulletin_close(&s.bulletin, &error);
	assert_int_equal(posts.last.state, RECEIVER_FAILED);
	assert_string_equal(posts.last.failure, "WAL is gone");
	assert_string_equal(posts.last.hint, "Take a backup.");
}

static void
archived(void **state)
{
	struct scene s;

	(void)state;
	begin_stream(&s);
	assert_int_equal(posts.last.archived, LSN_NONE);
	/* An archive that is continued has what lies before. */
	s.engine.position.at = 10 * MB + 100;
	s.preparation.located.at = 10 * MB + 100;
	bulletin_look(&s.bulletin, START + USECS_PER_SEC);
	assert_int_equal(posts.last.archived, 10 * MB);
	s.engine.progress.archived = 12 * MB;
	s.engine.progress.in_work = 2;
	bulletin_look(&s.bulletin, START + 2 * USECS_PER_SEC);
	assert_int_equal(posts.last.archived, 12 * MB);
	assert_int_equal(posts.last.in_work, 2);
	bulletin_close(&s.bulletin, NULL);
	assert_int_equal(posts.last.in_work, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_without_the_lock),
		cmocka_unit_test(at_most_once_a_second),
		cmocka_unit_test(nothing_new),
		cmocka_unit_test(a_change_of_state_at_once),
		cmocka_unit_test(ends_with_a_failure),
		cmocka_unit_test(archived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
