/*
 * discard.c - a receiver that throws the stream away: the floor for all others.
 *
 * usage: discard CONNINFO START END
 * Streams from START until the server has sent WAL beyond END. It keeps nothing
 * and answers nothing, so the server is told not to wait for answers.
 */
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

/* 'w', the position of the first byte, the server's end, and its clock. */
enum {
	WAL_DATA_HEADER = 25
};

static void
die(const char *what, PGconn *connection)
{
	fprintf(stderr, "discard: error: %s: %s", what,
		PQerrorMessage(connection));
	PQfinish(connection);
	exit(1);
}

static uint64_t
parse_lsn(const char *text)
{
	uint32_t high;
	uint32_t low;

	if (sscanf(text, "%" SCNx32 "/%" SCNx32, &high, &low) != 2) {
		fprintf(stderr, "discard: error: invalid LSN \"%s\"\n", text);
		exit(1);
	}
	return (uint64_t)high << 32 | low;
}

static uint64_t
read_be64(const char *bytes)
{
	uint64_t value = 0;
	int i;

	for (i = 0; i < 8; i++)
		value = value << 8 | (unsigned char)bytes[i];
	return value;
}

static PGconn *
connect_to_walsender(const char *conninfo)
{
	const char *const keywords[] = {
		"dbname", "replication", "options", NULL};
	const char *const values[] = {
		conninfo, "true", "-c wal_sender_timeout=0", NULL};
	PGconn *connection = PQconnectdbParams(keywords, values, 1);

	if (PQstatus(connection) != CONNECTION_OK)
		die("could not connect", connection);
	return connection;
}

static void
start_streaming(PGconn *connection, uint64_t start)
{
	char command[64];
	PGresult *result;

	snprintf(command, sizeof(command),
		"START_REPLICATION %" PRIX32 "/%" PRIX32,
		(uint32_t)(start >> 32), (uint32_t)start);
	result = PQexec(connection, command);
	if (PQresultStatus(result) != PGRES_COPY_BOTH)
		die("could not start streaming", connection);
	PQclear(result);
}

static void
discard_until(PGconn *connection, uint64_t end)
{
	uint64_t position = 0;
	char *message;
	int len;

	while (position <= end) {
		len = PQgetCopyData(connection, &message, 0);
		if (len < 0)
			die("the stream ended", connection);
		if (len >= WAL_DATA_HEADER && message[0] == 'w')
			position = read_be64(message + 1) +
				(uint64_t)(len - WAL_DATA_HEADER);
		PQfreemem(message);
	}
}

int
main(int argc, char **argv)
{
	PGconn *connection;

	if (argc != 4) {
		fputs("usage: discard CONNINFO START END\n", stderr);
		return 1;
	}
	connection = connect_to_walsender(argv[1]);
	start_streaming(connection, parse_lsn(argv[2]));
	discard_until(connection, parse_lsn(argv[3]));
	PQfinish(connection);
	return 0;
}
