#include "verify/verify.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/rate.h"
#include "verify/crew.h"
#include "verify/losses.h"

#include <inttypes.h>
#include <string.h>

/* How soon a signal and the end of the work are seen. */
#define WAIT_US (USECS_PER_SEC / 10)
#define PROGRESS_US (USECS_PER_SEC / 2)

/* What all steps work on. */
struct run {
	const struct verify_config *config;
	const struct stop *stop;
	struct log *log;
	struct directory directory;
	struct inventory inventory;
	struct scope scope;
	struct tally tally;
	size_t files;
};

static void
show_progress(struct run *run, struct rate *rate, struct text *line)
{
	uint64_t all =
		(uint64_t)run->files * run->inventory.identity.segment_size;
	uint64_t done = atomic_load(&run->tally.bytes);
	size_t faults = findings_faults(run->tally.findings);
	char speed[SIZE_TEXT_MAX];

	rate_update(rate, clock_monotonic_us(), done);
	size_format(speed, (uint64_t)rate->per_second);
	text_clear(line);
	text_printf(line, "%3.0f %%, %zu of %zu segments, %s/s, %zu %s",
		all == 0 ? 0 : 100.0 * (double)done / (double)all,
		tally_done(&run->tally), run->files, speed, faults,
		faults == 1 ? "fault" : "faults");
	if (all > done)
		rate_append_left(rate, all - done, line);
	text_truncate(line, (size_t)run->config->progress_width - 1);
	log_progress(run->log, line->string);
}

static void
supervise(struct run *run, struct crew *crew)
{
	int64_t due_us = run->config->progress_width > 0 ? clock_monotonic_us()
							 : CLOCK_NEVER;
	struct rate rate;
	struct text line;

	rate_init(&rate);
	text_init(&line);
	do {
		if (stop_requested(run->stop))
			atomic_store(&run->tally.stop, true);
		if (clock_monotonic_us() >= due_us) {
			show_progress(run, &rate, &line);
			due_us += PROGRESS_US;
		}
	} while (!crew_wait(crew, WAIT_US));
	log_progress_end(run->log);
	text_free(&line);
}

static bool
read_files(struct run *run, struct error *error)
{
	const struct crew_task task = {
		&run->directory, &run->inventory, &run->scope, &run->tally};
	struct crew *crew;

	run->files = crew_files(&task);
	if (run->files == 0)
		return error_set(error, ERR_NOT_FOUND,
			"archive \"%s\" holds no WAL that was to be verified",
			run->config->directory);
	if (!crew_create(&crew, &task, run->config->jobs, error))
		return false;
	supervise(run, crew);
	return crew_free(crew, error);
}

/* Names that no segment of this size can have. */
static bool
add_odd_names(struct run *run, struct error *error)
{
	const struct inventory *inventory = &run->inventory;

	for (size_t i = 0; i < inventory->odd_count; i++) {
		struct finding finding = {.kind = FINDING_DAMAGE};

		memcpy(finding.file, inventory->odd[i], ARCHIVE_NAME_MAX);
		if (!findings_add(run->tally.findings, &finding, error,
			    "no segment of %" PRIu32
			    " bytes can have this name",
			    inventory->identity.segment_size))
			return false;
	}
	return true;
}

/* Segments that have several complete files. */
static bool
add_twice(struct run *run, struct error *error)
{
	const struct inventory *inventory = &run->inventory;
	uint32_t size = inventory->identity.segment_size;

	for (size_t i = 1; i < inventory->file_count; i++) {
		const struct archive_name *first =
			&inventory->files[i - 1].name;
		const struct archive_name *name = &inventory->files[i].name;
		struct finding finding = {
			.kind = FINDING_TWICE,
			.timeline = name->timeline,
			.at = name->number * size,
		};
		char other[ARCHIVE_NAME_MAX];

		if (first->kind != NAME_SEGMENT || name->kind != NAME_SEGMENT ||
			first->timeline != name->timeline ||
			first->number != name->number ||
			!scope_has(&run->scope, name->timeline, finding.at,
				finding.at + size))
			continue;
		archive_name_format(finding.file, name, size);
		archive_name_format(other, first, size);
		if (!findings_add(run->tally.findings, &finding, error,
			    "the segment is there as \"%s\", too", other))
			return false;
	}
	return true;
}

static bool
examine(struct run *run, struct error *error)
{
	const struct verify_config *config = run->config;
	const struct losses_wanted losses = {&run->directory, &run->inventory,
		&run->scope, config->accept_gap};

	if (config->scope.modified != 0 &&
		!inventory_measure(&run->inventory, &run->directory, error))
		return false;
	if (!scope_make(&run->scope, &run->inventory, &config->scope, error) ||
		!read_files(run, error) || !add_odd_names(run, error) ||
		!add_twice(run, error))
		return false;
	return atomic_load(&run->tally.stop) ||
		losses_find(&losses, &run->tally, error);
}

static void
make_report(struct verify_report *report, struct run *run, int64_t begun_us)
{
	struct tally *tally = &run->tally;

	*report = (struct verify_report){
		.identity = run->inventory.identity,
		.findings = tally->findings,
		.finished = !atomic_load(&tally->stop),
		.files = run->files,
		.segments = tally->segments,
		.unknown = tally->unknown,
		.vanished = tally->vanished,
		.bytes = atomic_load(&tally->bytes),
		.records = tally->records,
		.duration_us = clock_monotonic_us() - begun_us,
	};
	tally->findings = NULL;
	findings_sort(report->findings);
}

bool
verify_run(struct verify_report *report, const struct verify_config *config,
	const struct stop *stop, struct log *log, struct error *error)
{
	int64_t begun_us = clock_monotonic_us();
	struct run run = {.config = config, .stop = stop, .log = log};
	bool success;

	if (!tally_init(&run.tally, error))
		return false;
	directory_init(&run.directory);
	success = directory_open(&run.directory, config->directory, error) &&
		inventory_read(&run.inventory, &run.directory, error) &&
		examine(&run, error);
	if (success)
		make_report(report, &run, begun_us);
	scope_free(&run.scope);
	inventory_free(&run.inventory);
	directory_close(&run.directory);
	tally_free(&run.tally);
	return success;
}

void
verify_report_free(struct verify_report *report)
{
	findings_free(report->findings);
}
