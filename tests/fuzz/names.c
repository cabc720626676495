/*
 * A segment size, as a power of two in one byte, and the name of a file. What
 * is taken for one of our names is written in that way only.
 */
#include "fuzz.h"

#include "archive/archive_name.h"
#include "restore/request.h"
#include "wal/lsn.h"

static void
check_segment(const char *name, uint32_t segment_size)
{
	char made[SEGMENT_NAME_LEN + 1];
	uint32_t timeline;
	uint64_t number;

	if (!segment_name_parse(name, segment_size, &timeline, &number))
		return;
	segment_name_format(made, timeline, number, segment_size);
	fuzz_expect(strncmp(made, name, SEGMENT_NAME_LEN) == 0);
}

static void
check_archive(const char *name, uint32_t segment_size)
{
	char made[ARCHIVE_NAME_MAX];
	char temporary[ARCHIVE_NAME_MAX];
	struct archive_name parsed;

	archive_name_parse(&parsed, name, segment_size);
	switch (parsed.kind) {
	case NAME_SEGMENT:
	case NAME_PARTIAL:
		archive_name_format(made, &parsed, segment_size);
		break;
	case NAME_HISTORY:
		history_name_format(made, parsed.timeline);
		break;
	case NAME_TEMPORARY:
		fuzz_expect(name[0] == '.');
		return;
	case NAME_OTHER:
		return;
	}
	fuzz_expect(strcmp(made, name) == 0);
	archive_name_temporary(temporary, name);
	archive_name_parse(&parsed, temporary, segment_size);
	fuzz_expect(parsed.kind == NAME_TEMPORARY);
}

/* What PostgreSQL asks for is a name, never a path. */
static void
check_request(const char *name)
{
	struct restore_request request;
	struct error error;

	if (!restore_request_open(&request, name, "RECOVERYXLOG", &error)) {
		fuzz_expect_error(&error);
		return;
	}
	fuzz_expect(strchr(name, '/') == NULL && name[0] != '.');
	restore_request_close(&request);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint32_t segment_size = WAL_SEGMENT_SIZE_MIN << fuzz_byte(&input) % 11;
	char *name = fuzz_string(&input);

	check_segment(name, segment_size);
	check_archive(name, segment_size);
	check_request(name);
	free(name);
	return 0;
}
