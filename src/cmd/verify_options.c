#include "cmd/verify_options.h"

#include "base/number.h"
#include "base/worker_pool.h"

#include <limits.h>
#include <time.h>

#define JOBS_MAX 64
#define DAYS_MAX 36500
#define SECS_PER_DAY 86400

enum long_option {
	OPTION_FROM = OPTION_LONG_ONLY,
	OPTION_TO,
	OPTION_TIMELINE,
	OPTION_SINCE_BACKUP,
	OPTION_DAYS,
	OPTION_JOBS,
	OPTION_ACCEPT_GAP,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_PROGRESS
};

const struct option_spec verify_option_specs[] = {
	{0, NULL, NULL, "Options:"},
	{'D', "directory", "DIR", "the archive to verify"},
	{OPTION_JOBS, "jobs", "N",
		"segments verified at once\n"
		"(default: one for each processor)"},
	{OPTION_ACCEPT_GAP, "accept-gap", NULL,
		"put WAL that is missing on record as lost"},
	{OPTION_JSON, "json", NULL, "report as JSON"},
	{'v', "verbose", NULL, "say more; twice: for finding faults"},
	{OPTION_QUIET, "quiet", NULL, "say nothing but faults and errors"},
	{OPTION_PROGRESS, "progress", "WHEN",
		"progress line: auto (at a terminal), always or never\n"
		"(default: auto)"},
	{'V', "version", NULL, "show the version, then exit"},
	{'?', "help", NULL, "show this help, then exit"},
	{0, NULL, NULL, "Options that choose a part of the archive:"},
	{OPTION_FROM, "from", "LSN", "segments that hold WAL from there on"},
	{OPTION_TO, "to", "LSN", "segments that hold WAL before it"},
	{OPTION_TIMELINE, "timeline", "N",
		"this timeline, and its ancestors as far as it needs them"},
	{OPTION_SINCE_BACKUP, "since-backup", "PATH",
		"what a recovery from this base backup may read"},
	{OPTION_DAYS, "days", "N",
		"segments from the first that was written in these days"},
	{0, NULL, NULL, NULL},
};

static void
set_defaults(struct verify_options *options)
{
	*options = (struct verify_options){
		.mode = VERIFY_RUN,
		.log_level = LOG_NORMAL,
		.config =
			{
				.jobs = worker_pool_processors(JOBS_MAX),
				.scope = {.to = LSN_MAX},
			},
	};
}

static bool
parse_lsn(const char *value, const char *option, lsn *at, struct error *error)
{
	if (lsn_parse(value, at))
		return true;
	return error_set(error, ERR_USAGE, "invalid value \"%s\" for option %s",
		value, option);
}

static bool
parse_days(const char *value, int64_t *modified, struct error *error)
{
	int64_t days;

	if (!number_parse(value, "--days", 1, DAYS_MAX, &days, error))
		return false;
	*modified = (int64_t)time(NULL) - days * SECS_PER_DAY;
	return true;
}

/* Options that choose a part of the archive; *known: it was one. */
static bool
take_scope_option(struct verify_options *options, int key, const char *value,
	bool *known, struct error *error)
{
	struct scope_wanted *scope = &options->config.scope;
	int64_t number;

	*known = true;
	switch (key) {
	case OPTION_FROM:
		return parse_lsn(value, "--from", &scope->from, error);
	case OPTION_TO:
		return parse_lsn(value, "--to", &scope->to, error);
	case OPTION_TIMELINE:
		if (!number_parse(
			    value, "--timeline", 1, UINT32_MAX, &number, error))
			return false;
		scope->timeline = (uint32_t)number;
		return true;
	case OPTION_SINCE_BACKUP:
		options->since_backup = value;
		return true;
	case OPTION_DAYS:
		return parse_days(value, &scope->modified, error);
	default:
		*known = false;
		return true;
	}
}

static bool
take_other_option(struct verify_options *options, int key, const char *value,
	struct error *error)
{
	int64_t number;

	switch (key) {
	case 'D':
		options->config.directory = value;
		return true;
	case OPTION_JOBS:
		if (!number_parse(value, "--jobs", 1, JOBS_MAX, &number, error))
			return false;
		options->config.jobs = (unsigned)number;
		return true;
	case OPTION_ACCEPT_GAP:
		options->config.accept_gap = true;
		return true;
	case OPTION_JSON:
		options->json = true;
		return true;
	case OPTION_QUIET:
		options->log_level = LOG_QUIET;
		return true;
	case OPTION_PROGRESS:
		return progress_option_parse(value, &options->progress, error);
	case 'v':
		options->log_level = log_level_raise(options->log_level);
		return true;
	case 'V':
		options->mode = VERIFY_VERSION;
		return true;
	case '?':
		options->mode = VERIFY_HELP;
		return true;
	default:
		return error_set(error, ERR_USAGE, "unrecognized option");
	}
}

static bool
check(const struct verify_options *options, struct error *error)
{
	const struct scope_wanted *scope = &options->config.scope;

	if (options->config.directory == NULL)
		return error_set(
			error, ERR_USAGE, "no archive directory specified");
	if (scope->from >= scope->to)
		return error_set(error, ERR_USAGE,
			"the position of --from must be below that of --to");
	return true;
}

bool
verify_options_parse(struct verify_options *result, int argc, char **argv,
	struct error *error)
{
	struct options options = {
		.specs = verify_option_specs,
		.argc = argc,
		.argv = argv,
	};
	struct verify_options parsed;
	int key;

	set_defaults(&parsed);
	while ((key = options_next(&options, error)) >= 0) {
		bool known;

		if (!take_scope_option(
			    &parsed, key, options.value, &known, error) ||
			(!known &&
				!take_other_option(
					&parsed, key, options.value, error)))
			return false;
		if (parsed.mode != VERIFY_RUN)
			goto finish;
	}
	if (key == OPTION_ERROR)
		return false;
	if (!options_check_operands(&options, 0, error))
		return false;
	if (!check(&parsed, error))
		return false;

finish:
	*result = parsed;
	return true;
}
