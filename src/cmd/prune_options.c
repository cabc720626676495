#include "cmd/prune_options.h"

#include "base/number.h"

#include <stdlib.h>

/* Some hundred years. */
#define KEEP_DAYS_MAX 36500

enum long_option {
	OPTION_KEEP_BACKUP = OPTION_LONG_ONLY,
	OPTION_KEEP_DAYS,
	OPTION_BEFORE,
	OPTION_DRY_RUN,
	OPTION_JSON,
	OPTION_QUIET
};

const struct option_spec prune_option_specs[] = {
	{0, NULL, NULL, "Options:"},
	{'D', "directory", "DIR", "the archive"},
	{0, NULL, NULL,
		"Rules; a segment goes only when every one given lets it go:"},
	{OPTION_KEEP_BACKUP, "keep-backup", "PATH",
		"keep what this base backup needs; PATH is a directory, tar\n"
		"file, backup_manifest, backup_label or .backup file, and\n"
		"more of them may follow as arguments"},
	{OPTION_KEEP_DAYS, "keep-days", "N",
		"keep what was written in the last N days"},
	{OPTION_BEFORE, "before", "SEGMENT",
		"keep this segment and those after it"},
	{0, NULL, NULL, "Output:"},
	{OPTION_DRY_RUN, "dry-run", NULL,
		"show what would go, and remove nothing"},
	{OPTION_JSON, "json", NULL, "print a JSON object"},
	{'v', "verbose", NULL, "say what is kept, and why"},
	{OPTION_QUIET, "quiet", NULL, "say nothing but errors"},
	{'V', "version", NULL, "show the version, then exit"},
	{'?', "help", NULL, "show this help, then exit"},
	{0, NULL, NULL, NULL},
};

static bool
take_option(struct prune_options *options, int key, const char *value,
	struct error *error)
{
	switch (key) {
	case 'D':
		options->directory = value;
		return true;
	case OPTION_KEEP_BACKUP:
		options->backups[options->backup_count++] = value;
		return true;
	case OPTION_KEEP_DAYS:
		return number_parse(value, "--keep-days", 1, KEEP_DAYS_MAX,
			&options->keep_days, error);
	case OPTION_BEFORE:
		options->before = value;
		return true;
	case OPTION_DRY_RUN:
		options->dry_run = true;
		return true;
	case OPTION_JSON:
		options->json = true;
		return true;
	case OPTION_QUIET:
		options->log_level = LOG_QUIET;
		return true;
	case 'v':
		options->log_level = log_level_raise(options->log_level);
		return true;
	case 'V':
		options->mode = PRUNE_VERSION;
		return true;
	case '?':
		options->mode = PRUNE_HELP;
		return true;
	default:
		return error_set(error, ERR_USAGE, "unrecognized option");
	}
}

/* A shell makes arguments of what --keep-backup DIR/... stands for. */
static bool
take_operands(struct prune_options *options, const struct options *parsed,
	struct error *error)
{
	int next = parsed->operand;

	if (options->backup_count == 0 &&
		!options_check_operands(parsed, 0, error))
		return false;
	while (next < parsed->argc)
		options->backups[options->backup_count++] =
			parsed->argv[next++];
	return true;
}

static bool
check(const struct prune_options *options, struct error *error)
{
	if (options->directory == NULL)
		return error_set(error, ERR_USAGE, "no directory specified");
	if (options->backup_count > 0 || options->keep_days > 0 ||
		options->before != NULL)
		return true;
	error_set(error, ERR_USAGE, "no rule says what may go");
	return error_set_hint(error,
		"Use --keep-backup, --keep-days or --before; without a rule "
		"everything stays.");
}

static bool
parse(struct prune_options *result, struct options *options,
	struct error *error)
{
	int key;

	while ((key = options_next(options, error)) >= 0) {
		if (!take_option(result, key, options->value, error))
			return false;
		if (result->mode != PRUNE_RUN)
			return true;
	}
	return key != OPTION_ERROR && take_operands(result, options, error) &&
		check(result, error);
}

bool
prune_options_parse(struct prune_options *result, int argc, char **argv,
	struct error *error)
{
	struct options options = {
		.specs = prune_option_specs,
		.argc = argc,
		.argv = argv,
	};
	struct prune_options made = {.log_level = LOG_NORMAL};

	made.backups = calloc((size_t)argc, sizeof(*made.backups));
	if (made.backups == NULL)
		return error_set_memory(error);
	if (!parse(&made, &options, error)) {
		free(made.backups);
		return false;
	}
	*result = made;
	return true;
}
