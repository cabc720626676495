#include "archive/backup_start.h"
#include "cmd/command.h"
#include "cmd/usage.h"
#include "cmd/verify_report.h"

static int
print_help(void)
{
	(void)printf("walfetch verify proves that what an archive holds is "
		     "whole.\n\nUsage:\n  walfetch verify [OPTION]...\n");
	options_print(stdout, verify_option_specs);
	return 0;
}

static int
print_version(void)
{
	(void)printf("walfetch %s\n", WALFETCH_VERSION);
	return 0;
}

/* What the status is named after. */
static void
set_verdict(const struct verify_report *report, const char *directory,
	struct error *error)
{
	enum error_code code = findings_code(report->findings);
	size_t faults = report->findings->faults;
	const char *noun = faults == 1 ? "fault" : "faults";

	error_clear(error);
	if (code == ERR_DIVERGED)
		error_set(error, code,
			"archive \"%s\" has segments of another cluster: %zu "
			"%s",
			directory, faults, noun);
	else if (code == ERR_DAMAGED)
		error_set(error, code, "archive \"%s\" is damaged: %zu %s",
			directory, faults, noun);
	else if (code == ERR_GAP) {
		error_set(error, code, "archive \"%s\" lacks files: %zu %s",
			directory, faults, noun);
		error_set_hint(error,
			"If WAL is lost for good, --accept-gap puts that on "
			"record.");
	} else if (!report->finished)
		error_set(error, ERR_STOPPED,
			"stopped before the end: %zu of %zu segments are "
			"verified",
			report->segments, report->files);
}

/* What was not looked at proves nothing: a stop is no success here. */
static int
exit_status(const struct error *error)
{
	return error_exit_status(
		error->code == ERR_STOPPED ? ERR_SYSTEM : error->code);
}

static void
warn(const struct verify_report *report, struct log *log)
{
	if (report->unknown > 0)
		log_warning(log,
			"%zu segments are of no known version of PostgreSQL; "
			"their records are not verified",
			report->unknown);
	if (report->vanished > 0)
		log_at(log, LOG_VERBOSE,
			"%zu files went away before they were read",
			report->vanished);
}

static bool
find_backup(struct verify_options *options, struct error *error)
{
	struct backup_start start;

	if (options->since_backup == NULL)
		return true;
	if (!backup_start_read(&start, options->since_backup, error))
		return false;
	options->config.scope.since_timeline = start.timeline;
	options->config.scope.since = start.at;
	options->config.scope.system_identifier = start.system_identifier;
	return true;
}

/* *error: why the command could not be carried out, or the verdict. */
static int
run(struct verify_options *options, struct log *log, struct error *error)
{
	struct verify_report report;
	struct stop stop;
	int status;

	options->config.progress_width =
		progress_option_width(options->progress, options->log_level);
	if (!find_backup(options, error) || !stop_begin(&stop, error))
		return exit_status(error);
	if (!verify_run(&report, &options->config, &stop, log, error)) {
		status = exit_status(error);
		goto finish;
	}
	warn(&report, log);
	set_verdict(&report, options->config.directory, error);
	status = exit_status(error);
	if (!verify_report_print(&report, options, status, error))
		status = exit_status(error);
	verify_report_free(&report);

finish:
	stop_end(&stop);
	return status;
}

int
cmd_verify(struct log *log, int argc, char **argv)
{
	struct verify_options options;
	struct error error;
	int status;

	if (!verify_options_parse(&options, argc, argv, &error)) {
		usage_hint("walfetch verify", &error);
		log_error(log, &error);
		return error_exit_status(error.code);
	}
	log->level = options.log_level;
	if (options.mode == VERIFY_HELP)
		return print_help();
	if (options.mode == VERIFY_VERSION)
		return print_version();
	status = run(&options, log, &error);
	if (error.code != ERR_NONE)
		log_error(log, &error);
	return status;
}
