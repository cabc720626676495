#include "world.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REPLY_PATIENCE_US (100 * USECS_PER_MS)
#define DEAF_INTERVAL_US USECS_PER_SEC

static void
fail(struct world *world, enum error_code code, bool connection_lost)
{
	struct error error;

	world->told[code] = true;
	errno = dice_one_in(&world->dice, 2) ? ENOSPC : EIO;
	if (code == ERR_SYSTEM)
		error_set_errno(&error, "could not write");
	else
		error_set(&error, code, "told failure %d", (int)code);
	if (connection_lost) {
		world->server.streaming = false;
		world->reply_by_us = CLOCK_NEVER;
	}
	engine_on_failure(&world->engine, &error, connection_lost);
}

/* Does what the server is asked fail? Then it is told. */
static bool
server_fails(struct world *world)
{
	enum error_code code = ERR_UNREACHABLE;

	if (world->server.calm)
		return false;
	if (!world->server.lost) {
		if (!dice_one_in(&world->dice, 150))
			return false;
		if (dice_one_in(&world->dice, 4))
			code = ERR_PROTOCOL;
		else if (dice_one_in(&world->dice, 8))
			code = ERR_REFUSED;
	}
	fail(world, code, true);
	return true;
}

static bool
archive_fails(struct world *world)
{
	if (world->server.calm || !dice_one_in(&world->dice, 200))
		return false;
	fail(world, dice_one_in(&world->dice, 4) ? ERR_LOCKED : ERR_SYSTEM,
		false);
	return true;
}

void
world_turn_to_other(struct world *world)
{
	const struct model_server server = world->server;

	world_mend_archive(world);
	if (world->other.follows)
		model_server_catch_up(&world->other, &world->server);
	world->server = world->other;
	world->other = server;
	world->promises.acknowledged = LSN_NONE;
	world->counts->turns++;
}

static void
answer_connect(struct world *world)
{
	if (world->has_other && !world->calm && dice_one_in(&world->dice, 6))
		world_turn_to_other(world);

	world->server.lost = false;
	world->server.hung = false;
	world->server.streaming = false;
	world->opened = false;
	world->counts->connections++;
	world->foreign = !world->server.calm &&
		!model_archive_is_empty(&world->archive) &&
		dice_one_in(&world->dice, 100);
	if (!server_fails(world))
		engine_on_connected(&world->engine);
}

static void
answer_identify(struct world *world)
{
	const struct model_server *server = &world->server;
	struct server_identity identity = {
		.system_identifier = MODEL_SYSTEM + world->foreign,
		.timeline = model_timeline_number(server->current),
		.flushed = server->flushed,
		.leads = server->leads,
	};

	world->opened = false;
	world->promises.target = server->current;
	if (!server_fails(world))
		engine_on_identity(
			&world->engine, &identity, server->segment_size);
}

/* archive_check_identity */
static void
answer_open(struct world *world)
{
	if (world->foreign) {
		fail(world, ERR_DIVERGED, false);
		return;
	}
	if (archive_fails(world))
		return;
	world->opened = true;
	engine_on_archive_open(&world->engine);
}

/* history_file_store: one that is archived is not replaced. */
static void
store_history(struct world *world, int timeline, const char *text)
{
	char *stored = world->histories[timeline];

	if (stored[0] == '\0')
		(void)strcpy(stored, text);
	if (strcmp(stored, text) != 0) {
		world->told[ERR_DIVERGED] = true;
		if (world->action.fetch) {
			fail(world, ERR_DIVERGED, true);
			return;
		}
	}
	engine_on_history(&world->engine, stored, strlen(stored));
}

static void
answer_history(struct world *world)
{
	static const char nonsense[] =
		"2\t0/4000000\tfrom nowhere\n1\t0/1\tx\n";
	int timeline = (int)world->action.timeline - 1;
	char text[512];

	if (timeline < 0 || timeline >= world->server.count) {
		world_break(world, "history of timeline %u is asked for",
			world->action.timeline);
		return;
	}
	if (server_fails(world))
		return;
	model_server_history(&world->server, timeline, text);
	if (!world->server.calm && dice_one_in(&world->dice, 300)) {
		world->told[ERR_PROTOCOL] = true;
		engine_on_history(
			&world->engine, nonsense, sizeof(nonsense) - 1);
	} else if (!world->server.calm && dice_one_in(&world->dice, 100) &&
		world->histories[timeline][0] == '\0') {
		engine_on_history(&world->engine, NULL, 0);
	} else {
		store_history(world, timeline, text);
	}
}

static void
see_finished(struct world *world, int timeline)
{
	if (world->archive.finished == LSN_NONE)
		return;
	world->counts->segments++;
	if (!promises_finished(
		    &world->promises, timeline, world->archive.finished))
		world_break(world, "%s", world->promises.text);
}

static void
answer_locate(struct world *world)
{
	if (archive_fails(world))
		return;
	if (!model_archive_locate(
		    &world->archive, &world->engine.history, &world->located)) {
		fail(world, ERR_DIVERGED, false);
		return;
	}
	see_finished(world, world->archive.timeline);
	engine_on_located(&world->engine, &world->located);
}

static void
answer_read_slot(struct world *world)
{
	struct server_slot slot = world->server.slot;

	if (server_fails(world))
		return;
	if (slot.lost)
		slot.restart = LSN_NONE;
	if (!slot.known)
		slot = (struct server_slot){0};
	if (slot.known && !slot.exists)
		world->told[ERR_REFUSED] = true;
	else if (slot.known && slot.lost)
		world->told[ERR_GAP] = true;
	world->promises.slot_restart = slot.known ? slot.restart : LSN_NONE;
	engine_on_slot(&world->engine, &slot);
}

static void
answer_create_slot(struct world *world)
{
	struct model_server *server = &world->server;

	if (!world->engine.config.auto_slot)
		world_break(world, "a slot is made that nobody asked for");
	if (server_fails(world))
		return;
	if (!server->slot.exists) {
		server->slot.exists = true;
		server->slot.lost = false;
		server->slot.restart = server->removed;
		world->promises.acknowledged = LSN_NONE;
	}
	engine_on_slot_created(&world->engine);
}

static void
answer_begin(struct world *world)
{
	const struct archive_position *position = &world->engine.position;
	struct finisher_progress progress;
	size_t gaps = world->promises.gap_count;

	if (world->archive.begun) {
		model_archive_progress(&world->archive, &progress);
		if (!progress.idle || world->archive.failed)
			world_break(world,
				"begins while workers are at work, "
				"or failed");
	}
	if (!world->opened || world->foreign)
		world_break(world,
			"P5: begins with a server that was not "
			"compared");
	if (!promises_begin(&world->promises, &world->engine, &world->located))
		world_break(world, "%s", world->promises.text);
	world->counts->gaps += world->promises.gap_count - gaps;
	if (world->failed)
		return;
	model_archive_begin(&world->archive, position);
	engine_on_begun(&world->engine);
}

static void
answer_start(struct world *world)
{
	struct replication_request request = {
		.timeline = world->engine.position.timeline,
		.at = world->engine.position.at,
	};
	enum replication_start result;
	enum error_code code;

	if (server_fails(world))
		return;
	if (!model_server_start(&world->server, &request, &result, &code)) {
		fail(world, code, true);
		return;
	}
	world->reply_by_us = CLOCK_NEVER;
	world->reported_us = world->now_us;
	engine_on_started(&world->engine, result, world->now_us);
}

/* Where it joins the archive, damage may look like another server's WAL. */
static void
note_damage(struct world *world)
{
	world->counts->damaged++;
	world->promises.sent = world->server.damage;
	world->told[ERR_DAMAGED] = true;
	world->told[ERR_DIVERGED] = true;
}

static void
answer_receive(struct world *world)
{
	bool damage;
	bool odd;
	size_t len;

	if (server_fails(world))
		return;
	if (world->server.hung)
		world->told[ERR_UNREACHABLE] = true;
	if (world->action.at_hand && dice_one_in(&world->dice, 2)) {
		engine_on_drained(&world->engine);
		return;
	}
	switch (model_server_send(
		&world->server, world->message, &len, &damage, &odd)) {
	case MODEL_MESSAGE:
		if (damage)
			note_damage(world);
		if (odd)
			world->told[ERR_PROTOCOL] = true;
		if (world->message[0] == 'k' && world->message[17] && !odd &&
			world->reply_by_us == CLOCK_NEVER)
			world->reply_by_us = world->now_us + REPLY_PATIENCE_US;
		world->idle_steps = 0;
		engine_on_message(
			&world->engine, world->message, len, world->now_us);
		break;
	case MODEL_DRAINED:
		engine_on_drained(&world->engine);
		break;
	case MODEL_ENDED:
		engine_on_copy_ended(&world->engine);
		break;
	}
}

static void
answer_append(struct world *world)
{
	const unsigned char *data = world->action.data;
	size_t taken;

	if (!world->archive.begun || data < world->message ||
		data + world->action.len >
			world->message + sizeof(world->message)) {
		world_break(world, "appends what was not received");
		return;
	}
	if (!promises_append(&world->promises, data, world->action.len)) {
		world_break(world, "%s", world->promises.text);
		return;
	}
	taken = model_archive_append(&world->archive, data, world->action.len);
	engine_on_appended(&world->engine, taken);
}

void
world_tell_progress(struct world *world)
{
	struct finisher_progress progress;

	if (!world->archive.begun)
		return;
	model_archive_progress(&world->archive, &progress);
	engine_on_progress(&world->engine, &progress);
}

void
world_work(struct world *world)
{
	if (!world->archive.begun || world->archive.failed)
		return;
	if (!world->server.calm && dice_one_in(&world->dice, 5000) &&
		world->archive.appended > world->archive.durable) {
		world->archive.failed = true;
		fail(world, ERR_SYSTEM, false);
		return;
	}
	if (model_archive_work(&world->archive, world->server.calm))
		see_finished(world, world->archive.timeline);
}

static void
answer_persist(struct world *world)
{
	model_archive_persist(&world->archive);
	if (!world->action.here || dice_one_in(&world->dice, 8))
		return;
	world_work(world);
	world->now_us += (int64_t)dice_below(&world->dice, 300);
	if (dice_one_in(&world->dice, 500))
		world->now_us += 5 * USECS_PER_SEC;
	world_tell_progress(world);
}

static void
answer_status(struct world *world)
{
	const struct standby_status *status = &world->action.status;

	if (!promises_status(&world->promises, &world->engine, status)) {
		world_break(world, "%s", world->promises.text);
		return;
	}
	if (status->flush != LSN_NONE)
		world->counts->flushes++;
	world->reply_by_us = CLOCK_NEVER;
	world->reported_us = world->now_us;
	if (!server_fails(world))
		model_server_take_status(
			&world->server, world->with_slot, status);
}

/* Does the engine keep the server waiting, or wait for what never comes? */
static void
check_wait(struct world *world)
{
	const struct engine_action *action = &world->action;
	int64_t due_us;

	if (action->deadline_us == CLOCK_NEVER && !action->for_socket &&
		(world->engine.progress.idle || !world->archive.begun))
		world_break(world, "waits for nothing");
	if (!world->engine.in_copy)
		return;
	if (action->deadline_us > world->reply_by_us)
		world_break(world, "P6: a request is not answered in time");
	due_us = world->reported_us + DEAF_INTERVAL_US;
	if (due_us < world->now_us)
		due_us = world->now_us;
	if (!action->for_socket &&
		action->deadline_us > due_us + REPLY_PATIENCE_US)
		world_break(world, "P6: the server hears nothing");
}

static void
answer_wait(struct world *world)
{
	int64_t left_us = world->action.deadline_us - world->now_us;
	int64_t short_us = (int64_t)dice_between(&world->dice, 1, 2000);

	check_wait(world);
	if (left_us > 100 * USECS_PER_SEC)
		left_us = USECS_PER_SEC;
	if (left_us > 0) {
		world->idle_steps = 0;
		if (short_us > left_us || dice_one_in(&world->dice, 2))
			short_us = left_us;
		world->now_us += short_us;
	}
	world_work(world);
	engine_on_woken(&world->engine);
	world_tell_progress(world);
}

static void
answer_close(struct world *world)
{
	model_archive_close(&world->archive);
	world_work(world);
	world_tell_progress(world);
}

static void
answer_finish_copy(struct world *world)
{
	bool wanted = world->engine.state == ENGINE_END_COPY;

	world->server.streaming = false;
	world->reply_by_us = CLOCK_NEVER;
	if (wanted && server_fails(world))
		return;
	engine_on_copy_finished(&world->engine);
}

void
world_hang_up(struct world *world)
{
	world->server.streaming = false;
	world->server.lost = false;
	world->server.hung = false;
	world->reply_by_us = CLOCK_NEVER;
}

static void
answer_hang_up(struct world *world)
{
	struct finisher_progress progress;

	model_archive_progress(&world->archive, &progress);
	if (world->archive.begun && !progress.idle)
		world_break(world, "hangs up while workers are at work");
	model_archive_forget(&world->archive);
	world_hang_up(world);
}

void
world_answer(struct world *world)
{
	switch (world->action.kind) {
	case ACTION_CONNECT:
		answer_connect(world);
		break;
	case ACTION_IDENTIFY:
		answer_identify(world);
		break;
	case ACTION_OPEN_ARCHIVE:
		answer_open(world);
		break;
	case ACTION_GET_HISTORY:
		answer_history(world);
		break;
	case ACTION_LOCATE:
		answer_locate(world);
		break;
	case ACTION_READ_SLOT:
		answer_read_slot(world);
		break;
	case ACTION_CREATE_SLOT:
		answer_create_slot(world);
		break;
	case ACTION_BEGIN:
		answer_begin(world);
		break;
	case ACTION_START:
		answer_start(world);
		break;
	case ACTION_RECEIVE:
		answer_receive(world);
		break;
	case ACTION_APPEND:
		answer_append(world);
		break;
	case ACTION_PERSIST:
		answer_persist(world);
		break;
	case ACTION_SEND_STATUS:
		answer_status(world);
		break;
	case ACTION_WAIT:
		answer_wait(world);
		break;
	case ACTION_CLOSE:
		answer_close(world);
		break;
	case ACTION_FINISH_COPY:
		answer_finish_copy(world);
		break;
	case ACTION_HANG_UP:
		answer_hang_up(world);
		break;
	case ACTION_EXIT:
		break;
	}
}
