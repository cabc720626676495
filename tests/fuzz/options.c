/*
 * The command line of one of the commands, an argument a line.
 */
#include "fuzz.h"

#include "cmd/backup_options.h"
#include "cmd/prune_options.h"
#include "cmd/receive_options.h"
#include "cmd/verify_options.h"

#include <getopt.h>

#define ARGUMENTS_MAX 64

static bool
parse_receive(int argc, char **argv, struct error *error)
{
	struct receive_options options;

	return receive_options_parse(&options, argc, argv, error);
}

static bool
parse_backup(int argc, char **argv, struct error *error)
{
	struct backup_options options;
	bool ok = backup_options_parse(&options, argc, argv, error);

	backup_options_free(&options);
	return ok;
}

static bool
parse_prune(int argc, char **argv, struct error *error)
{
	struct prune_options options = {.backups = NULL};
	bool ok = prune_options_parse(&options, argc, argv, error);

	if (ok)
		free(options.backups);
	return ok;
}

static bool
parse_verify(int argc, char **argv, struct error *error)
{
	struct verify_options options;

	return verify_options_parse(&options, argc, argv, error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool (*const parsers[])(int, char **, struct error *) = {
		parse_receive, parse_backup, parse_prune, parse_verify};
	struct fuzz_input input = {data, size};
	unsigned command = fuzz_byte(&input) % 4;
	char *lines = fuzz_string(&input);
	char *argv[ARGUMENTS_MAX + 2] = {lines + input.left};
	char *rest = lines;
	struct error error;
	int argc = 1;

	while (rest != NULL && argc <= ARGUMENTS_MAX)
		argv[argc++] = strsep(&rest, "\n");
	/* glibc: begin anew, with whatever order was meant before. */
	optind = 0;
	if (!parsers[command](argc, argv, &error)) {
		fuzz_expect_error(&error);
		fuzz_expect(error.code == ERR_USAGE);
	}
	free(lines);
	return 0;
}
