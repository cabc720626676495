/*
 * cmd/verify_options.h - the command line of walfetch verify.
 */
#ifndef CMD_VERIFY_OPTIONS_H
#define CMD_VERIFY_OPTIONS_H

#include "base/options.h"
#include "cmd/progress_option.h"
#include "verify/verify.h"

enum verify_mode {
	VERIFY_RUN,
	VERIFY_HELP,
	VERIFY_VERSION
};

struct verify_options {
	enum verify_mode mode;
	bool json;
	const char *since_backup; /* NULL: not given */
	enum progress_when progress;
	enum log_level log_level;
	struct verify_config config; /* but for the start of the backup */
};

/* The table, for --help. */
extern const struct option_spec verify_option_specs[];

/*
 * Read a command line; strings are borrowed from argv. *options is only set on
 * success. Errors: ERR_USAGE.
 */
bool verify_options_parse(struct verify_options *options, int argc, char **argv,
	struct error *error);

#endif
