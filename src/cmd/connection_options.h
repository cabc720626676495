/*
 * cmd/connection_options.h - the options that say whom to connect to, and how:
 * the same in every command that connects to a server.
 *
 * Put CONNECTION_OPTION_ROWS into a command's table and give each option to
 * connection_option_take. Then await_server, before anything else is done,
 * does what --wait asks for.
 */
#ifndef CMD_CONNECTION_OPTIONS_H
#define CMD_CONNECTION_OPTIONS_H

#include "base/log.h"
#include "base/options.h"
#include "server/server.h"

/* Out of the way of the commands' own keys. */
enum connection_option {
	OPTION_CONNECT_TIMEOUT = OPTION_LONG_ONLY + 200,
	OPTION_WAIT,
	OPTION_ALLOW_CLEARTEXT
};

#define CONNECTION_OPTION_ROWS                                                \
	{'d', "dbname", "CONNSTR",                                            \
		"connection string or URI; wins over -h, -p, -U"},            \
		{'h', "host", "HOSTNAME", "server host or socket directory"}, \
		{'p', "port", "PORT", "server port"},                         \
		{'U', "username", "NAME", "connect as this user"},            \
		{'w', "no-password", NULL, "never ask for a password"},       \
		{'W', "password", NULL,                                       \
			"ask for a password before connecting"},              \
		{OPTION_ALLOW_CLEARTEXT, "allow-cleartext", NULL,             \
			"send the password in clear text, too"},              \
		{OPTION_CONNECT_TIMEOUT, "connect-timeout", "SECS",           \
			"limit for connecting (default: 30)"},                \
	{                                                                     \
		OPTION_WAIT, "wait", "[SECS]",                                \
			"first wait until the server is ready, at most so\n"  \
			"long (default: 60; 0: without a limit)"              \
	}

/* For memory_bound, of a command that only asks a server for something. */
#define CONNECTION_MEMORY (UINT64_C(192) << 20)
#define CONNECTION_THREADS 8

struct connection_options {
	struct server_options server;
	int64_t wait_us; /* 0: do not wait; CLOCK_NEVER: without limit */
};

/* What holds without any option; the stop descriptor is to be set yet. */
void connection_options_init(struct connection_options *options);

/*
 * Take an option; value is borrowed. *known: it was one of these. Errors:
 * ERR_USAGE.
 */
bool connection_option_take(struct connection_options *options, int key,
	const char *value, bool *known, struct error *error);

/*
 * If --wait was given, try to connect until the server is ready, it refuses
 * for good, or the time is over; say each change of its state in a line. The
 * server is not connected afterwards. Errors: as server_connect.
 */
bool await_server(struct server *server,
	const struct connection_options *options, struct log *log,
	struct error *error);

#endif
