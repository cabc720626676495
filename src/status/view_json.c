#include "status/view_json.h"

#include "archive/json_words.h"
#include "base/clock.h"
#include "status/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *
json_lsn(lsn at)
{
	return at == LSN_NONE ? json_null()
			      : json_sprintf(LSN_FORMAT, LSN_ARGS(at));
}

static json_t *
json_moment(int64_t postgres_us)
{
	char text[MOMENT_SIZE];

	moment_format(text, postgres_us);
	return text[0] == '\0' ? json_null() : json_string(text);
}

/* Below 0: not told. */
static json_t *
json_seconds(int64_t span_us)
{
	return span_us < 0 ? json_null()
			   : json_real((double)span_us / (double)USECS_PER_SEC);
}

static json_t *
failure_object(const struct receiver_status *status)
{
	if (status->failure[0] == '\0')
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "time",
		json_moment(status->failed_us), "message",
		json_words(status->failure), "hint", json_words(status->hint));
}

static json_t *
archive_object(const struct receiver_view *view)
{
	const struct receiver_status *status = &view->status;
	json_t *object = json_pack("{s:o, s:b, s:o}", "directory",
		json_words(view->directory), "running", view->running, "pid",
		view->running && view->pid != 0 ? json_integer(view->pid)
						: json_null());
	json_t *told = NULL;

	if (object == NULL || !view->told)
		return object;
	told = json_pack("{s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:I}",
		"status_of", (json_int_t)status->pid, "state",
		receiver_state_name(status->state), "since",
		json_moment(status->since_us), "started",
		json_moment(status->started_us), "updated",
		json_moment(status->updated_us), "server",
		json_words(status->server), "slot", json_words(status->slot),
		"timeline", (json_int_t)status->timeline);
	if (json_object_update_new(object, told) != 0)
		goto failed;
	told = json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "received",
		json_lsn(status->received), "durable",
		json_lsn(status->durable), "archived",
		json_lsn(status->archived), "server_end",
		json_lsn(status->server_end), "rate", (json_int_t)status->rate,
		"lag_bytes", (json_int_t)receiver_view_lag(view), "lag_seconds",
		json_seconds(status->lag_us));
	if (json_object_update_new(object, told) != 0)
		goto failed;
	told = json_pack("{s:i, s:b, s:b, s:b, s:o}", "segments_in_work",
		(int)status->in_work, "synchronous", status->synchronous,
		"waiting_for_space", status->space_short, "stale",
		receiver_view_stale(view), "last_error",
		failure_object(status));
	if (json_object_update_new(object, told) != 0)
		goto failed;
	return object;

failed:
	json_decref(object);
	return NULL;
}

static json_t *
step_object(const struct leader *leader, const struct follower_step *step)
{
	if (step->at == LSN_NONE)
		return json_null();
	return json_pack("{s:o, s:I, s:o}", "lsn", json_lsn(step->at),
		"lag_bytes", (json_int_t)leader_behind(leader, step->at),
		"lag_seconds", json_seconds(step->lag_us));
}

static json_t *
follower_object(const struct leader *leader, const struct follower *follower)
{
	const struct follower_step *steps = follower->steps;

	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"pid", follower->pid, "user", json_words(follower->user),
		"application", json_words(follower->application), "client",
		json_words(follower->client), "state",
		json_words(follower->state), "sync_state",
		json_words(follower->sync_state), "sent",
		step_object(leader, &steps[STEP_SENT]), "write",
		step_object(leader, &steps[STEP_WRITE]), "flush",
		step_object(leader, &steps[STEP_FLUSH]), "replay",
		step_object(leader, &steps[STEP_REPLAY]));
}

static json_t *
slot_object(const struct leader *leader, const struct leader_slot *slot)
{
	return json_pack(
		"{s:o, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"name", json_words(slot->name), "type",
		slot->physical ? "physical" : "logical", "temporary",
		slot->temporary, "active", slot->active, "active_pid",
		slot->active_pid != 0 ? json_integer(slot->active_pid)
				      : json_null(),
		"restart", json_lsn(slot->restart), "holds_back_bytes",
		slot->restart == LSN_NONE
			? json_null()
			: json_integer((json_int_t)leader_behind(
				  leader, slot->restart)),
		"wal_status", json_words(slot->wal_status), "safe_bytes",
		slot->safe_known ? json_integer(slot->safe_bytes) : json_null(),
		"invalidation", json_words(slot->invalidation),
		"inactive_seconds", json_seconds(slot->inactive_us));
}

static json_t *
followers_array(const struct leader *leader)
{
	json_t *array = json_array();

	for (size_t i = 0; i < leader->follower_count; i++)
		if (json_array_append_new(array,
			    follower_object(leader, &leader->followers[i])) !=
			0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *
slots_array(const struct leader *leader)
{
	json_t *array = json_array();

	for (size_t i = 0; i < leader->slot_count; i++)
		if (json_array_append_new(array,
			    slot_object(leader, &leader->slots[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *
leader_object(const struct leader *leader, const char *address)
{
	return json_pack("{s:o, s:i, s:b, s:o, s:b, s:o, s:o, s:o, s:o, s:o}",
		"address", json_words(address), "version", leader->version,
		"standby", leader->standby, "wal_end", json_lsn(leader->end),
		"sees_all", leader->sees_all, "synchronous_standby_names",
		json_words(leader->synchronous_standby_names),
		"synchronous_commit", json_words(leader->synchronous_commit),
		"max_slot_wal_keep_size",
		json_words(leader->max_slot_wal_keep_size), "followers",
		followers_array(leader), "slots", slots_array(leader));
}

bool
view_json_append(const struct receiver_view *receiver,
	const struct leader *leader, const char *address, struct text *text,
	struct error *error)
{
	json_t *object = json_object();
	char *line = NULL;
	bool ok = true;

	if (receiver != NULL)
		ok = json_object_set_new(
			     object, "archive", archive_object(receiver)) == 0;
	if (ok && leader != NULL)
		ok = json_object_set_new(object, "leader",
			     leader_object(leader, address)) == 0;
	if (ok)
		line = json_dumps(object, JSON_COMPACT);
	if (line != NULL)
		text_printf(text, "%s\n", line);
	ok = line != NULL && !text->failed;
	free(line);
	json_decref(object);
	return ok || error_set_memory(error);
}
