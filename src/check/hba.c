#include "check/hba.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define INVALID_AUTHORIZATION "28000"

/* The words that mean something else than a name unless they are quoted. */
static const char *const keywords[] = {
	"all", "replication", "sameuser", "samerole", "samegroup"};

bool
hba_refused(const struct server_refusal *refusal, const char *message)
{
	return strcmp(refusal->sqlstate, INVALID_AUTHORIZATION) == 0 &&
		strstr(message, "pg_hba.conf") != NULL;
}

bool
hba_rejected(const char *message)
{
	return strstr(message, "pg_hba.conf rejects") != NULL;
}

static bool
needs_quotes(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_";

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strcmp(name, keywords[i]) == 0)
			return true;
	return name[0] == '\0' || name[strspn(name, plain)] != '\0';
}

/*
 * The first word in double quotes that is an address, with the length of its
 * network mask; "" if there is none. Other languages use other quotes round
 * it, but no message is without the address.
 */
static void
find_address(const char *message, char *address, size_t size)
{
	static const char digits[] = "0123456789abcdefABCDEF.:";
	unsigned char ignored[sizeof(struct in6_addr)];

	address[0] = '\0';
	while (*message != '\0') {
		size_t len = strspn(message, digits);
		char word[INET6_ADDRSTRLEN];

		if (len > 1 && len < sizeof(word)) {
			memcpy(word, message, len);
			word[len] = '\0';
			if (inet_pton(AF_INET, word, ignored) == 1)
				(void)snprintf(address, size, "%s/32", word);
			else if (inet_pton(AF_INET6, word, ignored) == 1)
				(void)snprintf(address, size, "%s/128", word);
			if (address[0] != '\0')
				return;
		}
		message += len > 0 ? len : 1;
	}
}

/* From 15 on the message says which encryption, before that "SSL on". */
static bool
was_encrypted(const char *message)
{
	return strstr(message, "SSL on") != NULL ||
		strstr(message, "SSL encryption") != NULL;
}

void
hba_line(char line[HBA_LINE_SIZE], const char *database,
	const struct server_refusal *refusal, const char *os_user,
	const char *message)
{
	/* libpq says which address it tried before the server's own words. */
	const char *said = strstr(message, "pg_hba.conf");
	const char *quote = needs_quotes(refusal->user) ? "\"" : "";
	const char *name_quote =
		strcmp(database, "replication") != 0 && needs_quotes(database)
		? "\""
		: "";
	char address[INET6_ADDRSTRLEN + 8];

	find_address(said == NULL ? message : said, address, sizeof(address));
	if (refusal->local)
		(void)snprintf(line, HBA_LINE_SIZE, "local %s%s%s %s%s%s %s",
			name_quote, database, name_quote, quote, refusal->user,
			quote,
			strcmp(refusal->user, os_user) == 0 ? "peer"
							    : "scram-sha-256");
	else
		(void)snprintf(line, HBA_LINE_SIZE,
			"%s %s%s%s %s%s%s %s scram-sha-256",
			was_encrypted(message) ? "hostssl" : "host", name_quote,
			database, name_quote, quote, refusal->user, quote,
			address[0] != '\0' ? address : "ADDRESS");
}
