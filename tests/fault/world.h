/*
 * world.h - what simulation.c and world.c share: a world, and what answers the
 * engine's actions in it.
 */
#ifndef WORLD_H
#define WORLD_H

#include "promises.h"
#include "simulation.h"

struct world {
	uint64_t seed;
	struct dice dice;
	struct model_server server; /* the one that is connected to */
	struct model_server other;  /* of the same cluster */
	bool has_other;
	struct model_archive archive;
	struct promises promises;
	struct simulation_counts *counts;
	bool trace;
	bool failed; /* a promise is broken */

	/* What stays the same over all processes. */
	bool with_slot;
	bool synchronous;
	bool verify;
	bool allow_gap;
	bool twins;	    /* another server may appear */
	uint64_t disk_pace; /* it does something once in so many steps */

	/* The process. */
	struct engine engine;
	struct engine_action action;
	int64_t now_us;
	bool calm;
	bool told[ERR_CODES]; /* that this is what is wrong */
	bool foreign;	      /* connected to another cluster */
	bool opened;	      /* the archive fits the server */
	struct archive_position located;
	unsigned char message[MODEL_MESSAGE_MAX + 32];
	int64_t reply_by_us; /* CLOCK_NEVER: nobody asked */
	int64_t reported_us;
	unsigned idle_steps; /* since time passed or a message came */
	char histories[MODEL_TIMELINES][512]; /* archived */
};

/* A promise is broken. */
void world_break(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Answer the engine's last action. */
void world_answer(struct world *world);

/* The workers do something, and say how far they are. */
void world_work(struct world *world);
void world_tell_progress(struct world *world);

/* A byte that was damaged is put right, in the way of a backup elsewhere. */
void world_mend_archive(struct world *world);

/* From now on, the other server is the one that is connected to. */
void world_turn_to_other(struct world *world);

/* The connection is no more. */
void world_hang_up(struct world *world);

#endif
