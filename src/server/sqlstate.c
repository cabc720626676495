#include "server/sqlstate.h"

#include <ctype.h>
#include <string.h>

#define SQLSTATE_LEN 5

struct sqlstate_rule {
	const char *prefix;
	enum error_code code;
};

/* The first that fits counts; what none fits will be refused again. */
static const struct sqlstate_rule sqlstate_rules[] = {
	{"08", ERR_UNREACHABLE},    /* connection exceptions */
	{"40", ERR_UNREACHABLE},    /* transaction rollback */
	{"53", ERR_UNREACHABLE},    /* too many connections, disk full */
	{"55000", ERR_GAP},	    /* slot invalidated */
	{"55006", ERR_UNREACHABLE}, /* slot is active */
	{"55P03", ERR_UNREACHABLE}, /* lock not available */
	{"57P04", ERR_REFUSED},	    /* database dropped */
	{"57", ERR_UNREACHABLE},    /* starting, shutting down, cancelled */
	{"58P01", ERR_GAP},	    /* WAL segment removed */
	{"58", ERR_UNREACHABLE},    /* system errors */
	{"F0", ERR_UNREACHABLE},    /* configuration file being changed */
	{"XX", ERR_UNREACHABLE},    /* anything without a state of its own */
};

/* The length of "X/X" at the start of string; 0 if there is none. */
static size_t
lsn_len(const char *string)
{
	size_t high = 0;
	size_t low = 0;

	while (isxdigit((unsigned char)string[high]))
		high++;
	if (high == 0 || string[high] != '/')
		return 0;
	while (isxdigit((unsigned char)string[high + 1 + low]))
		low++;
	return low == 0 ? 0 : high + 1 + low;
}

static int
count_lsns(const char *message)
{
	int count = 0;

	while (*message != '\0') {
		size_t len = lsn_len(message);

		if (len > 0)
			count++;
		message += len > 0 ? len : 1;
	}
	return count;
}

/*
 * The server gives neither of its two "not in this server's history" a state.
 * In another language the one that names a starting point is known by its one
 * LSN: the other message with LSNs, "requested starting point is ahead of the
 * WAL flush position", has two.
 */
static bool
tells_divergence(const char *message)
{
	return strstr(message, "not in this server's history") != NULL ||
		count_lsns(message) == 1;
}

enum error_code
sqlstate_class(const char *sqlstate, const char *message)
{
	size_t count = sizeof(sqlstate_rules) / sizeof(sqlstate_rules[0]);

	if (sqlstate == NULL || strlen(sqlstate) != SQLSTATE_LEN)
		return ERR_UNREACHABLE;
	if (message != NULL && strcmp(sqlstate, "XX000") == 0 &&
		tells_divergence(message))
		return ERR_DIVERGED;
	for (size_t i = 0; i < count; i++) {
		const struct sqlstate_rule *rule = &sqlstate_rules[i];

		if (strncmp(sqlstate, rule->prefix, strlen(rule->prefix)) == 0)
			return rule->code;
	}
	return ERR_REFUSED;
}
