/*
 * A file that may be a backup: label or manifest, plain, compressed, in a tar
 * file or in a compressed one.
 */
#include "fuzz.h"

#include "archive/backup_start.h"

#include <sys/mman.h>
#include <unistd.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("backup", MFD_CLOEXEC);
	struct backup_start start;
	struct error error;
	char path[64];

	fuzz_expect(fd >= 0);
	fuzz_expect(write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (backup_start_read(&start, path, &error))
		fuzz_expect(start.at != LSN_NONE);
	else {
		fuzz_expect_error(&error);
		fuzz_expect(strstr(error.message, path) != NULL);
		fuzz_expect(error.code == ERR_DAMAGED ||
			error.code == ERR_NOT_FOUND);
	}
	(void)close(fd);
	return 0;
}
