#include "restore/restore.h"

#include "base/number.h"
#include "base/options.h"
#include "cmd/command.h"
#include "cmd/usage.h"

#include <string.h>

/* PostgreSQL takes 1 to 125 for "not there", and stops at 126 and more. */
#define STATUS_NOT_FOUND 1
#define STATUS_FAULT 126

#define PREFETCH_MAX 64

enum {
	OPTION_PARTIAL = OPTION_LONG_ONLY,
	OPTION_NO_VERIFY,
	OPTION_PREFETCH,
	OPTION_CACHE,
	OPTION_QUIET
};

static const struct option_spec specs[] = {
	{0, NULL, NULL, "Options:"},
	{'D', "directory", "DIR", "the archive"},
	{OPTION_PARTIAL, "partial", NULL,
		"serve the open segment, too, when the complete one is not "
		"there"},
	{OPTION_NO_VERIFY, "no-verify", NULL,
		"do not verify pages and records"},
	{OPTION_PREFETCH, "prefetch", "N",
		"decompress so many segments ahead (default: 0)"},
	{OPTION_CACHE, "cache", "DIR", "where --prefetch keeps them"},
	{'v', "verbose", NULL, "say more; twice: for finding faults"},
	{OPTION_QUIET, "quiet", NULL, "say nothing but errors"},
	{'V', "version", NULL, "show the version, then exit"},
	{'?', "help", NULL, "show this help, then exit"},
	{0, NULL, NULL, NULL},
};

enum mode {
	MODE_RESTORE,
	MODE_HELP,
	MODE_VERSION
};

struct command_line {
	enum mode mode;
	enum log_level log_level;
	struct restore_config config;
};

static bool
take_option(struct command_line *line, int key, const char *value,
	struct error *error)
{
	int64_t number;

	switch (key) {
	case 'D':
		line->config.directory = value;
		return true;
	case OPTION_PARTIAL:
		line->config.partial = true;
		return true;
	case OPTION_NO_VERIFY:
		line->config.verify = false;
		return true;
	case OPTION_PREFETCH:
		if (!number_parse(value, "--prefetch", 0, PREFETCH_MAX, &number,
			    error))
			return false;
		line->config.prefetch = (unsigned)number;
		return true;
	case OPTION_CACHE:
		line->config.cache = value;
		return true;
	case 'v':
		line->log_level = log_level_raise(line->log_level);
		return true;
	case OPTION_QUIET:
		line->log_level = LOG_QUIET;
		return true;
	case 'V':
		line->mode = MODE_VERSION;
		return true;
	case '?':
		line->mode = MODE_HELP;
		return true;
	default:
		return error_set(error, ERR_USAGE, "unrecognized option");
	}
}

static bool
take_operands(struct command_line *line, const struct options *options,
	struct error *error)
{
	struct restore_config *config = &line->config;
	int count = options->argc - options->operand;

	if (config->directory == NULL)
		return error_set(error, ERR_USAGE, "no archive specified");
	if (config->prefetch > 0 && config->cache == NULL)
		return error_set(error, ERR_USAGE,
			"--prefetch needs a folder to be specified using "
			"--cache");
	if (count < 2)
		return error_set(error, ERR_USAGE,
			"the name of a file and the path to copy it to are "
			"needed (%%f and %%p)");
	if (!options_check_operands(options, 2, error))
		return false;
	config->name = options->argv[options->operand];
	config->path = options->argv[options->operand + 1];
	return true;
}

static bool
parse(struct command_line *line, int argc, char **argv, struct error *error)
{
	struct options options = {.specs = specs, .argc = argc, .argv = argv};
	int key;

	*line = (struct command_line){
		.log_level = LOG_NORMAL,
		.config = {.verify = true},
	};
	while ((key = options_next(&options, error)) >= 0) {
		if (!take_option(line, key, options.value, error))
			return false;
		if (line->mode != MODE_RESTORE)
			return true;
	}
	return key != OPTION_ERROR && take_operands(line, &options, error);
}

static int
print_help(void)
{
	(void)printf("walfetch restore fetches one file out of an archive, as "
		     "PostgreSQL's restore_command.\n\nUsage:\n"
		     "  walfetch restore [OPTION]... FILE PATH\n");
	options_print(stdout, specs);
	(void)printf("\nExit status: 0 the file was fetched, 1 the archive "
		     "does not have it, 126 anything else.\n");
	return 0;
}

int
cmd_restore(struct log *log, int argc, char **argv)
{
	struct command_line line;
	struct error error;
	bool found = false;

	if (!parse(&line, argc, argv, &error)) {
		usage_hint("walfetch restore", &error);
		log_error(log, &error);
		return STATUS_FAULT;
	}
	log->level = line.log_level;
	switch (line.mode) {
	case MODE_HELP:
		return print_help();
	case MODE_VERSION:
		(void)printf("walfetch %s\n", WALFETCH_VERSION);
		return 0;
	case MODE_RESTORE:
		break;
	}
	if (!restore_file(&line.config, log, &found, &error)) {
		log_error(log, &error);
		return STATUS_FAULT;
	}
	if (found)
		return 0;
	log_at(log, LOG_VERBOSE, "archive \"%s\" does not have \"%s\"",
		line.config.directory, line.config.name);
	return STATUS_NOT_FOUND;
}
