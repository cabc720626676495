#include "base/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define KEY_ONCE OPTION_LONG_ONLY
#define KEY_MEMORY (OPTION_LONG_ONLY + 1)
#define KEY_WAIT (OPTION_LONG_ONLY + 2)
#define WORDS_MAX 12

static const struct option_spec specs[] = {
	{0, NULL, NULL, "Options:"},
	{'D', "directory", "DIR", "receive into this directory"},
	{'n', "no-loop", NULL, "do not loop"},
	{'v', "verbose", NULL, "say more"},
	{'q', NULL, NULL, "only a letter"},
	{'x', NULL, "X", "only a letter,\nand two lines"},
	{KEY_ONCE, "once", NULL, "no letter"},
	{KEY_MEMORY, "memory", "SIZE", "no letter\nand two lines"},
	{'Z', "a-name-that-needs-a-line", "METHOD[:DETAIL]", "of its own"},
	{KEY_WAIT, "wait", "[SECS]", "perhaps with a value"},
	{0, NULL, NULL, "Other:"},
	{'?', "help", NULL, "show this"},
	{0, NULL, NULL, NULL},
};

struct run {
	struct options options;
	char words[WORDS_MAX][40];
	char *argv[WORDS_MAX + 1];
	struct error error;
};

/* A command line: "walfetch" and the words of line. */
static void
begin(struct run *run, const char *line)
{
	int argc = 0;
	char copy[200];

	(void)snprintf(copy, sizeof(copy), "walfetch %s", line);
	for (char *word = strtok(copy, " "); word != NULL;
		word = strtok(NULL, " ")) {
		assert_true(argc < WORDS_MAX);
		strcpy(run->words[argc], word);
		run->argv[argc] = run->words[argc];
		argc++;
	}
	run->argv[argc] = NULL;
	run->options = (struct options){
		.specs = specs, .argc = argc, .argv = run->argv};
	error_clear(&run->error);
	optind = 0; /* a new command line, in GNU's and musl's getopt */
}

static int
next(struct run *run)
{
	return options_next(&run->options, &run->error);
}

static void
test_no_options(void **state)
{
	struct run run;

	(void)state;
	begin(&run, "");
	assert_int_equal(next(&run), OPTION_END);
	assert_int_equal(run.options.operand, 1);
}

static void
test_every_way_to_write(void **state)
{
	static const char *const lines[] = {
		"-D dir -n -x y --once --memory 1",
		"-Ddir -n -xy --once --memory=1",
		"--directory dir --no-loop -x y --on --mem 1",
		"--directory=dir -nxy --once --memory=1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct run run;

		begin(&run, lines[i]);
		assert_int_equal(next(&run), 'D');
		assert_string_equal(run.options.value, "dir");
		assert_int_equal(next(&run), 'n');
		assert_int_equal(next(&run), 'x');
		assert_string_equal(run.options.value, "y");
		assert_int_equal(next(&run), KEY_ONCE);
		assert_int_equal(next(&run), KEY_MEMORY);
		assert_string_equal(run.options.value, "1");
		assert_int_equal(next(&run), OPTION_END);
		assert_int_equal(run.options.operand, run.options.argc);
	}
}

static void
test_operands(void **state)
{
	struct run run;

	(void)state;
	begin(&run, "one -n two -- -v");
	assert_int_equal(next(&run), 'n');
	assert_int_equal(next(&run), OPTION_END);
	assert_int_equal(run.options.argc - run.options.operand, 3);
	assert_string_equal(run.argv[run.options.operand], "one");
	assert_string_equal(run.argv[run.options.operand + 1], "two");
	assert_string_equal(run.argv[run.options.operand + 2], "-v");
}

static void
test_help(void **state)
{
	static const char *const lines[] = {"-?", "--help", "--he", "-n -?",
		"-v --help", "-n?", "-?n", "--verbose -?", "--verbose -?n"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct run run;
		int key;

		begin(&run, lines[i]);
		key = next(&run);
		if (key == 'n' || key == 'v')
			key = next(&run);
		assert_int_equal(key, '?');
	}
}

/* The next word is never taken for such a value. */
static void
test_optional_value(void **state)
{
	struct run run;

	(void)state;
	begin(&run, "--wait -n --wait=5 --wait= x");
	assert_int_equal(next(&run), KEY_WAIT);
	assert_null(run.options.value);
	assert_int_equal(next(&run), 'n');
	assert_int_equal(next(&run), KEY_WAIT);
	assert_string_equal(run.options.value, "5");
	assert_int_equal(next(&run), KEY_WAIT);
	assert_string_equal(run.options.value, "");
	assert_int_equal(next(&run), OPTION_END);
}

static void
test_errors(void **state)
{
	static const struct {
		const char *line;
		const char *message;
	} rows[] = {
		{"-k", "unrecognized option \"-k\""},
		{"-nk", "unrecognized option \"-k\""},
		{"-kn", "unrecognized option \"-k\""},
		{"--verbose -kn", "unrecognized option \"-k\""},
		{"--directory --here -kn", "unrecognized option \"-k\""},
		{"--klingon", "unrecognized option \"--klingon\""},
		{"--klingon=1", "unrecognized option \"--klingon=1\""},
		{"-D", "option \"-D\" needs a value"},
		{"-nD", "option \"-D\" needs a value"},
		{"--verbose -nD", "option \"-D\" needs a value"},
		{"--directory", "option \"--directory\" needs a value"},
		{"--memory", "option \"--memory\" needs a value"},
		{"--once=1", "option \"--once=1\" takes no value"},
		{"--no-loop=1", "option \"--no-loop=1\" takes no value"},
		{"--help=1", "option \"--help=1\" takes no value"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct run run;
		int key;

		begin(&run, rows[i].line);
		while ((key = next(&run)) != OPTION_ERROR)
			assert_int_not_equal(key, OPTION_END);
		assert_int_equal(run.error.code, ERR_USAGE);
		assert_string_equal(run.error.message, rows[i].message);
	}
}

static void
test_print(void **state)
{
	char *written = NULL;
	size_t len;
	FILE *stream = open_memstream(&written, &len);

	(void)state;
	assert_non_null(stream);
	options_print(stream, specs);
	assert_int_equal(fclose(stream), 0);
	assert_string_equal(written,
		"\nOptions:\n"
		"  -D, --directory=DIR        receive into this directory\n"
		"  -n, --no-loop              do not loop\n"
		"  -v, --verbose              say more\n"
		"  -q                         only a letter\n"
		"  -x X                       only a letter,\n"
		"                             and two lines\n"
		"      --once                 no letter\n"
		"      --memory=SIZE          no letter\n"
		"                             and two lines\n"
		"  -Z, --a-name-that-needs-a-line=METHOD[:DETAIL]\n"
		"                             of its own\n"
		"      --wait[=SECS]          perhaps with a value\n"
		"\nOther:\n"
		"  -?, --help                 show this\n");
	free(written);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_options),
		cmocka_unit_test(test_every_way_to_write),
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_optional_value),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
