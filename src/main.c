#include "base/arguments.h"
#include "cmd/command.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>

struct command {
	const char *name;
	int (*run)(struct log *log, int argc, char **argv);
	const char *summary;
};

static const struct command commands[] = {
	{"backup", cmd_backup, "take a base backup"},
	{"check", cmd_check, "tell whether a server and a directory are fit"},
	{"list", cmd_list, "show what an archive holds"},
	{"prune", cmd_prune, "remove WAL that need not be kept"},
	{"receive", cmd_receive, "stream WAL from a server into an archive"},
	{"restore", cmd_restore, "fetch one file, as a restore_command"},
	{"status", cmd_status,
		"show a running receiver and a leader's followers"},
	{"verify", cmd_verify, "prove what an archive holds"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int
print_help(void)
{
	(void)printf("walfetch keeps the write-ahead log of PostgreSQL "
		     "servers.\n\n"
		     "Usage:\n  walfetch COMMAND [OPTION]...\n\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		(void)printf(
			"  %-10s %s\n", commands[i].name, commands[i].summary);
	(void)printf("\nOptions:\n"
		     "  -V, --version  show the version, then exit\n"
		     "  -?, --help     show this help, then exit\n\n"
		     "\"walfetch COMMAND --help\" tells a command's "
		     "options.\n");
	return 0;
}

static int
usage_error(struct log *log, const char *word)
{
	struct error error;

	if (word == NULL)
		error_set(&error, ERR_USAGE, "no command given");
	else
		error_set(
			&error, ERR_USAGE, "unrecognized command \"%s\"", word);
	error_set_hint(&error, "Try \"walfetch --help\" for more information.");
	log_error(log, &error);
	return error_exit_status(error.code);
}

static int
run(int argc, char **argv)
{
	struct log log;
	const char *word = argc > 1 ? argv[1] : NULL;

	if (strcmp(base_name(argv[0]), "pg_receivewal") == 0) {
		log_init(&log, stderr, "pg_receivewal");
		return cmd_receive(&log, argc, argv);
	}

	log_init(&log, stderr, "walfetch");
	for (size_t i = 0; word != NULL && i < COMMANDS; i++)
		if (strcmp(word, commands[i].name) == 0)
			return commands[i].run(&log, argc - 1, argv + 1);
	if (word != NULL &&
		(strcmp(word, "--help") == 0 || strcmp(word, "-?") == 0))
		return print_help();
	if (word != NULL &&
		(strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)) {
		(void)printf("walfetch %s\n", WALFETCH_VERSION);
		return 0;
	}
	return usage_error(&log, word);
}

int
main(int argc, char **argv)
{
	char **arguments = arguments_take(argc, argv);
	int status;

	/* What is made is for its owner, until it is given to the group. */
	(void)umask(S_IRWXG | S_IRWXO);
	/* A server that hangs up is an error like any other. */
	(void)signal(SIGPIPE, SIG_IGN);
	status = run(argc, arguments != NULL ? arguments : argv);
	arguments_free(arguments);
	return status;
}
