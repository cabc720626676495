/*
 * Runs a fuzz target with kept inputs: files, or folders full of them. A
 * folder that is not there is an empty one.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

static void
die(const char *path)
{
	perror(path);
	exit(1);
}

static void
replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size == 0 ? 1 : size);

	if (file == NULL || data == NULL || fread(data, 1, size, file) != size)
		die(path);
	(void)fclose(file);
	(void)fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static int replay(const char *path);

static int
replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int count = 0;

	if (folder == NULL)
		die(path);
	while ((entry = readdir(folder)) != NULL) {
		char inner[4096];

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(
			inner, sizeof(inner), "%s/%s", path, entry->d_name);
		count += replay(inner);
	}
	(void)closedir(folder);
	return count;
}

static int
replay(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0) {
		if (errno != ENOENT)
			die(path);
		return 0;
	}
	if (S_ISDIR(status.st_mode))
		return replay_folder(path);
	replay_file(path, (size_t)status.st_size);
	return 1;
}

int
main(int argc, char **argv)
{
	int count = 0;

	/* Nothing at all is an input, too. */
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		count += replay(argv[i]);
	printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
