/*
 * A backup_manifest, as the commands that keep backups read it: in pieces it
 * says what it says whole.
 */
#include "fuzz.h"

#include "archive/backup_manifest.h"

static bool
read_manifest(struct fuzz_source *source, struct backup_start *start)
{
	struct error error;

	if (!backup_manifest_read(start, fuzz_read, source, &error)) {
		fuzz_expect_error(&error);
		fuzz_expect(error.code == ERR_DAMAGED);
		return false;
	}
	fuzz_expect(start->timeline > 0);
	fuzz_expect(start->at != LSN_NONE);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_source whole = {{data, size}, 0};
	struct fuzz_source pieces = {{data, size}, 1};
	struct backup_start first;
	struct backup_start second;

	if (!read_manifest(&whole, &first)) {
		fuzz_expect(!read_manifest(&pieces, &second));
		return 0;
	}
	fuzz_expect(read_manifest(&pieces, &second));
	fuzz_expect(first.timeline == second.timeline &&
		first.at == second.at &&
		first.system_identifier == second.system_identifier);
	return 0;
}
