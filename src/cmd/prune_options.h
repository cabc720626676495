/*
 * cmd/prune_options.h - the command line of walfetch prune.
 */
#ifndef CMD_PRUNE_OPTIONS_H
#define CMD_PRUNE_OPTIONS_H

#include "base/log.h"
#include "base/options.h"

#include <stdint.h>

enum prune_mode {
	PRUNE_RUN,
	PRUNE_HELP,
	PRUNE_VERSION
};

struct prune_options {
	enum prune_mode mode;
	enum log_level log_level;
	const char *directory;
	const char **backups; /* paths; the caller frees the array */
	size_t backup_count;
	int64_t keep_days;  /* 0: not given */
	const char *before; /* a segment's name; NULL: not given */
	bool dry_run;
	bool json;
};

/* The table, for --help. */
extern const struct option_spec prune_option_specs[];

/*
 * Read a command line; strings are borrowed from argv. *options is only set on
 * success. Errors: ERR_USAGE, ERR_MEMORY.
 */
bool prune_options_parse(struct prune_options *options, int argc, char **argv,
	struct error *error);

#endif
