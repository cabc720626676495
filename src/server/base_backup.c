#include "server/base_backup.h"

#include "server/answer.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_VERIFY 110000
#define VERSION_MANIFEST 130000
#define VERSION_INCREMENTAL 170000

/* What the server says at the end when pages failed their checksums. */
#define DATA_CORRUPTED "XX001"

#define UPLOAD_PIECE ((size_t)64 * 1024)

static const char command_name[] = "BASE_BACKUP";
static const char upload_name[] = "UPLOAD_MANIFEST";

/* Nothing here is about WAL that is gone, whatever the state says. */
static bool
plain(struct error *error)
{
	if (error->code == ERR_GAP || error->code == ERR_DIVERGED)
		error->code = ERR_REFUSED;
	return false;
}

static void
append_literal(struct text *query, const char *value)
{
	text_append(query, " '", 2);
	for (; *value != '\0'; value++) {
		if (*value == '\'')
			text_append(query, value, 1);
		text_append(query, value, 1);
	}
	text_append(query, "'", 1);
}

static void
append_old(struct text *query, const struct base_backup_request *request,
	int version)
{
	text_printf(query, "BASE_BACKUP LABEL");
	append_literal(query, request->label);
	if (request->progress)
		text_printf(query, " PROGRESS");
	if (request->fast)
		text_printf(query, " FAST");
	if (request->wal)
		text_printf(query, " WAL");
	text_printf(query, " NOWAIT");
	if (request->max_rate_kb > 0)
		text_printf(query, " MAX_RATE %u", request->max_rate_kb);
	if (request->tablespace_map)
		text_printf(query, " TABLESPACE_MAP");
	if (!request->verify_checksums && version >= VERSION_VERIFY)
		text_printf(query, " NOVERIFY_CHECKSUMS");
	if (request->checksums == NULL || version < VERSION_MANIFEST)
		return;
	text_printf(query, " MANIFEST 'yes' MANIFEST_CHECKSUMS");
	append_literal(query, request->checksums);
}

static void
append_compression(
	struct text *query, const struct base_backup_request *request)
{
	text_printf(query, ", COMPRESSION");
	append_literal(query, request->compression);
	if (request->level != 0)
		text_printf(query, ", COMPRESSION_DETAIL 'level=%d'",
			request->level);
}

static void
append_new(struct text *query, const struct base_backup_request *request)
{
	text_printf(query, "BASE_BACKUP (LABEL");
	append_literal(query, request->label);
	if (request->progress)
		text_printf(query, ", PROGRESS");
	text_printf(query, ", CHECKPOINT '%s', WAIT false",
		request->fast ? "fast" : "spread");
	if (request->wal)
		text_printf(query, ", WAL");
	if (request->max_rate_kb > 0)
		text_printf(query, ", MAX_RATE %u", request->max_rate_kb);
	if (request->tablespace_map)
		text_printf(query, ", TABLESPACE_MAP");
	if (!request->verify_checksums)
		text_printf(query, ", VERIFY_CHECKSUMS false");
	if (request->checksums != NULL) {
		text_printf(query, ", MANIFEST 'yes', MANIFEST_CHECKSUMS");
		append_literal(query, request->checksums);
	}
	if (request->compression != NULL)
		append_compression(query, request);
	if (request->incremental)
		text_printf(query, ", INCREMENTAL");
	text_printf(query, ", TARGET 'client')");
}

static bool
check_version(const struct server *server, int needed, const char *what,
	struct error *error)
{
	if (server->conn == NULL)
		return error_set(
			error, ERR_UNREACHABLE, "not connected to a server");
	if (server_version(server) >= needed)
		return true;
	return error_set(error, ERR_USAGE,
		"%s needs a server of version %d or later", what,
		needed / 10000);
}

static bool
has_manifest(
	const struct server *server, const struct base_backup_request *request)
{
	return request->checksums != NULL &&
		server_version(server) >= VERSION_MANIFEST;
}

static bool
send_command(const struct base_backup *backup,
	const struct base_backup_request *request, struct error *error)
{
	struct server *server = backup->server;
	struct text query;
	bool ok;

	text_init(&query);
	if (backup->one_copy)
		append_new(&query, request);
	else
		append_old(&query, request, server_version(server));
	if (query.failed)
		ok = error_set_memory(error);
	else
		ok = libpq()->PQsendQuery(server->conn, query.string) ||
			session_lost(server->conn, error);
	text_free(&query);
	return ok;
}

/* The next result, whatever it is; a failure of the command is an error. */
static bool
next_result(const struct base_backup *backup, int64_t deadline_us,
	struct answer *answer, struct error *error)
{
	struct wait_limit limit = {
		backup->server->options.stop_fd, deadline_us};

	answer->command = command_name;
	if (!session_next_result(
		    backup->server->conn, &limit, &answer->result, error))
		return false;
	if (answer->result == NULL)
		return error_set(error, ERR_PROTOCOL,
			"the server ended the base backup too early");
	if (libpq()->PQresultStatus(answer->result) == PGRES_FATAL_ERROR) {
		session_result_error(command_name, answer->result, error);
		answer_free(answer);
		return plain(error);
	}
	return true;
}

static bool
read_position(const struct answer *answer,
	struct base_backup_position *position, struct error *error)
{
	struct base_backup_position found;

	if (!answer_expect_row(answer, 2, error) ||
		!answer_lsn(answer, 0, &found.at, error) ||
		!answer_timeline(answer, 1, &found.timeline, error))
		return false;
	*position = found;
	return true;
}

static bool
read_tablespace(const PGresult *result, int row,
	struct base_backup_tablespace *tablespace, struct error *error)
{
	uint64_t oid = 0;
	uint64_t kilobytes = 0;

	if ((!libpq()->PQgetisnull(result, row, 0) &&
		    (!answer_parse_number(libpq()->PQgetvalue(result, row, 0),
			     UINT32_MAX, &oid) ||
			    oid == 0)) ||
		(!libpq()->PQgetisnull(result, row, 2) &&
			!answer_parse_number(
				libpq()->PQgetvalue(result, row, 2),
				UINT64_MAX >> 10, &kilobytes)) ||
		(oid == 0) != (libpq()->PQgetisnull(result, row, 1) != 0))
		return error_set(error, ERR_PROTOCOL,
			"the server sent a list of tablespaces that cannot be "
			"read");
	tablespace->oid = (uint32_t)oid;
	tablespace->size = kilobytes << 10;
	if (oid == 0)
		return true;
	tablespace->location = strdup(libpq()->PQgetvalue(result, row, 1));
	return tablespace->location != NULL || error_set_memory(error);
}

static bool
read_tablespaces(struct base_backup *backup, const struct answer *answer,
	struct error *error)
{
	const PGresult *result = answer->result;
	int rows = libpq()->PQntuples(result);
	size_t own = 0;

	if (libpq()->PQresultStatus(result) != PGRES_TUPLES_OK || rows < 1 ||
		libpq()->PQnfields(result) < 3)
		return error_set(error, ERR_PROTOCOL,
			"the server sent no list of tablespaces");
	backup->tablespaces =
		calloc((size_t)rows, sizeof(*backup->tablespaces));
	backup->seen = calloc((size_t)rows, sizeof(*backup->seen));
	if (backup->tablespaces == NULL || backup->seen == NULL)
		return error_set_memory(error);
	for (; backup->count < (size_t)rows; backup->count++) {
		struct base_backup_tablespace *tablespace =
			&backup->tablespaces[backup->count];

		if (!read_tablespace(
			    result, (int)backup->count, tablespace, error))
			return false;
		own += tablespace->oid == 0;
	}
	if (own != 1)
		return error_set(error, ERR_PROTOCOL,
			"the server's list of tablespaces has %zu data "
			"directories",
			own);
	return true;
}

static bool
read_header(struct base_backup *backup, struct error *error)
{
	struct answer answer;
	bool ok;

	if (!next_result(backup, CLOCK_NEVER, &answer, error))
		return false;
	ok = read_position(&answer, &backup->start, error);
	answer_free(&answer);
	if (!ok || !next_result(backup, CLOCK_NEVER, &answer, error))
		return false;
	ok = read_tablespaces(backup, &answer, error);
	answer_free(&answer);
	return ok;
}

static bool
check_request(const struct server *server,
	const struct base_backup_request *request, struct error *error)
{
	if (request->incremental &&
		!check_version(server, VERSION_INCREMENTAL,
			"an incremental backup", error))
		return false;
	return check_version(server,
		request->compression != NULL ? VERSION_ONE_COPY : 0,
		"compression on the server's side", error);
}

bool
base_backup_begin(struct base_backup *backup, struct server *server,
	const struct base_backup_request *request, struct error *error)
{
	struct base_backup made = {.server = server};

	if (!check_request(server, request, error))
		return false;
	made.one_copy = server_version(server) >= VERSION_ONE_COPY;
	if (!send_command(&made, request, error) ||
		!read_header(&made, error)) {
		base_backup_free(&made);
		return false;
	}
	made.copies_left =
		made.one_copy ? 1 : made.count + has_manifest(server, request);
	made.heard_us = clock_monotonic_us();
	*backup = made;
	return true;
}

/* The next copy begins with a result. */
static bool
begin_copy(struct base_backup *backup, struct base_backup_event *event,
	struct error *error)
{
	struct wait_limit limit = session_command_limit(backup->server);
	struct answer answer;
	ExecStatusType status;

	if (!next_result(backup, limit.deadline_us, &answer, error))
		return false;
	status = libpq()->PQresultStatus(answer.result);
	answer_free(&answer);
	if (status != PGRES_COPY_OUT)
		return error_set(error, ERR_PROTOCOL,
			"unexpected answer to replication command %s: %s",
			command_name, libpq()->PQresStatus(status));
	backup->in_copy = true;
	backup->copies_left--;
	if (backup->one_copy) {
		event->kind = BACKUP_WAITING;
	} else if (backup->begun < backup->count) {
		event->kind = BACKUP_ARCHIVE;
		event->index = backup->begun++;
	} else {
		event->kind = BACKUP_MANIFEST;
	}
	return true;
}

static bool
wrong_message(struct error *error)
{
	return error_set(
		error, ERR_PROTOCOL, "unexpected message in the base backup");
}

/* 'n', the archive's name and the tablespace's path on the server. */
static bool
read_new_archive(struct base_backup *backup, struct base_backup_event *event,
	struct error *error)
{
	const char *name = event->message.data + 1;
	size_t room = event->message.len - 1;
	size_t name_len = strnlen(name, room);
	const char *path = name + name_len + 1;

	if (name_len == room ||
		strnlen(path, room - name_len - 1) == room - name_len - 1)
		return wrong_message(error);
	for (size_t i = 0; i < backup->count; i++) {
		const char *location = backup->tablespaces[i].location;

		if (strcmp(path, location != NULL ? location : "") != 0 ||
			backup->seen[i])
			continue;
		backup->seen[i] = true;
		backup->begun++;
		event->kind = BACKUP_ARCHIVE;
		event->index = i;
		return true;
	}
	return error_set(error, ERR_PROTOCOL,
		"the server sent an archive of a tablespace at \"%.256s\" that "
		"it did not name before",
		path);
}

/* What a message of the single copy means. */
static bool
read_typed(struct base_backup *backup, struct base_backup_event *event,
	struct error *error)
{
	bool ok = true;

	event->offset = 1;
	switch (event->message.len > 0 ? event->message.data[0] : '\0') {
	case 'd':
		event->kind = BACKUP_DATA;
		if (backup->in_part)
			return true;
		ok = wrong_message(error);
		break;
	case 'n':
		ok = read_new_archive(backup, event, error);
		backup->in_part = true;
		break;
	case 'm':
		event->kind = BACKUP_MANIFEST;
		backup->in_part = true;
		break;
	case 'p':
		event->kind = BACKUP_WAITING;
		break;
	default:
		ok = wrong_message(error);
	}
	copy_message_free(&event->message);
	return ok;
}

/* Wait until something has come; *waited: nothing did. */
static bool
wait_for_data(struct base_backup *backup, int64_t until_us, bool *waited,
	struct error *error)
{
	const struct server *server = backup->server;
	int64_t timeout_us = server->options.command_timeout_us;
	struct wait_limit limit = {server->options.stop_fd, until_us};
	int64_t now_us;

	*waited = false;
	if (session_wait(
		    libpq()->PQsocket(server->conn), POLLIN, &limit, error)) {
		backup->heard_us = clock_monotonic_us();
		return libpq()->PQconsumeInput(server->conn) ||
			session_lost(server->conn, error);
	}
	now_us = clock_monotonic_us();
	if (error->code != ERR_UNREACHABLE)
		return false;
	if (timeout_us != CLOCK_NEVER && now_us - backup->heard_us > timeout_us)
		return error_set(error, ERR_UNREACHABLE,
			"the server has been silent for %lld s",
			(long long)(timeout_us / USECS_PER_SEC));
	*waited = true;
	return true;
}

static void
take_data(struct base_backup *backup, char *data, int len,
	struct base_backup_event *event)
{
	backup->heard_us = clock_monotonic_us();
	event->kind = BACKUP_DATA;
	event->message.data = data;
	event->message.len = (size_t)len;
}

bool
base_backup_next(struct base_backup *backup, int64_t until_us,
	struct base_backup_event *event, struct error *error)
{
	PGconn *conn = backup->server->conn;
	bool waited = false;
	char *data = NULL;
	int len;

	*event = (struct base_backup_event){.kind = BACKUP_WAITING};
	if (!backup->in_copy) {
		if (backup->copies_left > 0)
			return begin_copy(backup, event, error);
		event->kind = BACKUP_END;
		return true;
	}
	while ((len = libpq()->PQgetCopyData(conn, &data, 1)) == 0 && !waited)
		if (!wait_for_data(backup, until_us, &waited, error))
			return false;
	if (len < -1)
		return session_lost(conn, error);
	if (len == -1) {
		backup->in_copy = false;
		return base_backup_next(backup, until_us, event, error);
	}
	if (len == 0)
		return true;
	take_data(backup, data, len, event);
	return !backup->one_copy || read_typed(backup, event, error);
}

/* The command's end; the server may have kept its verdict for it. */
static bool
read_verdict(struct base_backup *backup, bool *damaged, struct error *error)
{
	struct wait_limit limit = session_command_limit(backup->server);
	struct answer answer = {command_name, NULL};
	bool ok;

	*damaged = false;
	ok = session_answer(backup->server->conn, &limit, command_name,
		&answer.result, error);
	if (!ok && answer_failed_with(&answer, DATA_CORRUPTED)) {
		*damaged = true;
		ok = true;
	}
	answer_free(&answer);
	return ok || plain(error);
}

bool
base_backup_finish(struct base_backup *backup, struct base_backup_position *end,
	bool *damaged, struct error *error)
{
	struct base_backup_position found;
	struct answer answer;
	bool ok;

	/* WAL summaries and the end of the backup may take their time. */
	if (!next_result(backup, CLOCK_NEVER, &answer, error))
		return false;
	ok = read_position(&answer, &found, error);
	answer_free(&answer);
	if (!ok || !read_verdict(backup, damaged, error))
		return false;
	if (backup->begun != backup->count)
		return error_set(error, ERR_PROTOCOL,
			"the server sent %zu archives instead of %zu",
			backup->begun, backup->count);
	*end = found;
	return true;
}

void
base_backup_free(struct base_backup *backup)
{
	for (size_t i = 0; i < backup->count; i++)
		free(backup->tablespaces[i].location);
	free(backup->tablespaces);
	free(backup->seen);
	backup->tablespaces = NULL;
	backup->seen = NULL;
	backup->count = 0;
}

static bool
send_manifest(struct server *server, const char *manifest, size_t len,
	struct error *error)
{
	struct wait_limit limit = session_command_limit(server);
	PGconn *conn = server->conn;
	int queued;

	for (size_t sent = 0; sent < len;) {
		size_t piece =
			len - sent < UPLOAD_PIECE ? len - sent : UPLOAD_PIECE;

		queued = libpq()->PQputCopyData(
			conn, manifest + sent, (int)piece);
		if (queued < 0)
			return session_lost(conn, error);
		if (queued > 0)
			sent += piece;
		else if (!session_exchange(conn, &limit, error))
			return false;
	}
	while ((queued = libpq()->PQputCopyEnd(conn, NULL)) == 0)
		if (!session_exchange(conn, &limit, error))
			return false;
	return queued > 0 || session_lost(conn, error);
}

bool
server_upload_manifest(struct server *server, const char *manifest, size_t len,
	struct error *error)
{
	struct answer answer = {upload_name, NULL};
	struct wait_limit limit;
	struct text query;
	bool ok;

	if (!check_version(server, VERSION_INCREMENTAL, "an incremental backup",
		    error))
		return false;
	text_init(&query);
	text_printf(&query, "%s", upload_name);
	ok = answer_ask_plain(&answer, server, &query, error);
	if (ok && libpq()->PQresultStatus(answer.result) != PGRES_COPY_IN)
		ok = error_set(error, ERR_PROTOCOL,
			"unexpected answer to replication command %s",
			upload_name);
	answer_free(&answer);
	if (!ok || !send_manifest(server, manifest, len, error))
		return false;
	limit = session_command_limit(server);
	ok = session_answer(
		server->conn, &limit, upload_name, &answer.result, error);
	answer_free(&answer);
	return ok || plain(error);
}
