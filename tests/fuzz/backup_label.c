/*
 * The text of a backup_label.
 */
#include "fuzz.h"

#include "archive/backup_label.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct backup_start start;
	struct error error;

	if (!backup_label_parse(&start, (const char *)data, size, &error)) {
		fuzz_expect_error(&error);
		fuzz_expect(error.code == ERR_DAMAGED);
		return 0;
	}
	fuzz_expect(start.at != LSN_NONE);
	fuzz_expect(start.system_identifier == 0);
	fuzz_expect(data[size - 1] == '\n');
	return 0;
}
