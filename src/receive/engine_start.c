#include "receive/engine_start.h"

#include "receive/engine_end.h"

#include <stdio.h>

void
engine_on_connected(struct engine *engine)
{
	engine->connected = true;
	engine->state = ENGINE_IDENTIFY;
}

void
engine_on_identity(struct engine *engine,
	const struct server_identity *identity, uint32_t segment_size)
{
	engine->identity = *identity;
	engine->segment_size = segment_size;
	if (engine->config.once && engine->end == LSN_NONE)
		engine->end = identity->flushed;
	engine->state = ENGINE_OPEN;
}

void
engine_on_archive_open(struct engine *engine)
{
	timeline_history_free(&engine->history);
	engine->histories_left = 0;
	engine->state = ENGINE_HISTORY;
}

/* The target's history says which others there are. */
static bool
take_target_history(struct engine *engine, const char *text, size_t len)
{
	if (!timeline_history_parse(&engine->history, engine->identity.timeline,
		    text, len, &engine->failure)) {
		engine_leave_for_failure(engine);
		return false;
	}
	engine->histories_left = engine->history.count - 1;
	return true;
}

static void
refuse_ancestor(struct engine *engine, uint32_t timeline,
	const struct timeline_entry *entry, lsn end)
{
	error_set(&engine->failure, ERR_DIVERGED,
		"timeline %u of the archive is not the server's: its history "
		"left timeline %u at " LSN_FORMAT
		", the server's at " LSN_FORMAT,
		timeline, entry->timeline, LSN_ARGS(entry->end), LSN_ARGS(end));
	error_set_hint(&engine->failure,
		"Two servers were promoted to the same timeline. Use another "
		"directory for this one.");
}

/* Where the server left a timeline; LSN_NONE: its history does not say. */
static lsn
end_of_timeline(const struct timeline_history *history, uint32_t timeline)
{
	for (size_t i = 0; i < history->count; i++)
		if (history->entries[i].timeline == timeline)
			return history->entries[i].end;
	return LSN_NONE;
}

/*
 * The archive has the history of an ancestor. If it came there by another way
 * than the server's, two timelines have one number. What cannot be read tells
 * nothing.
 */
static bool
check_ancestor(struct engine *engine, const char *text, size_t len)
{
	uint32_t timeline =
		engine->history.entries[engine->histories_left - 1].timeline;
	struct timeline_history ancestor;
	bool same = true;

	timeline_history_init(&ancestor);
	if (!timeline_history_parse(
		    &ancestor, timeline, text, len, &engine->failure)) {
		same = engine->failure.code != ERR_MEMORY;
		if (same)
			error_clear(&engine->failure);
	}
	for (size_t i = 0; same && i + 1 < ancestor.count; i++) {
		const struct timeline_entry *entry = &ancestor.entries[i];
		lsn end = end_of_timeline(&engine->history, entry->timeline);

		same = end == LSN_NONE || end == entry->end;
		if (!same)
			refuse_ancestor(engine, timeline, entry, end);
	}
	timeline_history_free(&ancestor);
	if (!same)
		engine_leave_for_failure(engine);
	return same;
}

void
engine_on_history(struct engine *engine, const char *text, size_t len)
{
	if (engine->history.count == 0) {
		if (!take_target_history(engine, text, len))
			return;
	} else {
		if (!check_ancestor(engine, text, len))
			return;
		engine->histories_left--;
	}
	/* Timeline 1 is never described by a file. */
	while (engine->histories_left > 0 &&
		engine->history.entries[engine->histories_left - 1].timeline ==
			1)
		engine->histories_left--;
	if (engine->histories_left == 0)
		engine->state = ENGINE_LOCATE;
}

/* Ask for the next history file, newest first. */
void
engine_next_history(struct engine *engine, struct engine_action *action)
{
	size_t left = engine->histories_left;

	action->kind = ACTION_GET_HISTORY;
	if (engine->history.count == 0) {
		action->timeline = engine->identity.timeline;
		action->fetch = true;
	} else {
		action->timeline = engine->history.entries[left - 1].timeline;
	}
}

/*
 * A timeline may end inside a record that its leader gave up. The archive then
 * counts less of it than there is, and would have it sent again and again.
 */
static void
step_over_end(struct engine *engine)
{
	struct archive_position *position = &engine->position;
	const struct timeline_history *history = &engine->history;

	if (position->timeline != engine->ended_timeline)
		return;
	for (size_t i = 0; i + 1 < history->count; i++) {
		const struct timeline_entry *entry = &history->entries[i];
		lsn start = lsn_segment_start(entry->end, engine->segment_size);

		if (entry->timeline == position->timeline &&
			engine->ended_at >= entry->end && position->at >= start)
			*position = (struct archive_position){
				.timeline = entry[1].timeline,
				.at = start,
				.held = start,
			};
	}
}

void
engine_on_located(
	struct engine *engine, const struct archive_position *position)
{
	engine->position = *position;
	step_over_end(engine);
	engine->begun = false;
	engine->slot_read = false;
	engine->slot_created = false;
	engine->state =
		engine->config.slot != NULL ? ENGINE_SLOT : ENGINE_START;
}

void
engine_on_slot_created(struct engine *engine)
{
	engine->slot_created = true;
}

void
engine_on_begun(struct engine *engine)
{
	engine->begun = true;
	engine->received = engine->position.at;
	engine->progress = (struct finisher_progress){
		.written = engine->position.at,
		.durable = engine->position.at,
		.idle = true,
	};
}

/* Nothing can be streamed with such a slot, gap or no gap. */
static bool
refuse_lost_slot(struct engine *engine)
{
	lsn at = engine->position.at;
	char missing[96] = "";

	if (at != LSN_NONE)
		(void)snprintf(missing, sizeof(missing),
			"; WAL from " LSN_FORMAT " to " LSN_FORMAT
			" may be missing",
			LSN_ARGS(at), LSN_ARGS(engine->identity.flushed));
	error_set(&engine->failure, ERR_GAP,
		"replication slot \"%s\" was invalidated: the server no "
		"longer keeps WAL for it%s",
		engine->config.slot, missing);
	return error_set_hint(&engine->failure,
		"Drop it with --drop-slot -S %s and create it anew; if the WAL "
		"is gone, take a new base backup and go on with --allow-gap. "
		"max_slot_wal_keep_size and idle_replication_slot_timeout say "
		"why the slot was lost.",
		engine->config.slot);
}

static bool
check_slot(struct engine *engine)
{
	const char *name = engine->config.slot;
	const struct server_slot *slot = &engine->slot;

	if (!slot->known)
		return true;
	if (!slot->exists) {
		error_set(&engine->failure, ERR_REFUSED,
			"replication slot \"%s\" does not exist", name);
		return error_set_hint(&engine->failure,
			"Create it with --create-slot, or let --auto-slot do "
			"so.");
	}
	if (!slot->physical)
		return error_set(&engine->failure, ERR_REFUSED,
			"replication slot \"%s\" is not a physical slot", name);
	if (slot->lost)
		return refuse_lost_slot(engine);
	return true;
}

void
engine_on_slot(struct engine *engine, const struct server_slot *slot)
{
	bool missing = !slot->known || !slot->exists;

	engine->slot = *slot;
	engine->slot_read = true;
	if (missing && engine->config.auto_slot && !engine->slot_created)
		return;
	if (check_slot(engine))
		engine->state = ENGINE_START;
	else
		engine_leave(engine, ENGINE_EXIT);
}

void
engine_next_slot(struct engine *engine, struct engine_action *action)
{
	bool create = engine->slot_read && !engine->slot_created;

	/* From here on a stop leaves the open segment in the codec's form. */
	if (engine->position.at != LSN_NONE && !engine->begun) {
		action->kind = ACTION_BEGIN;
		return;
	}
	action->kind = create ? ACTION_CREATE_SLOT : ACTION_READ_SLOT;
}

/* The timeline of the server's history that an LSN lies on. */
static uint32_t
timeline_of(const struct engine *engine, lsn at)
{
	const struct timeline_history *history = &engine->history;

	for (size_t i = 0; i < history->count; i++)
		if (at < history->entries[i].end)
			return history->entries[i].timeline;
	return engine->identity.timeline;
}

/* Begin with the segment that holds LSN at. */
static void
choose_segment(struct engine *engine, uint32_t timeline, lsn at)
{
	lsn start = lsn_segment_start(at, engine->segment_size);

	engine->position = (struct archive_position){
		.timeline = timeline,
		.at = start,
		.held = start,
	};
	engine->begun = false;
}

static void
choose_newest(struct engine *engine)
{
	choose_segment(
		engine, engine->identity.timeline, engine->identity.flushed);
}

/*
 * An archive without WAL begins where it was told to, or where the slot does,
 * or where the server is.
 */
static void
choose_first_position(struct engine *engine)
{
	const struct server_slot *slot = &engine->slot;

	if (engine->config.begin != LSN_NONE)
		choose_segment(engine,
			timeline_of(engine, engine->config.begin),
			engine->config.begin);
	else if (engine->slot_read && slot->known && slot->restart != LSN_NONE)
		choose_segment(engine, timeline_of(engine, slot->restart),
			slot->restart);
	else
		choose_newest(engine);
}

/* What the archive holds of a timeline is not begun anew. */
static bool
is_beyond(const struct archive_position *a, const struct archive_position *b)
{
	return a->timeline != b->timeline || a->at > b->at;
}

static void
step_over_gap(struct engine *engine)
{
	const struct archive_position located = engine->position;

	engine->gap_ahead = false;
	engine->gap_passed = true;
	choose_first_position(engine);
	/* What the slot holds back may be just what is gone. */
	if (located.at == LSN_NONE || engine->position.at <= located.at)
		choose_newest(engine);
	if (!is_beyond(&engine->position, &located))
		engine->position = located;
}

/* Is the server where it was when we last heard of it, or beyond? */
static bool
check_server_position(struct engine *engine)
{
	const struct archive_position *position = &engine->position;

	if (position->timeline != engine->identity.timeline ||
		position->at <= engine->identity.flushed)
		return true;
	error_set(&engine->failure,
		engine->identity.leads ? ERR_DIVERGED : ERR_UNREACHABLE,
		"the server is behind the archive: its WAL ends at " LSN_FORMAT
		", the archive's at " LSN_FORMAT " (timeline %u)",
		LSN_ARGS(engine->identity.flushed), LSN_ARGS(position->at),
		position->timeline);
	return error_set_hint(&engine->failure,
		"A standby may catch up. A leader that lost WAL, or was "
		"restored from a backup, has diverged from the archive: use a "
		"new directory for it.");
}

static bool
has_reached(const struct engine *engine, lsn end)
{
	return end != LSN_NONE && engine->position.at >= end;
}

void
engine_next_start(
	struct engine *engine, int64_t now_us, struct engine_action *action)
{
	bool complete;

	if (engine->gap_ahead)
		step_over_gap(engine);
	else if (engine->position.at == LSN_NONE)
		choose_first_position(engine);
	if (!engine->begun) {
		action->kind = ACTION_BEGIN;
		return;
	}
	/* An archive that has all it shall is content with any server. */
	complete = has_reached(engine, engine->config.end);
	if (!complete && !check_server_position(engine))
		engine_leave_for_failure(engine);
	else if (complete || has_reached(engine, engine->end))
		engine_leave(engine, ENGINE_EXIT);
	else
		action->kind = ACTION_START;
	if (engine->state == ENGINE_CLOSE)
		engine_next(engine, now_us, action);
}
