/*
 * A directory of its own for one test; everything in it goes with it.
 */
#ifndef TEMPORARY_DIRECTORY_H
#define TEMPORARY_DIRECTORY_H

#include "archive/durable.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Setup for cmocka: *state becomes an open struct directory. */
static inline int
temporary_directory_setup(void **state)
{
	const char *parent = getenv("TMPDIR");
	struct directory *directory = malloc(sizeof(*directory));
	struct error error;
	char path[256];

	if (directory == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/walfetch-test-XXXXXX",
		parent != NULL ? parent : "/tmp");
	directory_init(directory);
	if (mkdtemp(path) == NULL || !directory_open(directory, path, &error)) {
		free(directory);
		return -1;
	}
	*state = directory;
	return 0;
}

/* The number of names in it, "." and ".." not counted. */
static inline int
temporary_directory_count(const struct directory *directory)
{
	DIR *stream = opendir(directory->path);
	int count = -2;

	if (stream == NULL)
		return -1;
	while (readdir(stream) != NULL)
		count++;
	(void)closedir(stream);
	return count;
}

static inline int
temporary_directory_teardown(void **state)
{
	struct directory *directory = *state;
	DIR *stream = opendir(directory->path);
	struct dirent *entry;

	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		(void)unlinkat(directory->fd, entry->d_name, 0);
		(void)unlinkat(directory->fd, entry->d_name, AT_REMOVEDIR);
	}
	if (stream != NULL)
		(void)closedir(stream);
	(void)rmdir(directory->path);
	directory_close(directory);
	free(directory);
	return 0;
}

/* A test that gets such a directory as its state. */
#define directory_test(function)                                             \
	cmocka_unit_test_setup_teardown(function, temporary_directory_setup, \
		temporary_directory_teardown)

#endif
