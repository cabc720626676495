/*
 * cmd/backup_options.h - the command line of walfetch backup.
 *
 * Life cycle: backup_options_parse -> backup_options_free.
 */
#ifndef CMD_BACKUP_OPTIONS_H
#define CMD_BACKUP_OPTIONS_H

#include "backup/backup.h"
#include "base/options.h"
#include "cmd/connection_options.h"

enum backup_mode {
	BACKUP_TAKE,
	BACKUP_HELP,
	BACKUP_VERSION
};

struct backup_options {
	enum backup_mode mode;
	enum log_level log_level;
	bool json;
	struct connection_options connection;
	struct backup_config backup;
};

/* The table, for --help. */
extern const struct option_spec backup_option_specs[];

/*
 * Read a command line; strings are borrowed from argv, but for what
 * backup_options_free frees, which is due on failure too. Errors: ERR_USAGE,
 * ERR_MEMORY.
 */
bool backup_options_parse(struct backup_options *options, int argc, char **argv,
	struct error *error);

void backup_options_free(struct backup_options *options);

#endif
