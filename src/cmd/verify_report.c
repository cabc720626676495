#include "cmd/verify_report.h"

#include "base/clock.h"
#include "base/number.h"
#include "cmd/json_output.h"
#include "cmd/standard_output.h"

#include <inttypes.h>

/* "XXXXXXXX/XXXXXXXX" and a terminator. */
#define LSN_TEXT_MAX 18

static const char *
kind_name(enum finding_kind kind)
{
	switch (kind) {
	case FINDING_DAMAGE:
		return "damage";
	case FINDING_CLUSTER:
		return "cluster";
	case FINDING_GAP:
		return "gap";
	case FINDING_HISTORY:
		return "history";
	case FINDING_ACCEPTED_GAP:
		return "accepted gap";
	case FINDING_TWICE:
		return "twice";
	}
	return "";
}

static void
print_finding(const struct finding *finding)
{
	(void)printf("%s: ", kind_name(finding->kind));
	if (finding->file[0] != '\0')
		(void)printf("%s: ", finding->file);
	if (finding->file[0] != '\0' && finding->at != LSN_NONE &&
		(finding->kind == FINDING_DAMAGE ||
			finding->kind == FINDING_CLUSTER))
		(void)printf("at " LSN_FORMAT ": ", LSN_ARGS(finding->at));
	(void)printf("%s\n", finding->message);
}

static void
print_summary(const struct verify_report *report)
{
	double seconds = (double)report->duration_us / (double)USECS_PER_SEC;
	size_t faults = report->findings->faults;
	char size[SIZE_TEXT_MAX];
	char speed[SIZE_TEXT_MAX];

	size_format(size, report->bytes);
	size_format(speed,
		seconds > 0 ? (uint64_t)((double)report->bytes / seconds) : 0);
	(void)printf("verified %zu of %zu segments: %s, %" PRIu64
		     " records, in %.1f s (%s/s)\n",
		report->segments, report->files, size, report->records, seconds,
		speed);
	if (faults == 0)
		(void)printf("no fault was found\n");
	else
		(void)printf("%zu %s\n", faults,
			faults == 1 ? "fault was found" : "faults were found");
}

static void
print_text(const struct verify_report *report, bool quiet)
{
	for (size_t i = 0; i < report->findings->count; i++) {
		const struct finding *finding = &report->findings->items[i];

		if (!quiet || finding_is_fault(finding->kind))
			print_finding(finding);
	}
	if (!quiet)
		print_summary(report);
}

/* An LSN as a JSON string; null for none. */
static json_t *
lsn_json(lsn at)
{
	char text[LSN_TEXT_MAX];

	if (at == LSN_NONE)
		return json_null();
	(void)snprintf(text, sizeof(text), LSN_FORMAT, LSN_ARGS(at));
	return json_string(text);
}

static json_t *
finding_json(const struct finding *finding)
{
	return json_pack("{s:s, s:b, s:s*, s:o, s:o, s:o, s:s}", "kind",
		kind_name(finding->kind), "fault",
		finding_is_fault(finding->kind), "file",
		finding->file[0] == '\0' ? NULL : finding->file, "timeline",
		finding->timeline == 0 ? json_null()
				       : json_integer(finding->timeline),
		"lsn", lsn_json(finding->at), "end", lsn_json(finding->end),
		"message", finding->message);
}

static json_t *
findings_json(const struct findings *findings)
{
	json_t *array = json_array();

	for (size_t i = 0; array != NULL && i < findings->count; i++)
		if (json_array_append_new(
			    array, finding_json(&findings->items[i])) != 0) {
			json_decref(array);
			array = NULL;
		}
	return array;
}

static json_t *
report_json(
	const struct verify_report *report, const char *directory, int status)
{
	char system_identifier[24];

	(void)snprintf(system_identifier, sizeof(system_identifier), "%" PRIu64,
		report->identity.system_identifier);
	return json_pack(
		"{s:s, s:s, s:I, s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:f, "
		"s:I, s:o}",
		"archive", directory, "system_identifier", system_identifier,
		"segment_size", (json_int_t)report->identity.segment_size,
		"status", status, "finished", report->finished, "selected",
		(json_int_t)report->files, "verified",
		(json_int_t)report->segments, "vanished",
		(json_int_t)report->vanished, "unknown_version",
		(json_int_t)report->unknown, "bytes", (json_int_t)report->bytes,
		"records", (json_int_t)report->records, "seconds",
		(double)report->duration_us / (double)USECS_PER_SEC, "faults",
		(json_int_t)report->findings->faults, "findings",
		findings_json(report->findings));
}

bool
verify_report_print(const struct verify_report *report,
	const struct verify_options *options, int status, struct error *error)
{
	if (!options->json)
		print_text(report, options->log_level == LOG_QUIET);
	else if (!json_output(
			 report_json(report, options->config.directory, status),
			 error))
		return false;
	return standard_output_flush(error);
}
