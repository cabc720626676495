/*
 * check/check.h - is this leader fit, and this place?
 *
 * Asks over a replication connection what every role may know, and over a
 * normal one, where there is one, the rest. Nothing on the server or in the
 * archive is changed; a file of a name of its own is written to the directory
 * and removed.
 * Sources: PostgreSQL documentation, "Replication", "pg_replication_slots".
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "check/verdict.h"
#include "server/command.h"
#include "server/leader.h"

struct check_config {
	const char *directory; /* NULL: none */
	const char *slot;      /* NULL: none */
	const char *os_user;   /* who runs this; for pg_hba.conf */
	const char *receiver;  /* what walfetch receive is called there, unless
				  the options have an application_name */
	int stop_fd;
};

/* What the questions share. */
struct check {
	const struct check_config *config;
	struct verdicts *verdicts;
	struct server *server; /* for replication */
	bool replication;      /* it is connected */
	struct server *plain;  /* for SQL; NULL: none */
	struct text name;      /* application_name of walfetch receive */
	bool awaited;	       /* commits wait for that */
	bool identified;
	struct server_identity identity;
	uint32_t segment_size;
	bool led; /* leader is set */
	struct leader leader;
};

/*
 * Ask everything. The server is not connected, and is not afterwards. True
 * even if nothing is fit: the verdicts tell. Errors: ERR_STOPPED, ERR_USAGE
 * (options that libpq refuses).
 */
bool check_run(const struct check_config *config, struct server *server,
	struct verdicts *verdicts, struct error *error);

#endif
