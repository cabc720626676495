/*
 * server/parameters.h - keywords and values for PQconnectStartParams. Private
 * to src/server/.
 *
 * A keyword that comes again wins over its earlier value. Keywords and values
 * are borrowed.
 * Sources: PostgreSQL documentation, "Database Connection Control Functions".
 */
#ifndef SERVER_PARAMETERS_H
#define SERVER_PARAMETERS_H

#include "server/session.h"

struct parameters {
	const char **keywords; /* NULL at the end */
	const char **values;
	size_t count;
	enum password_rule rule;
};

/*
 * All that the options say but the database, and with hosts false but where
 * the server is; a typed password too. Room for PARAMETERS_EXTRA more. Errors:
 * ERR_MEMORY.
 */
#define PARAMETERS_EXTRA 8
bool parameters_create(struct parameters *parameters,
	const struct server *server, bool hosts, struct error *error);

/* Free the arrays; {0} is fine. */
void parameters_free(struct parameters *parameters);

/* Add one; a NULL or empty value adds nothing. */
void parameters_add(
	struct parameters *parameters, const char *keyword, const char *value);

/*
 * What libpq makes of them with service file, environment and defaults;
 * free with PQconninfoFree. Errors: ERR_USAGE (as libpq says), ERR_MEMORY.
 */
bool parameters_resolve(const struct parameters *parameters,
	PQconninfoOption **resolved, struct error *error);

/*
 * What keeps a password from going out in clear text, by the options and by
 * what libpq made of them. Errors: ERR_USAGE (a wish that this libpq does not
 * know).
 */
bool parameters_choose_rule(const struct server_options *options,
	const PQconninfoOption *resolved, enum password_rule *rule,
	struct error *error);

/* The value of a keyword; NULL if it is unknown or has none. */
const char *parameters_find(
	const PQconninfoOption *options, const char *keyword);

#endif
