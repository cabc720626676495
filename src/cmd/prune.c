#include "base/number.h"
#include "cmd/command.h"
#include "cmd/json_output.h"
#include "cmd/prune_options.h"
#include "cmd/standard_output.h"
#include "cmd/usage.h"
#include "prune/removal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECS_PER_DAY INT64_C(86400)

/* What a run works with. */
struct pruning {
	const struct prune_options *options;
	struct log *log;
	struct directory directory;
	struct inventory inventory;
	struct prune_backup *backups;
	struct prune_rules rules;
	struct prune_plan plan;
	size_t gone;
	json_t *names; /* of what went; NULL without --json */
	bool nameless; /* for some there was no memory */
};

static int
print_help(void)
{
	(void)printf("walfetch prune removes WAL from an archive that need not "
		     "be kept.\n\nUsage:\n  walfetch prune -D DIR RULE... "
		     "[OPTION]...\n\n");
	options_print(stdout, prune_option_specs);
	return 0;
}

static bool
read_backups(struct pruning *pruning, struct error *error)
{
	const struct prune_options *options = pruning->options;

	pruning->backups =
		calloc(options->backup_count + 1, sizeof(*pruning->backups));
	if (pruning->backups == NULL)
		return error_set_memory(error);
	for (size_t i = 0; i < options->backup_count; i++) {
		struct prune_backup *backup = &pruning->backups[i];

		backup->path = options->backups[i];
		if (!backup_start_read(&backup->start, backup->path, error))
			return false;
		log_at(pruning->log, LOG_VERBOSE,
			"backup \"%s\" begins at " LSN_FORMAT " on timeline %u",
			backup->path, LSN_ARGS(backup->start.at),
			backup->start.timeline);
	}
	pruning->rules.backups = pruning->backups;
	pruning->rules.backup_count = options->backup_count;
	return true;
}

static bool
check_backups(struct pruning *pruning, struct error *error)
{
	for (size_t i = 0; i < pruning->rules.backup_count; i++) {
		const struct prune_backup *backup = &pruning->backups[i];
		bool lacks;

		if (!prune_check_backup(
			    backup, &pruning->inventory, &lacks, error))
			return false;
		if (lacks)
			log_warning(pruning->log,
				"the archive begins later than backup \"%s\"",
				backup->path);
	}
	return true;
}

static bool
parse_before(struct pruning *pruning, struct error *error)
{
	const char *before = pruning->options->before;
	struct archive_name name;

	if (before == NULL)
		return true;
	archive_name_parse(
		&name, before, pruning->inventory.identity.segment_size);
	if (name.kind != NAME_SEGMENT && name.kind != NAME_PARTIAL)
		return error_set(error, ERR_USAGE,
			"\"%s\" is not the name of a segment of this archive",
			before);
	pruning->rules.by_segment = true;
	pruning->rules.from = name.number;
	return true;
}

static void
set_time(struct pruning *pruning)
{
	int64_t days = pruning->options->keep_days;

	pruning->rules.by_time = days > 0;
	pruning->rules.since = (int64_t)time(NULL) - days * SECS_PER_DAY;
}

static void
tell(void *context, const char *name)
{
	struct pruning *pruning = context;

	pruning->gone++;
	if (pruning->names != NULL)
		pruning->nameless =
			!json_append(pruning->names, json_string(name)) ||
			pruning->nameless;
	else if (pruning->options->log_level > LOG_QUIET)
		(void)puts(name);
}

static const char *
reason_text(enum prune_reason reason)
{
	switch (reason) {
	case PRUNE_NONE_STAYS:
		return "nothing stays";
	case PRUNE_BACKUP:
		return "a kept backup needs it";
	case PRUNE_TIME:
		return "it is not old enough";
	case PRUNE_SEGMENT:
		return "it does not come before the given one";
	case PRUNE_NEWEST:
		return "a receiver goes on from there";
	case PRUNE_ANCESTOR:
		return "older WAL on the way to it stays";
	case PRUNE_FORK:
		return "its timeline is later than that of any kept backup";
	}
	return "";
}

static const char *
reason_word(enum prune_reason reason)
{
	static const char *const words[] = {[PRUNE_BACKUP] = "backup",
		[PRUNE_TIME] = "days",
		[PRUNE_SEGMENT] = "before",
		[PRUNE_NEWEST] = "newest",
		[PRUNE_ANCESTOR] = "ancestor",
		[PRUNE_FORK] = "fork"};

	return words[reason];
}

/* The name of the first file that stays of a timeline; "" if none does. */
static void
first_staying(const struct pruning *pruning,
	const struct prune_timeline *timeline, char name[ARCHIVE_NAME_MAX])
{
	const struct inventory *inventory = &pruning->inventory;
	size_t index = timeline->row->first + timeline->going;

	name[0] = '\0';
	if (timeline->going < timeline->row->count)
		archive_name_format(name, &inventory->files[index].name,
			inventory->identity.segment_size);
}

static void
explain(const struct pruning *pruning, const struct prune_timeline *timeline)
{
	char name[ARCHIVE_NAME_MAX];

	if (timeline->row->count == 0)
		return;
	first_staying(pruning, timeline, name);
	log_at(pruning->log, LOG_VERBOSE,
		"timeline %u: %zu of %zu segment files may go",
		timeline->row->timeline, timeline->going, timeline->row->count);
	if (name[0] != '\0')
		log_at(pruning->log, LOG_VERBOSE, "\"%s\" stays: %s%s%s", name,
			reason_text(timeline->reason),
			timeline->backup != NULL ? ": " : "",
			timeline->backup != NULL ? timeline->backup : "");
}

static void
print_summary(const struct pruning *pruning)
{
	char size[SIZE_TEXT_MAX];

	size_format(size, pruning->plan.going_bytes);
	if (pruning->options->dry_run)
		log_at(pruning->log, LOG_NORMAL,
			"would remove %zu of %zu segment files, %s",
			pruning->gone, pruning->inventory.file_count, size);
	else if (pruning->gone == pruning->plan.going)
		log_at(pruning->log, LOG_NORMAL,
			"removed %zu of %zu segment files, %s", pruning->gone,
			pruning->inventory.file_count, size);
	else
		log_at(pruning->log, LOG_NORMAL,
			"removed %zu of the %zu segment files that may go",
			pruning->gone, pruning->plan.going);
}

static json_t *
timeline_to_json(
	const struct pruning *pruning, const struct prune_timeline *timeline)
{
	char name[ARCHIVE_NAME_MAX];

	first_staying(pruning, timeline, name);
	return json_pack("{s:I, s:I, s:I, s:s?, s:s?, s:s?}", "timeline",
		(json_int_t)timeline->row->timeline, "going",
		(json_int_t)timeline->going, "staying",
		(json_int_t)(timeline->row->count - timeline->going),
		"first_staying", name[0] != '\0' ? name : NULL, "reason",
		reason_word(timeline->reason), "backup", timeline->backup);
}

/* Takes the names over. */
static bool
print_json(struct pruning *pruning, struct error *error)
{
	json_t *timelines = json_array();
	json_t *object;
	bool ok = true;

	for (size_t i = 0; ok && i < pruning->inventory.timeline_count; i++)
		ok = json_append(timelines,
			timeline_to_json(pruning, &pruning->plan.timelines[i]));
	object = json_pack("{s:s, s:b, s:o, s:I, s:o}", "directory",
		pruning->options->directory, "dry_run",
		pruning->options->dry_run, "timelines",
		json_whole(timelines, ok), "going_bytes",
		(json_int_t)pruning->plan.going_bytes, "removed",
		json_whole(pruning->names, !pruning->nameless));
	pruning->names = NULL;
	return json_output(object, error);
}

/* What was removed is told even if the rest could not be. */
static bool
carry_out(struct pruning *pruning, struct error *error)
{
	const struct prune_listener listener = {tell, pruning};
	struct error report;
	struct stop stop;
	bool success;

	if (pruning->options->dry_run) {
		success = prune_remove(&pruning->plan, &pruning->directory,
			NULL, &listener, error);
	} else {
		if (!stop_begin(&stop, error))
			return false;
		success = prune_remove(&pruning->plan, &pruning->directory,
			&stop, &listener, error);
		stop_end(&stop);
	}
	if (pruning->names != NULL && !print_json(pruning, &report) &&
		success) {
		*error = report;
		success = false;
	}
	if (!standard_output_flush(&report) && success) {
		*error = report;
		success = false;
	}
	print_summary(pruning);
	return success;
}

static bool
run(struct pruning *pruning, struct error *error)
{
	const struct prune_options *options = pruning->options;

	if (!directory_open(&pruning->directory, options->directory, error) ||
		!read_backups(pruning, error) ||
		!inventory_read(
			&pruning->inventory, &pruning->directory, error) ||
		!inventory_measure(
			&pruning->inventory, &pruning->directory, error) ||
		!check_backups(pruning, error) ||
		(pruning->inventory.file_count > 0 &&
			!parse_before(pruning, error)))
		return false;
	set_time(pruning);
	if (options->json && (pruning->names = json_array()) == NULL)
		return error_set_memory(error);
	if (!prune_plan_make(&pruning->plan, &pruning->inventory,
		    &pruning->rules, error))
		return false;
	for (size_t i = 0; i < pruning->inventory.timeline_count; i++)
		explain(pruning, &pruning->plan.timelines[i]);
	return carry_out(pruning, error);
}

static bool
run_and_free(const struct prune_options *options, struct log *log,
	struct error *error)
{
	struct pruning pruning = {.options = options, .log = log};
	bool success;

	directory_init(&pruning.directory);
	success = run(&pruning, error);
	json_decref(pruning.names);
	prune_plan_free(&pruning.plan);
	inventory_free(&pruning.inventory);
	free(pruning.backups);
	directory_close(&pruning.directory);
	return success;
}

int
cmd_prune(struct log *log, int argc, char **argv)
{
	struct prune_options options;
	struct error error = {.code = ERR_NONE};
	bool success = false;

	if (!prune_options_parse(&options, argc, argv, &error)) {
		usage_hint("walfetch prune", &error);
		log_error(log, &error);
		return error_exit_status(error.code);
	}
	log->level = options.log_level;
	switch (options.mode) {
	case PRUNE_HELP:
		success = print_help() == 0;
		break;
	case PRUNE_VERSION:
		success = printf("walfetch %s\n", WALFETCH_VERSION) > 0;
		break;
	case PRUNE_RUN:
		success = run_and_free(&options, log, &error);
		break;
	}
	free(options.backups);
	if (success || error.code == ERR_STOPPED)
		return 0;
	log_error(log, &error);
	return error_exit_status(error.code);
}
