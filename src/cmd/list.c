#include "base/options.h"
#include "base/terminal.h"
#include "cmd/command.h"
#include "cmd/list_print.h"
#include "cmd/standard_output.h"
#include "cmd/usage.h"
#include "list/bar.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TERMINAL_WIDTH 80

/* What stands before the bar on its line. */
#define BAR_COLUMN 12

enum long_option {
	OPTION_SEGMENTS = OPTION_LONG_ONLY,
	OPTION_JSON,
	OPTION_QUIET
};

static const struct option_spec list_option_specs[] = {
	{0, NULL, NULL, "Options:"},
	{'D', "directory", "DIR", "the archive"},
	{OPTION_SEGMENTS, "segments", NULL, "list every segment"},
	{OPTION_JSON, "json", NULL, "print a JSON object"},
	{'v', "verbose", NULL, "say how many files were found"},
	{OPTION_QUIET, "quiet", NULL, "say nothing but errors"},
	{'V', "version", NULL, "show the version, then exit"},
	{'?', "help", NULL, "show this help, then exit"},
	{0, NULL, NULL, NULL},
};

enum list_mode {
	LIST_RUN,
	LIST_HELP,
	LIST_VERSION
};

struct list_options {
	enum list_mode mode;
	enum log_level log_level;
	const char *directory;
	bool segments;
	bool json;
};

static bool
take_option(struct list_options *options, int key, const char *value,
	struct error *error)
{
	switch (key) {
	case 'D':
		options->directory = value;
		return true;
	case OPTION_SEGMENTS:
		options->segments = true;
		return true;
	case OPTION_JSON:
		options->json = true;
		return true;
	case OPTION_QUIET:
		options->log_level = LOG_QUIET;
		return true;
	case 'v':
		options->log_level = LOG_VERBOSE;
		return true;
	case 'V':
		options->mode = LIST_VERSION;
		return true;
	case '?':
		options->mode = LIST_HELP;
		return true;
	default:
		return error_set(error, ERR_USAGE, "unrecognized option");
	}
}

static bool
parse_options(
	struct list_options *result, int argc, char **argv, struct error *error)
{
	struct options options = {
		.specs = list_option_specs,
		.argc = argc,
		.argv = argv,
	};
	int key;

	*result = (struct list_options){.log_level = LOG_NORMAL};
	while ((key = options_next(&options, error)) >= 0) {
		if (!take_option(result, key, options.value, error))
			return false;
		if (result->mode != LIST_RUN)
			return true;
	}
	if (key == OPTION_ERROR)
		return false;
	if (!options_check_operands(&options, 0, error))
		return false;
	if (result->directory == NULL)
		return error_set(error, ERR_USAGE, "no directory specified");
	return true;
}

/* A bar is for people: none where no terminal is. */
static size_t
bar_width(void)
{
	int width = terminal_width(STDOUT_FILENO);

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (width <= 0)
		width = TERMINAL_WIDTH;
	if (width <= BAR_COLUMN)
		return 1;
	return width - BAR_COLUMN < LIST_BAR_MAX ? (size_t)(width - BAR_COLUMN)
						 : LIST_BAR_MAX;
}

static bool
is_utf8(void)
{
	return setlocale(LC_CTYPE, "") != NULL &&
		strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static bool
print(const struct list_options *options, const struct list_summary *summary,
	struct error *error)
{
	const struct list_style style = {
		.directory = options->directory,
		.segments = options->segments,
		.bar_width = bar_width(),
		.utf8 = is_utf8(),
	};

	if (options->json) {
		if (!list_print_json(summary, &style, error))
			return false;
	} else {
		list_print_text(summary, &style);
	}
	return standard_output_flush(error);
}

static bool
run(const struct list_options *options, struct log *log, struct error *error)
{
	struct directory directory;
	struct inventory inventory = {.file_count = 0};
	struct coverage coverage = {.count = 0};
	struct list_summary summary = {.count = 0};
	bool success;

	directory_init(&directory);
	success = directory_open(&directory, options->directory, error) &&
		inventory_read(&inventory, &directory, error) &&
		inventory_measure(&inventory, &directory, error);
	log_at(log, LOG_VERBOSE, "found %zu segment files of %zu timelines",
		inventory.file_count, inventory.timeline_count);
	success = success &&
		coverage_find(&coverage, &inventory, &directory, error) &&
		list_summarize(
			&summary, &inventory, &coverage, &directory, error) &&
		print(options, &summary, error);
	list_summary_free(&summary);
	coverage_free(&coverage);
	inventory_free(&inventory);
	directory_close(&directory);
	return success;
}

static void
print_help(void)
{
	(void)printf("walfetch list shows what an archive holds.\n\n"
		     "Usage:\n  walfetch list -D DIR [OPTION]...\n");
	options_print(stdout, list_option_specs);
}

int
cmd_list(struct log *log, int argc, char **argv)
{
	struct list_options options;
	struct error error;

	if (!parse_options(&options, argc, argv, &error)) {
		usage_hint("walfetch list", &error);
		log_error(log, &error);
		return error_exit_status(error.code);
	}
	log->level = options.log_level;
	switch (options.mode) {
	case LIST_HELP:
		print_help();
		break;
	case LIST_VERSION:
		(void)printf("walfetch %s\n", WALFETCH_VERSION);
		break;
	case LIST_RUN:
		if (!run(&options, log, &error)) {
			log_error(log, &error);
			return error_exit_status(error.code);
		}
		break;
	}
	return 0;
}
