#include "receive/status_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "temporary_directory.h"

#include <poll.h>
#include <pthread.h>

/* Stands in the way of the writing of a file while it is locked. */
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;

bool __real_status_file_write(const struct directory *directory,
	const struct receiver_status *status, struct error *error);
bool __wrap_status_file_write(const struct directory *directory,
	const struct receiver_status *status, struct error *error);

bool
__wrap_status_file_write(const struct directory *directory,
	const struct receiver_status *status, struct error *error)
{
	bool ok;

	(void)pthread_mutex_lock(&disk);
	ok = __real_status_file_write(directory, status, error);
	(void)pthread_mutex_unlock(&disk);
	return ok;
}

static void
last_one_counts(void **state)
{
	struct status_writer *writer;
	struct receiver_status status = {.state = RECEIVER_STREAMING};
	struct error error;

	/* The disk stands still, and posting does not. */
	(void)pthread_mutex_lock(&disk);
	assert_true(status_writer_create(&writer, *state, &error));
	for (long i = 1; i <= 1000; i++) {
		status.pid = i;
		status_writer_post(writer, &status);
	}
	(void)pthread_mutex_unlock(&disk);
	status_writer_free(writer);
	assert_true(status_file_read(*state, &status, &error));
	assert_int_equal(status.pid, 1000);
}

static void
written_while_running(void **state)
{
	struct status_writer *writer;
	struct receiver_status status = {
		.state = RECEIVER_STREAMING,
		.pid = 7,
	};
	struct error error;

	assert_true(status_writer_create(&writer, *state, &error));
	status_writer_post(writer, &status);
	status.pid = 0;
	for (int i = 0; i < 1000 && status.pid == 0; i++) {
		(void)status_file_read(*state, &status, &error);
		(void)poll(NULL, 0, 10);
	}
	assert_int_equal(status.pid, 7);
	status_writer_free(writer);
}

static void
nothing_posted(void **state)
{
	struct status_writer *writer;
	struct error error;

	assert_true(status_writer_create(&writer, *state, &error));
	status_writer_free(writer);
	status_writer_free(NULL);
	assert_int_equal(temporary_directory_count(*state), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(last_one_counts),
		directory_test(written_while_running),
		directory_test(nothing_posted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
