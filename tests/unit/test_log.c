#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define ERASE "\r\033[K"

struct fixture {
	struct log log;
	FILE *stream;
	char *written;
	size_t len;
};

static int
setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (fixture == NULL)
		return -1;
	fixture->stream = open_memstream(&fixture->written, &fixture->len);
	if (fixture->stream == NULL)
		return -1;
	log_init(&fixture->log, fixture->stream, "walfetch");
	*state = fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;

	(void)fclose(fixture->stream);
	free(fixture->written);
	free(fixture);
	return 0;
}

/* The stream shows what was flushed, so nothing may wait in a buffer. */
static void
assert_written(struct fixture *fixture, const char *expected)
{
	assert_string_equal(
		fixture->written == NULL ? "" : fixture->written, expected);
}

static void
say_everything(struct log *log)
{
	struct error error;

	error_set(&error, ERR_GAP, "e %d", 1);
	log_error(log, &error);
	error_set_hint(&error, "Hint.");
	log_error(log, &error);
	log_warning(log, "w %d%%", 2);
	log_warning_error(log, &error);
	log_at(log, LOG_NORMAL, "n %s", "x");
	log_at(log, LOG_VERBOSE, "v %s", "y");
	log_at(log, LOG_DEBUG, "d %s", "z");
}

#define ERRORS                   \
	"walfetch: error: e 1\n" \
	"walfetch: error: e 1\n" \
	"walfetch: hint: Hint.\n"
#define WARNINGS                    \
	"walfetch: warning: w 2%\n" \
	"walfetch: warning: e 1\n"  \
	"walfetch: hint: Hint.\n"

static void
test_levels(void **state)
{
	static const char *const expected[] = {
		ERRORS,
		ERRORS WARNINGS "walfetch: n x\n",
		ERRORS WARNINGS "walfetch: n x\nwalfetch: v y\n",
		ERRORS WARNINGS "walfetch: n x\nwalfetch: v y\nwalfetch: d z\n",
	};

	(void)state;
	for (int level = LOG_QUIET; level <= LOG_DEBUG; level++) {
		void *fixture;

		assert_int_equal(setup(&fixture), 0);
		((struct fixture *)fixture)->log.level = (enum log_level)level;
		say_everything(&((struct fixture *)fixture)->log);
		assert_written(fixture, expected[level]);
		(void)teardown(&fixture);
	}
}

static void
test_normal_at_first(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture->log.level, LOG_NORMAL);
	assert_false(fixture->log.progress_shown);
	assert_written(fixture, "");
}

static void
test_long_messages_are_cut(void **state)
{
	struct fixture *fixture = *state;
	char message[5000];

	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	log_warning(&fixture->log, "%s", message);
	assert_true(fixture->len > 500 && fixture->len < 1500);
	assert_ptr_equal(strchr(fixture->written, '\n'),
		fixture->written + fixture->len - 1);
}

/* What a server sends may be meant for the terminal. */
static void
test_control_characters_are_harmless(void **state)
{
	struct fixture *fixture = *state;

	log_warning(&fixture->log, "%s", "a\033[2Jb\rc\177d\n\te \303\244");
	assert_written(
		fixture, "walfetch: warning: a?[2Jb?c?d\n\te \303\244\n");
}

static void
test_progress_gives_way_to_messages(void **state)
{
	struct fixture *fixture = *state;
	struct log *log = &fixture->log;
	struct error error;

	log_progress_end(log);
	assert_written(fixture, "");
	log_progress(log, "10 %");
	assert_written(fixture, ERASE "10 %");
	log_progress(log, "20 %");
	assert_written(fixture, ERASE "10 %" ERASE "20 %");
	error_set(&error, ERR_GAP, "gone");
	error_set_hint(&error, "Hint.");
	log_error(log, &error);
	assert_written(fixture,
		ERASE "10 %" ERASE "20 %" ERASE
		      "walfetch: error: gone\nwalfetch: hint: Hint.\n");
	assert_false(log->progress_shown);
}

/* What is not shown does not wipe either. */
static void
test_progress_outlives_silence(void **state)
{
	struct fixture *fixture = *state;

	log_progress(&fixture->log, "10 %");
	log_at(&fixture->log, LOG_VERBOSE, "unseen");
	assert_written(fixture, ERASE "10 %");
	log_progress_end(&fixture->log);
	log_progress_end(&fixture->log);
	assert_written(fixture, ERASE "10 %" ERASE);
}

static void
test_raise(void **state)
{
	(void)state;
	assert_int_equal(log_level_raise(LOG_QUIET), LOG_VERBOSE);
	assert_int_equal(log_level_raise(LOG_NORMAL), LOG_VERBOSE);
	assert_int_equal(log_level_raise(LOG_VERBOSE), LOG_DEBUG);
	assert_int_equal(log_level_raise(LOG_DEBUG), LOG_DEBUG);
}

#define log_test(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_raise),
		log_test(test_normal_at_first),
		log_test(test_long_messages_are_cut),
		log_test(test_control_characters_are_harmless),
		log_test(test_progress_gives_way_to_messages),
		log_test(test_progress_outlives_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
