/*
 * The record of gaps. One that is read takes one more, and then has it.
 */
#include "archive/gap_record.h"

#include "scratch.h"

static void
check(const struct directory *directory, size_t count)
{
	const struct gap gap = {3, 0x2000000, 0x5000000};
	struct gap *gaps;
	struct error error;
	size_t after;
	bool accepted;

	if (!gap_record_add(directory, &gap, &error)) {
		fuzz_expect_error(&error);
		return;
	}
	fuzz_expect(gap_record_read(directory, &gaps, &after, &error));
	fuzz_expect(after == count || after == count + 1);
	free(gaps);
	fuzz_expect(
		gap_record_find(directory, 3, 0x2000000, &accepted, &error) &&
		accepted);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct directory *directory =
		scratch_create_with(GAP_FILE_NAME, data, size);
	struct gap *gaps = NULL;
	struct error error;
	size_t count = 0;
	bool accepted;

	if (gap_record_read(directory, &gaps, &count, &error)) {
		fuzz_expect(gap_record_find(
			directory, 1, 0x1000000, &accepted, &error));
		check(directory, count);
	} else {
		fuzz_expect_error(&error);
		fuzz_expect(!gap_record_find(
			directory, 1, 0x1000000, &accepted, &error));
	}
	free(gaps);
	scratch_free(directory);
	return 0;
}
