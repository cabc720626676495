#include "cmd/connection_options.h"

#include "base/clock.h"
#include "base/number.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#define CONNECT_TIMEOUT_SECS 30
#define COMMAND_TIMEOUT_SECS 60
#define WAIT_SECS 60

/* Between two tries. */
#define WAIT_INTERVAL_US (USECS_PER_SEC / 2)

#define LAST_TRY_US USECS_PER_SEC

void
connection_options_init(struct connection_options *options)
{
	*options = (struct connection_options){
		.server =
			{
				.connect_timeout_us =
					CONNECT_TIMEOUT_SECS * USECS_PER_SEC,
				.command_timeout_us =
					COMMAND_TIMEOUT_SECS * USECS_PER_SEC,
				.stop_fd = -1,
			},
	};
}

static bool
take_seconds(const char *value, const char *option, int64_t min,
	int64_t *interval_us, struct error *error)
{
	int64_t seconds;

	if (!number_parse(value, option, min, INT_MAX / 1000, &seconds, error))
		return false;
	*interval_us = seconds * USECS_PER_SEC;
	return true;
}

static bool
take_wait(struct connection_options *options, const char *value,
	struct error *error)
{
	options->wait_us = WAIT_SECS * USECS_PER_SEC;
	if (value == NULL)
		return true;
	if (!take_seconds(value, "--wait", 0, &options->wait_us, error))
		return false;
	if (options->wait_us == 0)
		options->wait_us = CLOCK_NEVER;
	return true;
}

bool
connection_option_take(struct connection_options *options, int key,
	const char *value, bool *known, struct error *error)
{
	struct server_options *server = &options->server;

	*known = true;
	switch (key) {
	case 'd':
		server->conninfo = value;
		return true;
	case 'h':
		server->host = value;
		return true;
	case 'p':
		server->port = value;
		return true;
	case 'U':
		server->user = value;
		return true;
	case 'w':
		server->prompt = PROMPT_NEVER;
		return true;
	case 'W':
		server->prompt = PROMPT_ALWAYS;
		return true;
	case OPTION_ALLOW_CLEARTEXT:
		server->allow_cleartext = true;
		return true;
	case OPTION_CONNECT_TIMEOUT:
		return take_seconds(value, "--connect-timeout", 1,
			&server->connect_timeout_us, error);
	case OPTION_WAIT:
		return take_wait(options, value, error);
	default:
		*known = false;
		return true;
	}
}

/* Errors: ERR_STOPPED. */
static bool
pause_until(int64_t until_us, int stop_fd, struct error *error)
{
	struct pollfd stop = {.fd = stop_fd, .events = POLLIN};

	for (;;) {
		int64_t now_us = clock_monotonic_us();
		int ready;

		if (now_us >= until_us)
			return true;
		ready = poll(&stop, 1, clock_poll_timeout_ms(until_us, now_us));
		if (ready > 0)
			return error_set(error, ERR_STOPPED, "stopped");
		if (ready < 0 && errno != EINTR)
			return error_set_errno(error, "could not wait");
	}
}

/*
 * A try must not outlast the wait by more than it takes a server to say what
 * keeps it.
 */
static bool
try_connect(struct server *server, const struct connection_options *options,
	int64_t deadline_us, struct error *error)
{
	int64_t timeout_us = options->server.connect_timeout_us;
	int64_t left_us = deadline_us - clock_monotonic_us();
	bool ok;

	if (left_us < LAST_TRY_US)
		left_us = LAST_TRY_US;
	if (deadline_us != CLOCK_NEVER && left_us < timeout_us)
		server_limit_connect(server, left_us);
	ok = server_connect(server, error);
	server_limit_connect(server, timeout_us);
	return ok;
}

bool
await_server(struct server *server, const struct connection_options *options,
	struct log *log, struct error *error)
{
	int64_t now_us = clock_monotonic_us();
	int64_t deadline_us = CLOCK_NEVER;
	char state[sizeof(error->message)] = "";

	if (options->wait_us == 0)
		return true;
	if (options->wait_us != CLOCK_NEVER)
		deadline_us = now_us + options->wait_us;
	while (!try_connect(server, options, deadline_us, error)) {
		if (!error_is_transient(error))
			return false;
		now_us = clock_monotonic_us();
		if (now_us >= deadline_us)
			return false;
		if (strcmp(error->message, state) != 0)
			log_at(log, LOG_NORMAL, "waiting for the server: %s",
				error->message);
		(void)snprintf(state, sizeof(state), "%s", error->message);
		if (!pause_until(now_us + WAIT_INTERVAL_US,
			    options->server.stop_fd, error))
			return false;
	}
	log_at(log, state[0] == '\0' ? LOG_VERBOSE : LOG_NORMAL,
		"server \"%s\" is ready", server_address(server));
	server_disconnect(server);
	return true;
}
