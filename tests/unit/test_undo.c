/*
 * Signals that end a restore: the file goes, and the process dies by them.
 */
#include "restore/undo.h"

#include "archive_files.h"

#include <sys/wait.h>

#define NAME ".file.tmp"

/* A child that sends itself a signal while it has a file in work. */
static int
status_of_child(const struct directory *directory, int number, bool ended)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct undo undo;
		struct error error;

		if (!undo_begin(&undo, directory->fd, NAME, &error))
			_exit(1);
		if (ended)
			undo_end(&undo);
		(void)kill(getpid(), number);
		for (;;)
			(void)pause();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void
dies_by_the_signal(void **state)
{
	static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int status;

		file_store(*state, NAME, "x", 1);
		file_store(*state, "other", "x", 1);
		status = status_of_child(*state, numbers[i], false);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), numbers[i]);
		assert_names(*state, "other");
	}
}

static void
afterwards_files_stay(void **state)
{
	int status;

	file_store(*state, NAME, "x", 1);
	status = status_of_child(*state, SIGTERM, true);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_names(*state, NAME);
}

static void
ends_without_a_signal(void **state)
{
	const struct directory *directory = *state;
	struct error error;

	file_store(directory, NAME, "x", 1);
	for (int i = 0; i < 200; i++) {
		struct undo undo;

		assert_true(undo_begin(&undo, directory->fd, NAME, &error));
		undo_end(&undo);
	}
	assert_names(directory, NAME);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(dies_by_the_signal),
		directory_test(afterwards_files_stay),
		directory_test(ends_without_a_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
