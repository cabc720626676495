/*
 * backup/follower.h - the settings that make a backup a follower.
 *
 * Sources: PostgreSQL documentation, "Standby Server Operation", "Setting
 * Parameters", and for versions before 12 "Recovery Configuration".
 */
#ifndef BACKUP_FOLLOWER_H
#define BACKUP_FOLLOWER_H

#include "base/error.h"
#include "base/text.h"

/* Where the settings go, and what says that this is a standby. */
#define FOLLOWER_SETTINGS "postgresql.auto.conf"
#define FOLLOWER_SIGNAL "standby.signal"
#define FOLLOWER_OLD_SETTINGS "recovery.conf"

/* The restore_command serves the open segment, too: the newest commits. */
struct follower {
	int version;	      /* of the server, as libpq gives it */
	const char *conninfo; /* of the leader */
	const char *slot;     /* NULL: none */
	const char *archive;  /* absolute path; NULL: none */
};

/* True if the settings go into FOLLOWER_OLD_SETTINGS. */
bool follower_is_old(const struct follower *follower);

/*
 * Append the settings to settings. Errors: ERR_USAGE (a value that no
 * configuration file can hold), ERR_MEMORY.
 */
bool follower_settings(const struct follower *follower, struct text *settings,
	struct error *error);

#endif
