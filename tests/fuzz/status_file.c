/*
 * The status file. What is read of one can be written and read again.
 */
#include "archive/status_file.h"

#include "scratch.h"

static void
write_and_take(const struct directory *directory,
	const struct receiver_status *status, struct text *content)
{
	struct error error;

	text_clear(content);
	fuzz_expect(status_file_write(directory, status, &error));
	fuzz_expect(durable_read_file(
		directory, STATUS_FILE_NAME, 1 << 20, content, &error));
}

static void
check(const struct directory *directory, const struct receiver_status *status)
{
	struct receiver_status again;
	struct error error;
	struct text first;
	struct text second;

	fuzz_expect(status->state < RECEIVER_STATES);
	fuzz_expect(strlen(status->failure) < sizeof(status->failure));
	fuzz_expect(strlen(status->slot) < sizeof(status->slot));
	text_init(&first);
	text_init(&second);
	write_and_take(directory, status, &first);
	fuzz_expect(status_file_read(directory, &again, &error));
	write_and_take(directory, &again, &second);
	fuzz_expect(strcmp(first.string, second.string) == 0);
	text_free(&first);
	text_free(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct directory *directory =
		scratch_create_with(STATUS_FILE_NAME, data, size);
	struct receiver_status status;
	struct error error;

	if (status_file_read(directory, &status, &error))
		check(directory, &status);
	else {
		fuzz_expect_error(&error);
		fuzz_expect(error.code == ERR_DAMAGED);
	}
	scratch_free(directory);
	return 0;
}
