#include "simulation.h"

#include "base/clock.h"
#include "world.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Actions in a row without a message, and without time that passes. */
#define IDLE_STEPS_MAX 1000

/* To the end of all WAL, with a server that is friendly. */
#define CALM_STEPS_MAX 200000

void
world_break(struct world *world, const char *format, ...)
{
	va_list arguments;

	if (world->failed)
		return;
	world->failed = true;
	printf("seed %llu, step %llu: ", (unsigned long long)world->seed,
		(unsigned long long)world->counts->steps);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

static const char *
action_name(enum engine_action_kind kind)
{
	static const char *const names[] = {"connect", "identify", "open",
		"history", "locate", "read slot", "create slot", "begin",
		"start", "receive", "append", "persist", "status", "wait",
		"close", "finish copy", "hang up", "exit"};

	return names[kind];
}

static void
print_step(const struct world *world)
{
	const struct engine *engine = &world->engine;

	printf("%9llu %-11s timeline %u received " LSN_FORMAT
	       " durable " LSN_FORMAT " flush " LSN_FORMAT
	       " server %d " LSN_FORMAT " at %lld until %lld%s%s\n",
		(unsigned long long)world->counts->steps,
		action_name(world->action.kind), engine->position.timeline,
		LSN_ARGS(engine->received), LSN_ARGS(world->archive.durable),
		LSN_ARGS(world->action.status.flush), world->server.current + 1,
		LSN_ARGS(world->server.flushed), (long long)world->now_us,
		(long long)world->action.deadline_us,
		engine->failure.code == ERR_NONE ? "" : " ",
		engine->failure.code == ERR_NONE ? ""
						 : engine->failure.message);
}

static lsn
somewhere_ahead(struct world *world)
{
	return world->server.flushed + dice_below(&world->dice, 100000);
}

static int64_t
choose_us(struct world *world, const int64_t choices[3])
{
	return choices[dice_below(&world->dice, 3)];
}

/* What differs from one process to the next; when all is calm, nothing odd. */
static void
choose_options(struct world *world, struct engine_config *config)
{
	const int64_t intervals[] = {0, USECS_PER_SEC, 10 * USECS_PER_SEC};
	const int64_t timeouts[] = {
		CLOCK_NEVER, 5 * USECS_PER_SEC, 60 * USECS_PER_SEC};
	struct dice *dice = &world->dice;

	config->status_interval_us = choose_us(world, intervals);
	config->receive_timeout_us = choose_us(world, timeouts);
	if (world->calm)
		return;
	config->auto_slot = world->with_slot && dice_one_in(dice, 2);
	config->once = dice_one_in(dice, 8);
	config->no_loop = dice_one_in(dice, 8);
	if (dice_one_in(dice, 4))
		config->max_retries = (unsigned)dice_below(dice, 4);
	if (dice_one_in(dice, 10))
		config->end = somewhere_ahead(world);
	if (dice_one_in(dice, 10))
		config->begin = dice_between(
			dice, world->server.removed, world->server.flushed);
}

static void
start_process(struct world *world)
{
	struct engine_config config = {
		.slot = world->with_slot ? "slot" : NULL,
		.auto_slot = world->with_slot,
		.synchronous = world->synchronous,
		.verify = world->verify,
		.allow_gap = world->allow_gap,
		.max_retries = UINT_MAX,
		.seed = dice_roll(&world->dice),
	};

	choose_options(world, &config);
	engine_init(&world->engine, &config);
	memset(world->told, 0, sizeof(world->told));
	world->opened = false;
	world->idle_steps = 0;
	world->counts->processes++;
	promises_restart(&world->promises);
	world_hang_up(world);
}

static void
end_process(struct world *world, bool power)
{
	engine_free(&world->engine);
	model_archive_crash(&world->archive, power);
	model_archive_forget(&world->archive);
}

void
world_mend_archive(struct world *world)
{
	for (size_t i = 0; i < world->promises.bad_count; i++) {
		const struct model_damage *bad = &world->promises.bad[i];
		struct model_copy *copy = &world->archive.copies[bad->timeline];
		size_t offset = (size_t)(bad->at - world->archive.base);
		unsigned char right = *model_server_truth(
			&world->server, bad->timeline, bad->at);

		if (model_archive_file(&world->archive, bad->timeline,
			    bad->at) == FILE_NONE)
			continue;
		copy->cache[offset] = right;
		copy->disk[offset] = right;
	}
	world->promises.bad_count = 0;
}

static void
new_archive(struct world *world)
{
	uint32_t size = world->archive.segment_size;
	lsn base = world->archive.base;

	model_archive_free(&world->archive);
	model_archive_init(&world->archive, &world->dice, size, base);
	promises_forget_archive(&world->promises);
	memset(world->histories, 0, sizeof(world->histories));
}

/* What an administrator does about a receiver that ended so. */
static void
take_care(struct world *world, enum error_code code)
{
	if (code == ERR_DAMAGED || code == ERR_DIVERGED)
		world_mend_archive(world);
	if (code == ERR_GAP && world->server.slot.lost) {
		model_server_mend_slot(&world->server);
		world->promises.acknowledged = LSN_NONE;
	}
	if (code == ERR_REFUSED && !world->server.slot.exists) {
		world->server.slot.exists = true;
		world->server.slot.restart = LSN_NONE;
		world->promises.acknowledged = LSN_NONE;
	}
	if ((code == ERR_GAP || code == ERR_DIVERGED) &&
		dice_one_in(&world->dice, 3))
		new_archive(world);
}

static bool
has_all_it_should(const struct world *world)
{
	const struct promises *promises = &world->promises;
	lsn covered = promises_covered(promises);
	lsn end = world->engine.end;

	if (end == LSN_NONE)
		return false;
	/* A record that goes on behind the end is not known to be bad. */
	for (size_t i = 0; i < promises->bad_count; i++)
		if (promises->bad[i].at == covered &&
			promises->bad[i].limit > end)
			return true;
	return covered >= end || world->engine.position.at >= end;
}

/* A leader that is behind the archive, as the engine sees by itself. */
static bool
is_server_behind(const struct engine *engine)
{
	return engine->position.timeline == engine->identity.timeline &&
		engine->position.at > engine->identity.flushed;
}

/* Is that what it was told, or what it could see? */
static bool
has_reason(const struct world *world, enum error_code code)
{
	if (world->told[code])
		return true;
	if (code == ERR_DIVERGED || code == ERR_UNREACHABLE)
		if (is_server_behind(&world->engine))
			return true;
	if (code != ERR_DAMAGED && code != ERR_DIVERGED)
		return false;
	return world->promises.bad_count > 0 ||
		promises_is_others(&world->promises);
}

/* Did the process end as it should? */
static void
check_exit(struct world *world, enum error_code *code)
{
	struct error error = {.code = ERR_NONE};
	bool success = engine_result(&world->engine, &error);

	*code = error.code;
	if (success && !world->engine.stopping && !has_all_it_should(world))
		world_break(world,
			"P4: ends with WAL up to " LSN_FORMAT
			", not " LSN_FORMAT,
			LSN_ARGS(promises_covered(&world->promises)),
			LSN_ARGS(world->engine.end));
}

/* One action of the engine. False: the process ended; *code: how. */
static bool
step(struct world *world, enum error_code *code)
{
	world->counts->steps++;
	world->now_us += (int64_t)dice_below(&world->dice, 50);
	engine_next(&world->engine, world->now_us, &world->action);
	if (world->trace)
		print_step(world);
	if (world->engine.failure.code != ERR_NONE &&
		!has_reason(world, world->engine.failure.code))
		world_break(world, "fails without a reason: %s",
			world->engine.failure.message);
	if (world->action.kind == ACTION_EXIT) {
		check_exit(world, code);
		return false;
	}
	if (++world->idle_steps > IDLE_STEPS_MAX)
		world_break(world, "turns in circles");
	world_answer(world);
	return true;
}

/* The server lives on while nobody receives. */
static void
stay_away(struct world *world)
{
	uint64_t count = 0;

	if (dice_one_in(&world->dice, 3))
		count = dice_below(&world->dice, 600);
	while (count-- > 0)
		model_server_live(&world->server);
}

/* What happens to a process from outside. False: it is dead. */
static bool
befall(struct world *world)
{
	struct dice *dice = &world->dice;
	uint64_t what = dice_below(dice, 20000);

	if (what < 4) {
		bool power = what < 2;

		world->counts->kills += !power;
		world->counts->power_cuts += power;
		end_process(world, power);
		stay_away(world);
		start_process(world);
		return false;
	}
	if (what < 6)
		engine_stop(&world->engine);
	else if (what < 7 && world->engine.end == LSN_NONE)
		engine_set_end(&world->engine, somewhere_ahead(world));
	else if (what < 8) {
		/* Held up for so long, it may take the server's silence for
		 * its own. */
		world->told[ERR_UNREACHABLE] = true;
		world->now_us += (int64_t)dice_below(dice, 100) * USECS_PER_SEC;
	}
	return true;
}

/* Another server of the cluster appears, or lives on. */
static void
live_elsewhere(struct world *world)
{
	struct dice *dice = &world->dice;

	if (world->has_other)
		model_server_live(&world->other);
	else if (world->twins && dice_one_in(dice, 4000)) {
		model_server_copy(
			&world->other, &world->server, dice_one_in(dice, 3));
		world->has_other = true;
		world->promises.other = &world->other;
		world->counts->others++;
	}
}

static void
lose_process(struct world *world, enum error_code code)
{
	end_process(world, dice_one_in(&world->dice, 2));
	take_care(world, code);
	stay_away(world);
	start_process(world);
}

/* It is two servers', and nobody could see that. */
static void
lose_archive(struct world *world)
{
	world->counts->mixed++;
	end_process(world, false);
	new_archive(world);
	start_process(world);
}

static void
live(struct world *world)
{
	enum error_code code;

	model_server_live(&world->server);
	live_elsewhere(world);
	if (dice_one_in(&world->dice, world->disk_pace)) {
		world_work(world);
		if (dice_one_in(&world->dice, 2))
			world_tell_progress(world);
	}
	if (world->promises.mixed)
		lose_archive(world);
	else if (!befall(world) || step(world, &code))
		return;
	else
		lose_process(world, code);
}

/* Has everything been received that there is? Then the signal comes. */
static bool
is_at_rest(const struct world *world)
{
	const struct engine *engine = &world->engine;

	return engine->state == ENGINE_STREAM &&
		engine->received == world->server.flushed &&
		engine->pending_len == 0 &&
		engine->position.timeline ==
		model_timeline_number(world->server.current) &&
		(!engine->config.synchronous ||
			engine->reported_flush == engine->received);
}

/* With a server that is friendly, all there is gets into the archive. */
static void
come_to_rest(struct world *world)
{
	enum error_code code = ERR_NONE;
	uint64_t limit = world->counts->steps + CALM_STEPS_MAX;
	lsn covered;

	end_process(world, dice_one_in(&world->dice, 2));
	if (world->server.follows)
		world_turn_to_other(world);
	model_server_calm(&world->server);
	world_mend_archive(world);
	world->calm = true;
	start_process(world);
	while (!world->failed && step(world, &code)) {
		if (is_at_rest(world))
			engine_stop(&world->engine);
		if (world->counts->steps == limit)
			world_break(world, "does not come to the end");
	}
	if (world->failed)
		return;
	covered = promises_covered(&world->promises);
	/* It may have begun just where the server's WAL ends. */
	if (covered == LSN_NONE)
		covered = world->engine.position.at;
	if (code == ERR_GAP || code == ERR_DIVERGED ||
		(code == ERR_DAMAGED && promises_is_others(&world->promises)))
		world->counts->ended_early++;
	else if (code != ERR_NONE)
		world_break(world, "a friendly server does not suffice: %s",
			world->engine.failure.message);
	else if (covered < world->server.flushed)
		world_break(world,
			"P4: the archive ends at " LSN_FORMAT
			", the server's WAL at " LSN_FORMAT,
			LSN_ARGS(covered), LSN_ARGS(world->server.flushed));
}

static struct world *
make_world(uint64_t seed, bool trace, struct simulation_counts *counts)
{
	struct world *world = calloc(1, sizeof(*world));
	struct dice *dice;

	if (world == NULL)
		abort();
	dice = &world->dice;
	dice->state = seed;
	world->seed = seed;
	world->trace = trace;
	world->counts = counts;
	world->now_us = 1000 * USECS_PER_SEC;
	world->with_slot = !dice_one_in(dice, 3);
	world->synchronous = dice_one_in(dice, 2);
	world->verify = !dice_one_in(dice, 10);
	world->allow_gap = dice_one_in(dice, 3);
	world->disk_pace = UINT64_C(1) << dice_below(dice, 8);
	world->twins = dice_one_in(dice, 2);
	model_server_init(&world->server, dice);
	world->server.intact = !world->verify;
	model_archive_init(&world->archive, dice, world->server.segment_size,
		world->server.timelines[0].wal.base);
	promises_init(&world->promises, &world->server, &world->archive);
	return world;
}

bool
simulation_run(uint64_t seed, uint64_t steps, bool trace,
	struct simulation_counts *counts)
{
	struct world *world = make_world(seed, trace, counts);
	uint64_t end = counts->steps + steps;
	bool success;

	start_process(world);
	while (!world->failed && counts->steps < end)
		live(world);
	if (!world->failed)
		come_to_rest(world);
	counts->timelines += (uint64_t)world->server.count;
	success = !world->failed;
	engine_free(&world->engine);
	model_server_free(&world->server);
	if (world->has_other)
		model_server_free(&world->other);
	model_archive_free(&world->archive);
	free(world);
	return success;
}
