#include "server/session.h"

#include "base/text.h"
#include "server/server_message.h"
#include "server/sqlstate.h"

#include <errno.h>
#include <poll.h>

struct wait_limit
session_command_limit(const struct server *server)
{
	struct wait_limit limit = {server->options.stop_fd, CLOCK_NEVER};

	if (server->options.command_timeout_us != CLOCK_NEVER)
		limit.deadline_us = clock_monotonic_us() +
			server->options.command_timeout_us;
	return limit;
}

bool
session_wait(int fd, short events, const struct wait_limit *limit,
	struct error *error)
{
	struct pollfd wanted[2] = {
		{.fd = limit->stop_fd, .events = POLLIN},
		{.fd = fd, .events = events},
	};

	for (;;) {
		int64_t now_us = clock_monotonic_us();
		int ready = poll(wanted, 2,
			clock_poll_timeout_ms(limit->deadline_us, now_us));

		if (ready < 0 && errno != EINTR)
			return error_set_errno(
				error, "could not wait for the server");
		if (ready > 0 && wanted[0].revents != 0)
			return error_set(error, ERR_STOPPED, "stopped");
		/* A server that sends for ever must not wait for ever. */
		if (clock_monotonic_us() >= limit->deadline_us)
			return error_set(
				error, ERR_UNREACHABLE, "timeout expired");
		if (ready > 0)
			return true;
	}
}

bool
session_lost(const PGconn *conn, struct error *error)
{
	char message[sizeof(error->message)];

	message_one_line(
		message, sizeof(message), libpq()->PQerrorMessage(conn));
	return error_set(error, ERR_UNREACHABLE, "%s",
		message[0] == '\0' ? "connection to server was lost" : message);
}

bool
session_exchange(
	PGconn *conn, const struct wait_limit *limit, struct error *error)
{
	short events = POLLIN;

	/* If it fails, PQconsumeInput says why. */
	if (libpq()->PQflush(conn) > 0)
		events |= POLLOUT;
	if (!session_wait(libpq()->PQsocket(conn), events, limit, error))
		return false;
	return libpq()->PQconsumeInput(conn) || session_lost(conn, error);
}

bool
session_next_result(PGconn *conn, const struct wait_limit *limit,
	PGresult **result, struct error *error)
{
	/* What came before a loss may hold the reason for it. */
	while (libpq()->PQisBusy(conn)) {
		if (!session_exchange(conn, limit, error) &&
			(error->code != ERR_UNREACHABLE ||
				libpq()->PQisBusy(conn)))
			return false;
	}
	*result = libpq()->PQgetResult(conn);
	return true;
}

static void
append_field(struct text *message, const char *before, const char *field)
{
	if (field != NULL && field[0] != '\0')
		text_printf(message, "%s%s", before, field);
}

bool
session_result_error(
	const char *name, const PGresult *result, struct error *error)
{
	const char *state =
		libpq()->PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary =
		libpq()->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *hint =
		libpq()->PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	char plain[sizeof(error->message)];
	struct text message;

	text_init(&message);
	if (name != NULL)
		text_printf(&message, "replication command %s failed: ", name);
	if (primary == NULL) {
		message_one_line(plain, sizeof(plain),
			libpq()->PQresultErrorMessage(result));
		text_printf(&message, "%s", plain);
	} else {
		append_field(&message, "", primary);
		append_field(&message, "\nDETAIL:  ",
			libpq()->PQresultErrorField(
				result, PG_DIAG_MESSAGE_DETAIL));
	}
	error_set(error, sqlstate_class(state, primary), "%s", message.string);
	if (hint != NULL)
		error_set_hint(error, "%s", hint);
	text_free(&message);
	return false;
}

void
session_name_command(const char *name, struct error *error)
{
	char message[sizeof(error->message)];

	if (error->code != ERR_UNREACHABLE)
		return;
	(void)snprintf(message, sizeof(message), "%s", error->message);
	error_set(error, error->code, "replication command %s failed: %.900s",
		name, message);
}

static bool
is_error(ExecStatusType status)
{
	return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE ||
		status == PGRES_NONFATAL_ERROR;
}

static bool
begins_copy(ExecStatusType status)
{
	return status == PGRES_COPY_BOTH || status == PGRES_COPY_IN ||
		status == PGRES_COPY_OUT;
}

bool
session_answer(PGconn *conn, const struct wait_limit *limit, const char *name,
	PGresult **result, struct error *error)
{
	PGresult *kept = NULL;
	PGresult *next;
	struct error later;
	bool ok = true;

	for (;;) {
		ExecStatusType status;

		/* A loss after a FATAL error is no news. */
		if (!session_next_result(
			    conn, limit, &next, ok ? error : &later)) {
			if (ok)
				session_name_command(name, error);
			ok = false;
			break;
		}
		if (next == NULL)
			break;
		status = libpq()->PQresultStatus(next);
		if (ok && (kept == NULL || is_error(status))) {
			libpq()->PQclear(kept);
			kept = next;
		} else
			libpq()->PQclear(next);
		if (ok && is_error(status))
			ok = session_result_error(name, kept, error);
		/* libpq repeats such a result until the copy is over. */
		if (begins_copy(status))
			break;
	}
	if (ok && kept == NULL)
		ok = error_set(error, ERR_PROTOCOL,
			"the server did not answer replication command %s",
			name);
	*result = kept;
	return ok;
}
