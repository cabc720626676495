#include "server/command.h"

#include "server/answer.h"
#include "wal/segment_name.h"

#include <inttypes.h>
#include <string.h>

#define UNDEFINED_FILE "58P01"

#define HISTORY_MAX ((size_t)1 << 20)

/* The first version that has data_directory_mode. */
#define VERSION_DIRECTORY_MODE 110000

#define MODE_GROUP_READ 040
#define MODE_MAX 0777

static bool
read_identity(const struct answer *answer, struct server_identity *identity,
	struct error *error)
{
	struct server_identity found;
	const char *system;

	if (!answer_expect_row(answer, 3, error) ||
		!answer_string(answer, 0, &system, error) ||
		!answer_timeline(answer, 1, &found.timeline, error) ||
		!answer_lsn(answer, 2, &found.flushed, error))
		return false;
	if (!answer_parse_number(system, UINT64_MAX, &found.system_identifier))
		return error_set(error, ERR_PROTOCOL,
			"the server sent \"%.64s\" as its system identifier",
			system);
	*identity = found;
	return true;
}

/*
 * A standby's transactions are read-only in every version; those of a leader
 * are if it was told so, and then nothing is known.
 */
static bool
ask_whether_leads(struct server *server, bool *leads, struct error *error)
{
	struct text value;
	bool ok;

	text_init(&value);
	ok = server_show(server, "transaction_read_only", &value, error);
	if (ok)
		*leads = strcmp(value.string, "off") == 0;
	text_free(&value);
	return ok;
}

bool
server_identify(struct server *server, struct server_identity *identity,
	struct error *error)
{
	struct answer answer = {"IDENTIFY_SYSTEM", NULL};
	struct server_identity found;
	const char *standby;
	struct text query;
	bool ok;

	text_init(&query);
	text_printf(&query, "IDENTIFY_SYSTEM");
	ok = answer_ask_plain(&answer, server, &query, error) &&
		read_identity(&answer, &found, error);
	answer_free(&answer);
	if (!ok)
		return false;
	standby = libpq()->PQparameterStatus(server->conn, "in_hot_standby");
	if (standby != NULL)
		found.leads = strcmp(standby, "off") == 0;
	else if (!ask_whether_leads(server, &found.leads, error))
		return false;
	*identity = found;
	return true;
}

/* The units that the server shows a size in. */
static bool
parse_size(const char *string, uint64_t *size)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {
		{"B", 1},
		{"kB", UINT64_C(1) << 10},
		{"MB", UINT64_C(1) << 20},
		{"GB", UINT64_C(1) << 30},
	};
	size_t digits = strspn(string, "0123456789");
	char number[16];
	uint64_t value;

	if (digits >= sizeof(number))
		return false;
	memcpy(number, string, digits);
	number[digits] = '\0';
	if (!answer_parse_number(number, UINT32_MAX, &value))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(string + digits, units[i].name) != 0)
			continue;
		*size = value * units[i].bytes;
		return true;
	}
	return false;
}

bool
server_segment_size(
	struct server *server, uint32_t *segment_size, struct error *error)
{
	struct answer answer = {"SHOW wal_segment_size", NULL};
	struct text query;
	const char *value;
	uint64_t size = 0;
	bool ok;

	text_init(&query);
	text_printf(&query, "SHOW wal_segment_size");
	ok = answer_ask_plain(&answer, server, &query, error) &&
		answer_expect_row(&answer, 1, error) &&
		answer_string(&answer, 0, &value, error);
	if (ok && (!parse_size(value, &size) || !wal_segment_size_valid(size)))
		ok = error_set(error, ERR_PROTOCOL,
			"the server sent \"%.64s\" as its WAL segment size",
			value);
	if (ok)
		*segment_size = (uint32_t)size;
	answer_free(&answer);
	return ok;
}

bool
server_show(struct server *server, const char *setting, struct text *value,
	struct error *error)
{
	struct answer answer = {"SHOW", NULL};
	struct text query;
	const char *shown;
	bool ok;

	text_init(&query);
	text_printf(&query, "SHOW %s", setting);
	ok = answer_ask_plain(&answer, server, &query, error) &&
		answer_expect_row(&answer, 1, error) &&
		answer_string(&answer, 0, &shown, error);
	if (ok) {
		text_printf(value, "%s", shown);
		ok = !value->failed || error_set_memory(error);
	}
	answer_free(&answer);
	return ok;
}

static bool
parse_mode(const char *string, unsigned int *mode)
{
	unsigned int value = 0;

	if (*string == '\0')
		return false;
	for (; *string >= '0' && *string <= '7' && value <= MODE_MAX; string++)
		value = value * 8 + (unsigned int)(*string - '0');
	if (*string != '\0' || value > MODE_MAX)
		return false;
	*mode = value;
	return true;
}

bool
server_group_access(struct server *server, bool *allowed, struct error *error)
{
	struct answer answer = {"SHOW data_directory_mode", NULL};
	struct text query;
	const char *value;
	unsigned int mode = 0;
	bool ok;

	if (server->conn != NULL &&
		server_version(server) < VERSION_DIRECTORY_MODE) {
		*allowed = false;
		return true;
	}
	text_init(&query);
	text_printf(&query, "SHOW data_directory_mode");
	ok = answer_ask_plain(&answer, server, &query, error) &&
		answer_expect_row(&answer, 1, error) &&
		answer_string(&answer, 0, &value, error);
	if (ok && !parse_mode(value, &mode))
		ok = error_set(error, ERR_PROTOCOL,
			"the server sent \"%.64s\" as the mode of its data "
			"directory",
			value);
	if (ok)
		*allowed = (mode & MODE_GROUP_READ) != 0;
	answer_free(&answer);
	return ok;
}

/*
 * Whatever type the column is said to have (bytea before version 14), the
 * file's bytes come as they are.
 */
static bool
read_history(const struct answer *answer, uint32_t timeline,
	struct text *content, struct error *error)
{
	char wanted[HISTORY_NAME_LEN + 1];
	const char *name;
	const char *bytes;
	size_t len;

	history_name_format(wanted, timeline);
	if (!answer_expect_row(answer, 2, error) ||
		!answer_string(answer, 0, &name, error) ||
		!answer_string(answer, 1, &bytes, error))
		return false;
	if (strcmp(name, wanted) != 0)
		return error_set(error, ERR_PROTOCOL,
			"the server sent file \"%.64s\" instead of \"%s\"",
			name, wanted);
	len = (size_t)libpq()->PQgetlength(answer->result, 0, 1);
	if (len > HISTORY_MAX)
		return error_set(error, ERR_PROTOCOL,
			"the server sent a file \"%s\" of %zu bytes", wanted,
			len);
	text_append(content, bytes, len);
	return !content->failed || error_set_memory(error);
}

bool
server_fetch_history(struct server *server, uint32_t timeline,
	struct text *content, struct error *error)
{
	struct answer answer = {"TIMELINE_HISTORY", NULL};
	struct text query;
	bool ok;

	text_init(&query);
	text_printf(&query, "TIMELINE_HISTORY %" PRIu32, timeline);
	ok = answer_ask_plain(&answer, server, &query, error);
	if (answer_failed_with(&answer, UNDEFINED_FILE))
		error->code = ERR_NOT_FOUND;
	ok = ok && read_history(&answer, timeline, content, error);
	answer_free(&answer);
	return ok;
}

static bool
read_start(const struct answer *answer, enum replication_start *result,
	struct timeline_switch *next, struct error *error)
{
	struct timeline_switch found;

	if (libpq()->PQresultStatus(answer->result) == PGRES_COPY_BOTH) {
		*result = REPLICATION_STARTED;
		return true;
	}
	if (!answer_timeline_switch(answer, &found, error))
		return false;
	*result = REPLICATION_TIMELINE_ENDED;
	*next = found;
	return true;
}

bool
server_start_replication(struct server *server,
	const struct replication_request *request,
	enum replication_start *result, struct timeline_switch *next,
	struct error *error)
{
	struct answer answer = {"START_REPLICATION", NULL};
	struct text query;
	bool ok;

	text_init(&query);
	text_printf(&query, "START_REPLICATION");
	if (request->slot != NULL) {
		text_printf(&query, " SLOT");
		answer_quote(&query, request->slot);
	}
	text_printf(&query, " PHYSICAL " LSN_FORMAT " TIMELINE %" PRIu32,
		LSN_ARGS(request->at), request->timeline);
	ok = answer_ask(&answer, server, &query, error) &&
		read_start(&answer, result, next, error);
	server->unsent = false;
	server->copy_ended = false;
	answer_free(&answer);
	return ok;
}
