/*
 * An archive of WAL that the tests make, and its verification.
 */
#ifndef VERIFY_ARCHIVE_H
#define VERIFY_ARCHIVE_H

#include "archive_files.h"
#include "verify/verify.h"
#include "wal_builder.h"

#define SIZE WAL_BUILDER_SEGMENT
#define FIRST 5 /* the number of the first segment */

/* "TTTTTTTT", the number, the codec's suffix and perhaps ".partial". */
static inline void
segment_file(char name[ARCHIVE_NAME_MAX], uint32_t timeline, uint64_t number,
	enum codec codec, enum archive_name_kind kind)
{
	const struct archive_name parsed = {kind, timeline, number, codec};

	archive_name_format(name, &parsed, SIZE);
}

/* Store a whole segment of what was built; zeros beyond that. */
static inline void
store_as(const struct directory *directory, struct wal_builder *b,
	const struct archive_name *name)
{
	char file[ARCHIVE_NAME_MAX];

	archive_name_format(file, name, SIZE);
	file_encode(directory, file, name->codec,
		wal_builder_at(b, name->number * SIZE), SIZE);
}

static inline void
store(const struct directory *directory, struct wal_builder *b, uint64_t number)
{
	const struct archive_name name = {
		NAME_SEGMENT, b->timeline, number, CODEC_NONE};

	store_as(directory, b, &name);
}

static inline void
store_open(const struct directory *directory, struct wal_builder *b,
	uint64_t number)
{
	const struct archive_name name = {
		NAME_PARTIAL, b->timeline, number, CODEC_NONE};

	store_as(directory, b, &name);
}

static inline void
store_history(const struct directory *directory, uint32_t timeline,
	const char *content)
{
	char name[HISTORY_NAME_LEN + 1];

	history_name_format(name, timeline);
	file_store(directory, name, content, strlen(content));
}

static inline struct verify_config
config_of(const struct directory *directory)
{
	return (struct verify_config){
		.directory = directory->path,
		.scope = {.to = LSN_MAX},
		.jobs = 2,
	};
}

static inline bool
try_to_verify(const struct verify_config *config, struct verify_report *report,
	struct error *error)
{
	FILE *stream = fopen("/dev/null", "w");
	struct stop stop;
	struct log log;
	bool success;
	int fds[2];

	assert_non_null(stream);
	assert_int_equal(pipe(fds), 0);
	stop = (struct stop){.fd = fds[0], .write_fd = fds[1]};
	log_init(&log, stream, "test");
	success = verify_run(report, config, &stop, &log, error);
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)fclose(stream);
	return success;
}

/* The caller frees the report. */
static inline struct verify_report
verify(const struct verify_config *config)
{
	struct verify_report report;
	struct error error;
	bool success = try_to_verify(config, &report, &error);

	if (!success)
		print_message("%s\n", error.message);
	assert_true(success);
	assert_true(report.finished);
	return report;
}

static inline struct verify_report
verify_all(const struct directory *directory)
{
	const struct verify_config config = config_of(directory);

	return verify(&config);
}

static inline void
print_findings(const struct verify_report *report)
{
	for (size_t i = 0; i < report->findings->count; i++) {
		const struct finding *finding = &report->findings->items[i];

		print_message("%d %s %s\n", (int)finding->kind, finding->file,
			finding->message);
	}
}

/* Nothing at all is found. */
static inline void
assert_clean(const struct directory *directory, size_t segments)
{
	struct verify_report report = verify_all(directory);

	print_findings(&report);
	assert_int_equal(report.findings->count, 0);
	assert_int_equal(report.segments, segments);
	verify_report_free(&report);
}

/* One thing is found, of this kind, with this file ("": none) and message. */
static inline void
assert_finding(const struct verify_report *report, enum finding_kind kind,
	const char *file, const char *message)
{
	const struct finding *finding = report->findings->items;

	if (report->findings->count != 1 ||
		strstr(finding->message, message) == NULL)
		print_findings(report);
	assert_int_equal(report->findings->count, 1);
	assert_int_equal(finding->kind, kind);
	assert_string_equal(finding->file, file);
	assert_non_null(strstr(finding->message, message));
}

static inline void
assert_found(const struct directory *directory, enum finding_kind kind,
	const char *file, const char *message)
{
	struct verify_report report = verify_all(directory);

	assert_finding(&report, kind, file, message);
	verify_report_free(&report);
}

#endif
