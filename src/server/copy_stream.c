#include "server/copy_stream.h"

#include "server/answer.h"

#include <limits.h>
#include <poll.h>

/*
 * A read may leave decrypted bytes inside the TLS library, where poll() does
 * not see them: one that filled libpq's buffer before the size of the message
 * was known, then one that ended less than libpq's least room before its end.
 */
#define READS_ENCRYPTED 3

static const char stream_command[] = "START_REPLICATION";

static int
reads_before_drained(PGconn *conn, bool at_hand)
{
	if (libpq()->PQsslInUse(conn) || libpq()->PQgssEncInUse(conn))
		return READS_ENCRYPTED;
	return at_hand ? 0 : 1;
}

/*
 * libpq hands out what is whole; only when nothing is, it has to read. What
 * came before a loss of the connection may hold the reason for it.
 */
static bool
take_message(
	PGconn *conn, int reads, char **data, int *len, struct error *error)
{
	*len = libpq()->PQgetCopyData(conn, data, 1);
	while (*len == 0 && reads-- > 0) {
		bool alive = libpq()->PQconsumeInput(conn) != 0;

		*len = libpq()->PQgetCopyData(conn, data, 1);
		if (*len == 0 && !alive)
			return session_lost(conn, error);
	}
	if (*len == -2)
		return session_lost(conn, error);
	return true;
}

/* Why the server ended the copy; true if it waits for our end of it. */
static bool
read_end(PGconn *conn, struct error *error)
{
	PGresult *result;
	ExecStatusType status;
	bool ok = false;

	/* With its reason not all there, PQgetResult would wait. */
	if (libpq()->PQisBusy(conn))
		return error_set(error, ERR_PROTOCOL,
			"unexpected message in the replication stream");
	result = libpq()->PQgetResult(conn);
	if (result == NULL)
		return error_set(error, ERR_PROTOCOL,
			"the server ended the replication stream without an "
			"answer");
	status = libpq()->PQresultStatus(result);
	if (status == PGRES_COPY_IN)
		ok = true;
	else if (status == PGRES_COMMAND_OK)
		error_set(error, ERR_UNREACHABLE,
			"replication stream was ended by the server");
	else if (status == PGRES_FATAL_ERROR)
		session_result_error(NULL, result, error);
	else
		error_set(error, ERR_PROTOCOL,
			"unexpected end of the replication stream: %s",
			libpq()->PQresStatus(status));
	libpq()->PQclear(result);
	return ok;
}

bool
copy_receive(struct server *server, bool at_hand, enum copy_status *status,
	struct copy_message *message, struct error *error)
{
	int reads = reads_before_drained(server->conn, at_hand);
	char *data = NULL;
	int len;

	if (!take_message(server->conn, reads, &data, &len, error))
		return false;
	if (len > 0) {
		message->data = data;
		message->len = (size_t)len;
		*status = COPY_MESSAGE;
		return true;
	}
	if (len < 0 && !read_end(server->conn, error))
		return false;
	server->copy_ended = len < 0;
	*status = len < 0 ? COPY_ENDED : COPY_DRAINED;
	return true;
}

void
copy_message_free(struct copy_message *message)
{
	if (message->data != NULL)
		libpq()->PQfreemem(message->data);
	message->data = NULL;
	message->len = 0;
}

bool
copy_flush(struct server *server, struct error *error)
{
	int unsent = libpq()->PQflush(server->conn);

	if (unsent < 0)
		return session_lost(server->conn, error);
	server->unsent = unsent > 0;
	return true;
}

bool
copy_unsent(const struct server *server)
{
	return server->unsent;
}

bool
copy_send(struct server *server, const void *data, size_t len,
	struct error *error)
{
	int queued;

	if (len > INT_MAX)
		return error_set_memory(error);
	queued = libpq()->PQputCopyData(server->conn, data, (int)len);
	if (queued < 0)
		return session_lost(server->conn, error);
	if (queued == 0)
		return error_set_memory(error);
	return copy_flush(server, error);
}

static bool
send_end(PGconn *conn, const struct wait_limit *limit, struct error *error)
{
	int queued;

	while ((queued = libpq()->PQputCopyEnd(conn, NULL)) == 0) {
		if (!session_exchange(conn, limit, error))
			return false;
	}
	return queued > 0 || session_lost(conn, error);
}

/* The server goes on until it has seen our end. */
static bool
discard_data(PGconn *conn, const struct wait_limit *limit, struct error *error)
{
	int len;

	do {
		char *data = NULL;

		len = libpq()->PQgetCopyData(conn, &data, 1);
		libpq()->PQfreemem(data);
		if (len == 0 && !session_exchange(conn, limit, error))
			return false;
	} while (len >= 0);
	return len == -1 || session_lost(conn, error);
}

/* The row that names the next timeline, and the ends of the command. */
static bool
read_final(PGresult *result, struct timeline_switch *next, struct error *error)
{
	const struct answer answer = {stream_command, result};
	ExecStatusType status = libpq()->PQresultStatus(result);

	if (status == PGRES_COMMAND_OK)
		return true;
	if (status == PGRES_FATAL_ERROR)
		return session_result_error(NULL, result, error);
	return answer_timeline_switch(&answer, next, error);
}

static bool
read_finals(PGconn *conn, const struct wait_limit *limit,
	struct timeline_switch *next, struct error *error)
{
	PGresult *result;

	for (;;) {
		bool ok;

		if (!session_next_result(conn, limit, &result, error))
			return false;
		if (result == NULL)
			return true;
		ok = read_final(result, next, error);
		libpq()->PQclear(result);
		if (!ok)
			return false;
	}
}

bool
copy_finish(struct server *server, struct timeline_switch *next,
	struct error *error)
{
	struct wait_limit limit = session_command_limit(server);
	struct timeline_switch found = {0, LSN_NONE};
	PGconn *conn = server->conn;

	if (!send_end(conn, &limit, error) ||
		(!server->copy_ended && !discard_data(conn, &limit, error)) ||
		!read_finals(conn, &limit, &found, error)) {
		session_name_command(stream_command, error);
		return false;
	}
	server->unsent = false;
	*next = found;
	return true;
}
