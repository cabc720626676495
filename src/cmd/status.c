#include "base/clock.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/stop.h"
#include "cmd/command.h"
#include "cmd/connection_options.h"
#include "cmd/standard_output.h"
#include "cmd/usage.h"
#include "status/leader_view.h"
#include "status/screen.h"
#include "status/trend.h"
#include "status/view_json.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define WATCH_SECS 2

enum long_option {
	OPTION_EXPLAIN = OPTION_LONG_ONLY,
	OPTION_WATCH,
	OPTION_JSON,
	OPTION_QUIET
};

static const struct option_spec specs[] = {
	{0, NULL, NULL, "Options:"},
	{'D', "directory", "DIR", "show the receiver of this archive"},
	{OPTION_EXPLAIN, "explain", NULL,
		"say what each state and column means, and what is wrong"},
	{OPTION_WATCH, "watch", "[SECS]",
		"show it again and again until stopped (default: 2)"},
	{OPTION_JSON, "json", NULL, "print JSON, a line each time"},
	{'v', "verbose", NULL, "say more; twice: for finding faults"},
	{OPTION_QUIET, "quiet", NULL, "say nothing but errors"},
	{'V', "version", NULL, "show the version, then exit"},
	{'?', "help", NULL, "show this help, then exit"},
	{0, NULL, NULL, "Connection options, to show the leader's view:"},
	CONNECTION_OPTION_ROWS,
	{0, NULL, NULL, NULL},
};

enum status_mode {
	STATUS_SHOW,
	STATUS_HELP,
	STATUS_VERSION
};

struct status_options {
	enum status_mode mode;
	const char *directory; /* NULL: none */
	bool leader;	       /* a server was named */
	bool explain;
	bool json;
	int64_t watch_us; /* 0: once */
	enum log_level log_level;
	struct connection_options connection;
};

/* One run: what stays from page to page. */
struct status_run {
	const struct status_options *options;
	struct server *server; /* NULL: none was named */
	bool utf8;
	struct trend archive_trend;
	struct trend leader_trend;
	struct error failure; /* why the page is not whole; ERR_NONE: it is */
};

static bool
take_option(struct status_options *options, int key, const char *value,
	struct error *error)
{
	int64_t seconds = WATCH_SECS;

	switch (key) {
	case 'D':
		options->directory = value;
		return true;
	case OPTION_EXPLAIN:
		options->explain = true;
		return true;
	case OPTION_WATCH:
		if (value != NULL &&
			!number_parse(value, "--watch", 1, INT_MAX / 1000,
				&seconds, error))
			return false;
		options->watch_us = seconds * USECS_PER_SEC;
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
		options->mode = STATUS_VERSION;
		return true;
	case '?':
		options->mode = STATUS_HELP;
		return true;
	default:
		return error_set(error, ERR_USAGE, "unrecognized option");
	}
}

static bool
check_options(const struct status_options *options, const struct options *line,
	struct error *error)
{
	if (!options_check_operands(line, 0, error))
		return false;
	if (options->directory == NULL && !options->leader)
		return error_set(error, ERR_USAGE,
			"neither an archive nor a server is named: use -D, or "
			"-d, -h, -p or -U");
	return true;
}

static bool
parse(struct status_options *result, int argc, char **argv, struct error *error)
{
	struct options line = {.specs = specs, .argc = argc, .argv = argv};
	struct status_options options = {.log_level = LOG_NORMAL};
	bool known;
	int key;

	connection_options_init(&options.connection);
	options.connection.server.plain = true;
	while (options.mode == STATUS_SHOW &&
		(key = options_next(&line, error)) != OPTION_END) {
		if (key == OPTION_ERROR ||
			!connection_option_take(&options.connection, key,
				line.value, &known, error) ||
			(!known &&
				!take_option(&options, key, line.value, error)))
			return false;
		if (known && strchr("dhpU", key) != NULL)
			options.leader = true;
	}
	if (options.mode == STATUS_SHOW &&
		!check_options(&options, &line, error))
		return false;
	*result = options;
	return true;
}

/* The part of a page that is of the archive. */
static void
show_archive(struct status_run *run, const struct receiver_view *view,
	struct text *page)
{
	const struct status_options *options = run->options;

	trend_add(&run->archive_trend, view->status.received,
		receiver_view_lag(view), clock_monotonic_us());
	receiver_view_print(view, page);
	trend_print(&run->archive_trend, run->utf8, page);
	if (options->explain)
		receiver_view_explain(view, page);
}

static bool
show_leader(struct status_run *run, const struct leader *leader,
	struct text *page, struct error *error)
{
	const struct follower *last = leader_view_last(leader);
	uint64_t lag = last == NULL
		? 0
		: leader_behind(leader, follower_position(last));

	trend_add(&run->leader_trend, leader->end, lag, clock_monotonic_us());
	leader_view_print(leader, server_address(run->server), page);
	if (run->options->watch_us > 0)
		text_append(page, "\n", 1);
	trend_print(&run->leader_trend, run->utf8, page);
	return !run->options->explain ||
		leader_view_explain(leader, page, error);
}

static bool
read_leader(struct status_run *run, struct leader *leader, struct error *error)
{
	if (run->server == NULL)
		return true;
	if (server_socket(run->server) < 0 &&
		!server_connect(run->server, error))
		return false;
	if (leader_read(run->server, leader, error))
		return true;
	server_disconnect(run->server);
	return false;
}

/* What a page can be made of; the one may fail without the other. */
struct views {
	const struct receiver_view *receiver; /* NULL: none was asked for */
	const struct leader *leader;	      /* the same, or it failed */
};

static bool
append_page(struct status_run *run, const struct views *views,
	struct text *page, struct error *error)
{
	const char *address =
		run->server != NULL ? server_address(run->server) : "";

	if (run->options->json)
		return view_json_append(
			views->receiver, views->leader, address, page, error);
	if (views->receiver != NULL)
		show_archive(run, views->receiver, page);
	if (views->receiver != NULL && views->leader != NULL)
		text_append(page, "\n", 1);
	return views->leader == NULL ||
		show_leader(run, views->leader, page, error);
}

static bool
make_page(struct status_run *run, struct text *page, struct error *error)
{
	const char *directory = run->options->directory;
	struct leader leader = {.version = 0};
	struct views views = {.leader = NULL};
	struct receiver_view view;
	bool ok;

	if (directory != NULL && !receiver_view_read(&view, directory, error))
		return false;
	views.receiver = directory != NULL ? &view : NULL;
	error_clear(&run->failure);
	if (views.receiver != NULL && !view.running)
		error_set(&run->failure, ERR_NOT_FOUND,
			"no receiver runs in archive \"%s\"", directory);
	if (run->server != NULL) {
		if (read_leader(run, &leader, error))
			views.leader = &leader;
		else if (directory == NULL || error->code == ERR_STOPPED)
			return false;
		else
			run->failure = *error;
	}
	ok = append_page(run, &views, page, error);
	leader_free(&leader);
	if (ok && page->failed)
		return error_set_memory(error);
	return ok;
}

static bool
show_once(struct status_run *run, struct error *error)
{
	struct text page;
	bool ok;

	text_init(&page);
	ok = make_page(run, &page, error);
	if (ok) {
		(void)fputs(page.string, stdout);
		ok = standard_output_flush(error);
	}
	text_free(&page);
	return ok;
}

/* The page has told that no receiver runs. */
static bool
is_worth_words(const struct error *failure)
{
	return failure->code != ERR_NONE && failure->code != ERR_NOT_FOUND;
}

/* What may pass is shown, and tried again at the next page. */
static bool
draw_page(struct status_run *run, struct screen *screen, struct error *error)
{
	struct text page;
	bool ok;

	text_init(&page);
	ok = make_page(run, &page, error);
	if (!ok && error_is_transient(error)) {
		run->failure = *error;
		text_clear(&page);
		if (run->options->json)
			text_printf(&page, "{}\n");
		ok = true;
	}
	if (ok && is_worth_words(&run->failure) && !run->options->json)
		text_printf(&page, "error: %s\n", run->failure.message);
	if (ok)
		ok = screen_draw(screen, &page, error);
	text_free(&page);
	if (ok && is_worth_words(&run->failure) &&
		!error_is_transient(&run->failure)) {
		*error = run->failure;
		return false;
	}
	return ok;
}

static bool
watch(struct status_run *run, struct stop *stop, struct error *error)
{
	struct screen screen;
	bool ok =
		screen_begin(&screen, STDOUT_FILENO, run->options->json, error);

	if (screen_farewell(&screen) != NULL)
		stop_set_farewell(
			stop, STDOUT_FILENO, screen_farewell(&screen));
	while (ok && !stop_requested(stop)) {
		struct pollfd ended = {.fd = stop->fd, .events = POLLIN};

		ok = draw_page(run, &screen, error);
		if (ok)
			(void)poll(&ended, 1,
				(int)(run->options->watch_us / USECS_PER_MS));
	}
	screen_end(&screen);
	stop_set_farewell(stop, -1, NULL);
	return ok;
}

/* *failure: what a page that was shown lacks, or tells to be wrong. */
static bool
run_status(struct status_options *options, struct log *log,
	struct error *failure, struct error *error)
{
	struct status_run run = {.options = options};
	struct stop stop;
	bool ok = true;

	memory_bound(CONNECTION_MEMORY, CONNECTION_THREADS);
	if (!stop_begin(&stop, error))
		return false;
	(void)setlocale(LC_CTYPE, "");
	run.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	options->connection.server.stop_fd = stop.fd;
	options->connection.server.application = "walfetch status";
	if (options->leader)
		ok = server_create(
			     &run.server, &options->connection.server, error) &&
			await_server(
				run.server, &options->connection, log, error);
	if (ok && options->watch_us > 0)
		ok = watch(&run, &stop, error);
	else if (ok) {
		ok = show_once(&run, error);
		*failure = run.failure;
	}
	server_free(run.server);
	stop_end(&stop);
	return ok;
}

static int
print_help(void)
{
	(void)printf("walfetch status shows a running receiver, and the "
		     "leader's view of its followers.\n\nUsage:\n"
		     "  walfetch status [OPTION]...\n");
	options_print(stdout, specs);
	return 0;
}

int
cmd_status(struct log *log, int argc, char **argv)
{
	struct status_options options;
	struct error failure;
	struct error error;

	if (!parse(&options, argc, argv, &error)) {
		usage_hint("walfetch status", &error);
		log_error(log, &error);
		return error_exit_status(error.code);
	}
	log->level = options.log_level;
	if (options.mode == STATUS_HELP)
		return print_help();
	if (options.mode == STATUS_VERSION) {
		(void)printf("walfetch %s\n", WALFETCH_VERSION);
		return 0;
	}
	error_clear(&failure);
	if (!run_status(&options, log, &failure, &error) &&
		error.code != ERR_STOPPED) {
		log_error(log, &error);
		return error_exit_status(error.code);
	}
	if (is_worth_words(&failure))
		log_error(log, &failure);
	return error_exit_status(failure.code);
}
