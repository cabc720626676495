/*
 * cmd/receive_options.h - the command line of walfetch receive.
 */
#ifndef CMD_RECEIVE_OPTIONS_H
#define CMD_RECEIVE_OPTIONS_H

#include "cmd/connection_options.h"
#include "cmd/progress_option.h"
#include "receive/receiver.h"

enum receive_mode {
	RECEIVE_STREAM,
	RECEIVE_CREATE_SLOT,
	RECEIVE_DROP_SLOT,
	RECEIVE_HELP,
	RECEIVE_VERSION
};

struct receive_options {
	enum receive_mode mode;
	bool if_not_exists;
	enum progress_when progress;
	enum log_level log_level;
	struct connection_options connection;
	struct receiver_config receiver;
};

/* The table, for --help. */
extern const struct option_spec receive_option_specs[];

/*
 * Read a command line; strings are borrowed from argv. *options is only set on
 * success. Errors: ERR_USAGE.
 */
bool receive_options_parse(struct receive_options *options, int argc,
	char **argv, struct error *error);

#endif
