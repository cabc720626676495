/*
 * cmd/command.h - the commands: one file each, options in, exit status out.
 *
 * A command gets its own argument vector (argv[0] is its name), prints results
 * to stdout and everything else through the log, and returns the status that
 * the program exits with.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "base/log.h"

/* Show what an archive holds: walfetch-list(1). */
int cmd_list(struct log *log, int argc, char **argv);

/* Remove WAL that need not be kept: walfetch-prune(1). */
int cmd_prune(struct log *log, int argc, char **argv);

/*
 * Stream WAL into an archive: walfetch-receive(1). Called by the name
 * pg_receivewal it behaves as that program: exit statuses 0 and 1, and its
 * form of --version.
 */
int cmd_receive(struct log *log, int argc, char **argv);

/*
 * Fetch one file out of an archive for PostgreSQL: walfetch-restore(1). Exit
 * statuses are its own: 0, 1 (the archive does not have it), 126 (anything
 * else).
 */
int cmd_restore(struct log *log, int argc, char **argv);

/*
 * Prove an archive: walfetch-verify(1). The gravest fault decides the status:
 * 6 before 5 before 4; stopped before the end without one, it is 1.
 */
int cmd_verify(struct log *log, int argc, char **argv);

/*
 * Tell whether a server, a slot and a directory are fit: walfetch-check(1).
 */
int cmd_check(struct log *log, int argc, char **argv);

/*
 * Show a running receiver, and the leader's view of its followers:
 * walfetch-status(1).
 */
int cmd_status(struct log *log, int argc, char **argv);

/* Take a base backup: walfetch-backup(1). */
int cmd_backup(struct log *log, int argc, char **argv);

#endif
