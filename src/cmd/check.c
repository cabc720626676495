#include "check/check.h"
#include "base/memory.h"
#include "base/stop.h"
#include "cmd/command.h"
#include "cmd/connection_options.h"
#include "cmd/standard_output.h"
#include "cmd/usage.h"

#include <pwd.h>
#include <unistd.h>

enum long_option {
	OPTION_JSON = OPTION_LONG_ONLY,
	OPTION_QUIET
};

static const struct option_spec specs[] = {
	{0, NULL, NULL, "Options:"},
	{'D', "directory", "DIR", "check this directory, too: the archive"},
	{'S', "slot", "NAME", "check this replication slot, too"},
	{OPTION_JSON, "json", NULL, "print JSON"},
	{'v', "verbose", NULL, "say more; twice: for verdict faults"},
	{OPTION_QUIET, "quiet", NULL, "show only what is not ok"},
	{'V', "version", NULL, "show the version, then exit"},
	{'?', "help", NULL, "show this help, then exit"},
	{0, NULL, NULL, "Connection options:"},
	CONNECTION_OPTION_ROWS,
	{0, NULL, NULL, NULL},
};

enum check_mode {
	CHECK_RUN,
	CHECK_HELP,
	CHECK_VERSION
};

struct check_options {
	enum check_mode mode;
	struct check_config config;
	bool json;
	enum log_level log_level;
	struct connection_options connection;
};

static bool
take_option(struct check_options *options, int key, const char *value,
	struct error *error)
{
	switch (key) {
	case 'D':
		options->config.directory = value;
		return true;
	case 'S':
		options->config.slot = value;
		return true;
	case OPTION_JSON:
		options->json = true;
		return true;
	case OPTION_QUIET:
		options->log_level = LOG_QUIET;
		return true;
	case 'v':
		options->log_level = log_level_raise(options->log_level);
		return true;
	case 'V':
		options->mode = CHECK_VERSION;
		return true;
	case '?':
		options->mode = CHECK_HELP;
		return true;
	default:
		return error_set(error, ERR_USAGE, "unrecognized option");
	}
}

static bool
parse(struct check_options *result, int argc, char **argv, struct error *error)
{
	struct options line = {.specs = specs, .argc = argc, .argv = argv};
	struct check_options options = {.log_level = LOG_NORMAL};
	bool known;
	int key;

	connection_options_init(&options.connection);
	while (options.mode == CHECK_RUN &&
		(key = options_next(&line, error)) != OPTION_END)
		if (key == OPTION_ERROR ||
			!connection_option_take(&options.connection, key,
				line.value, &known, error) ||
			(!known &&
				!take_option(&options, key, line.value, error)))
			return false;
	if (options.mode == CHECK_RUN &&
		!options_check_operands(&line, 0, error))
		return false;
	*result = options;
	return true;
}

static const char *
os_user(void)
{
	const struct passwd *entry = getpwuid(geteuid());

	return entry == NULL ? "" : entry->pw_name;
}

static bool
print(const struct check_options *options, const struct verdicts *verdicts,
	struct error *error)
{
	struct text text;
	bool ok = true;

	if (verdicts->failed)
		return error_set_memory(error);
	text_init(&text);
	if (options->json)
		ok = verdicts_json(verdicts, &text, error);
	else
		verdicts_print(
			verdicts, options->log_level == LOG_QUIET, &text);
	if (ok && text.failed)
		ok = error_set_memory(error);
	if (ok) {
		(void)fputs(text.string, stdout);
		ok = standard_output_flush(error);
	}
	text_free(&text);
	return ok;
}

/* *code: what the verdicts come to. */
static bool
run_check(struct check_options *options, struct log *log, enum error_code *code,
	struct error *error)
{
	struct server *server = NULL;
	struct verdicts verdicts;
	struct stop stop;
	bool ok;

	memory_bound(CONNECTION_MEMORY, CONNECTION_THREADS);
	if (!stop_begin(&stop, error))
		return false;
	verdicts_init(&verdicts);
	options->config.stop_fd = stop.fd;
	options->config.os_user = os_user();
	options->config.receiver = log->program;
	options->connection.server.stop_fd = stop.fd;
	options->connection.server.application = "walfetch check";
	ok = server_create(&server, &options->connection.server, error);
	/* Why it was waited for in vain is a verdict. */
	if (ok && !await_server(server, &options->connection, log, error))
		ok = error->code != ERR_STOPPED && error->code != ERR_USAGE;
	ok = ok && check_run(&options->config, server, &verdicts, error) &&
		print(options, &verdicts, error);
	*code = verdicts_code(&verdicts);
	verdicts_free(&verdicts);
	server_free(server);
	stop_end(&stop);
	return ok;
}

static int
print_help(void)
{
	(void)printf("walfetch check tells whether a server and a directory "
		     "are fit for walfetch.\n\nUsage:\n"
		     "  walfetch check [OPTION]...\n");
	options_print(stdout, specs);
	return 0;
}

int
cmd_check(struct log *log, int argc, char **argv)
{
	struct check_options options;
	enum error_code code = ERR_NONE;
	struct error error;

	if (!parse(&options, argc, argv, &error)) {
		usage_hint("walfetch check", &error);
		log_error(log, &error);
		return error_exit_status(error.code);
	}
	log->level = options.log_level;
	if (options.mode == CHECK_HELP)
		return print_help();
	if (options.mode == CHECK_VERSION) {
		(void)printf("walfetch %s\n", WALFETCH_VERSION);
		return 0;
	}
	if (run_check(&options, log, &code, &error))
		return error_exit_status(code);
	if (error.code != ERR_STOPPED)
		log_error(log, &error);
	return error_exit_status(error.code);
}
