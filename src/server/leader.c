#include "server/leader.h"

#include "server/query.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_WAL_STATUS 130000
#define VERSION_INVALIDATED 170000

/* More followers or slots than any server has. */
#define ROWS_MAX "10000"

static const char own_query[] =
	"SELECT pg_catalog.pg_is_in_recovery(),"
	" CASE WHEN pg_catalog.pg_is_in_recovery()"
	" THEN greatest(pg_catalog.pg_last_wal_receive_lsn(),"
	" pg_catalog.pg_last_wal_replay_lsn())"
	" ELSE pg_catalog.pg_current_wal_flush_lsn() END,"
	" pg_catalog.current_setting('synchronous_standby_names'),"
	" pg_catalog.current_setting('synchronous_commit'),"
	" pg_catalog.current_setting('max_slot_wal_keep_size', true),"
	" pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')";

#define OWN_COLUMNS 6

static const char follower_query[] =
	"SELECT pid, usename, application_name,"
	" pg_catalog.host(client_addr), state, sync_state,"
	" sent_lsn, write_lsn, flush_lsn, replay_lsn, NULL,"
	" (extract(epoch FROM write_lag) * 1000000)::bigint,"
	" (extract(epoch FROM flush_lag) * 1000000)::bigint,"
	" (extract(epoch FROM replay_lag) * 1000000)::bigint"
	" FROM pg_catalog.pg_stat_replication ORDER BY pid LIMIT " ROWS_MAX;

#define FOLLOWER_COLUMNS 14

static const char slot_query[] =
	"SELECT slot_name, slot_type, temporary, active, active_pid,"
	" restart_lsn, %s, %s"
	" FROM pg_catalog.pg_replication_slots ORDER BY slot_name"
	" LIMIT " ROWS_MAX;

#define SLOT_COLUMNS 10

/* A string's place; NULL becomes empty, and what is too long is cut off. */
#define TAKE(to, cell) take_string(to, sizeof(to), cell)

static void
take_string(char *to, size_t size, const char *cell)
{
	(void)snprintf(to, size, "%s", cell == NULL ? "" : cell);
}

/* False, and *value untouched: it is null, or no number. */
static bool
take_integer(const char *cell, int64_t *value)
{
	long long number;
	char *end;

	if (cell == NULL || *cell == '\0')
		return false;
	errno = 0;
	number = strtoll(cell, &end, 10);
	if (*end != '\0' || errno != 0)
		return false;
	*value = number;
	return true;
}

static int
take_pid(const char *cell)
{
	int64_t pid = 0;

	if (!take_integer(cell, &pid) || pid < 0 || pid > INT_MAX)
		return 0;
	return (int)pid;
}

static lsn
take_lsn(const char *cell)
{
	lsn at = LSN_NONE;

	if (cell != NULL)
		(void)lsn_parse(cell, &at);
	return at;
}

static bool
take_flag(const char *cell)
{
	return cell != NULL && strcmp(cell, "t") == 0;
}

static bool
copy_string(char **to, const char *cell, struct error *error)
{
	if (cell == NULL)
		return true;
	*to = strdup(cell);
	return *to != NULL || error_set_memory(error);
}

static bool
read_own(struct server *server, struct leader *leader, struct error *error)
{
	struct query_rows rows;
	bool ok;

	if (!query_run(server, own_query, OWN_COLUMNS, &rows, error))
		return false;
	if (rows.count != 1)
		ok = error_set(error, ERR_PROTOCOL,
			"unexpected answer to a query: %zu rows", rows.count);
	else {
		leader->standby = take_flag(query_cell(&rows, 0, 0));
		leader->end = take_lsn(query_cell(&rows, 0, 1));
		leader->sees_all = take_flag(query_cell(&rows, 0, 5));
		ok = copy_string(&leader->synchronous_standby_names,
			     query_cell(&rows, 0, 2), error) &&
			copy_string(&leader->synchronous_commit,
				query_cell(&rows, 0, 3), error) &&
			copy_string(&leader->max_slot_wal_keep_size,
				query_cell(&rows, 0, 4), error);
	}
	query_free(&rows);
	return ok;
}

static void
take_follower(
	struct follower *follower, const struct query_rows *rows, size_t row)
{
	follower->pid = take_pid(query_cell(rows, row, 0));
	TAKE(follower->user, query_cell(rows, row, 1));
	TAKE(follower->application, query_cell(rows, row, 2));
	TAKE(follower->client, query_cell(rows, row, 3));
	/* A role without the right to see gets these as null. */
	follower->hidden = query_cell(rows, row, 4) == NULL;
	TAKE(follower->state, query_cell(rows, row, 4));
	TAKE(follower->sync_state, query_cell(rows, row, 5));
	for (int i = 0; i < FOLLOWER_STEPS; i++) {
		struct follower_step *step = &follower->steps[i];

		step->at = take_lsn(query_cell(rows, row, 6 + i));
		step->lag_us = -1;
		(void)take_integer(
			query_cell(rows, row, 10 + i), &step->lag_us);
	}
}

static bool
read_followers(
	struct server *server, struct leader *leader, struct error *error)
{
	struct query_rows rows;
	bool ok = true;

	if (!query_run(server, follower_query, FOLLOWER_COLUMNS, &rows, error))
		return false;
	leader->followers = calloc(rows.count + 1, sizeof(*leader->followers));
	if (leader->followers == NULL)
		ok = error_set_memory(error);
	else
		leader->follower_count = rows.count;
	for (size_t i = 0; i < leader->follower_count; i++)
		take_follower(&leader->followers[i], &rows, i);
	query_free(&rows);
	return ok;
}

static void
take_slot(struct leader_slot *slot, const struct query_rows *rows, size_t row)
{
	const char *type = query_cell(rows, row, 1);

	TAKE(slot->name, query_cell(rows, row, 0));
	slot->physical = type != NULL && strcmp(type, "physical") == 0;
	slot->temporary = take_flag(query_cell(rows, row, 2));
	slot->active = take_flag(query_cell(rows, row, 3));
	slot->active_pid = take_pid(query_cell(rows, row, 4));
	slot->restart = take_lsn(query_cell(rows, row, 5));
	TAKE(slot->wal_status, query_cell(rows, row, 6));
	slot->safe_known =
		take_integer(query_cell(rows, row, 7), &slot->safe_bytes);
	TAKE(slot->invalidation, query_cell(rows, row, 8));
	slot->inactive_us = -1;
	(void)take_integer(query_cell(rows, row, 9), &slot->inactive_us);
}

static bool
read_slots(struct server *server, struct leader *leader, struct error *error)
{
	struct query_rows rows;
	struct text sql;
	bool ok;

	text_init(&sql);
	text_printf(&sql, slot_query,
		leader->version >= VERSION_WAL_STATUS
			? "wal_status, safe_wal_size"
			: "NULL, NULL",
		leader->version >= VERSION_INVALIDATED
			? "invalidation_reason, (extract(epoch FROM "
			  "now() - inactive_since) * 1000000)::bigint"
			: "NULL, NULL");
	ok = sql.failed
		? error_set_memory(error)
		: query_run(server, sql.string, SLOT_COLUMNS, &rows, error);
	text_free(&sql);
	if (!ok)
		return false;
	leader->slots = calloc(rows.count + 1, sizeof(*leader->slots));
	if (leader->slots == NULL)
		ok = error_set_memory(error);
	else
		leader->slot_count = rows.count;
	for (size_t i = 0; i < leader->slot_count; i++)
		take_slot(&leader->slots[i], &rows, i);
	query_free(&rows);
	return ok;
}

bool
leader_read(struct server *server, struct leader *leader, struct error *error)
{
	struct leader found = {.version = server_version(server)};

	if (!read_own(server, &found, error) ||
		!read_followers(server, &found, error) ||
		!read_slots(server, &found, error)) {
		leader_free(&found);
		return false;
	}
	*leader = found;
	return true;
}

void
leader_free(struct leader *leader)
{
	free(leader->synchronous_standby_names);
	free(leader->synchronous_commit);
	free(leader->max_slot_wal_keep_size);
	free(leader->followers);
	free(leader->slots);
	*leader = (struct leader){.version = 0};
}

bool
leader_slot_is_lost(const struct leader_slot *slot)
{
	return strcmp(slot->wal_status, "lost") == 0 ||
		slot->invalidation[0] != '\0';
}

uint64_t
leader_behind(const struct leader *leader, lsn at)
{
	return at == LSN_NONE || at >= leader->end ? 0 : leader->end - at;
}
