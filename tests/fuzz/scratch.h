/*
 * scratch.h - a folder that holds one input as a file.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "fuzz.h"
#include "temporary_directory.h"

static inline struct directory *
scratch_create(void)
{
	void *state = NULL;
	struct directory *directory;

	fuzz_expect(temporary_directory_setup(&state) == 0);
	directory = state;
	directory->sync = false;
	return directory;
}

static inline struct directory *
scratch_create_with(const char *name, const uint8_t *data, size_t size)
{
	struct directory *directory = scratch_create();
	int fd = openat(directory->fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	fuzz_expect(fd >= 0);
	fuzz_expect(write(fd, data, size) == (ssize_t)size);
	(void)close(fd);
	return directory;
}

static inline void
scratch_free(struct directory *directory)
{
	void *state = directory;

	(void)temporary_directory_teardown(&state);
}

#endif
