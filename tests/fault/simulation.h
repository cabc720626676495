/*
 * simulation.h - one world: an engine, a server and an archive that the dice
 * drive, and the promises held against them after every step.
 *
 * Life cycle: simulation_run. The same seed makes the same world.
 */
#ifndef SIMULATION_H
#define SIMULATION_H

#include <stdbool.h>
#include <stdint.h>

struct simulation_counts {
	uint64_t steps;
	uint64_t kills;
	uint64_t power_cuts;
	uint64_t processes;
	uint64_t connections;
	uint64_t timelines;
	uint64_t damaged;
	uint64_t others; /* servers of the same cluster */
	uint64_t turns;	 /* to the other one */
	uint64_t mixed;	 /* unseen, for nothing in the WAL tells */
	uint64_t gaps;
	uint64_t segments;
	uint64_t flushes;
	uint64_t ended_early; /* worlds where no way leads on, rightly */
};

/*
 * Run a world for that many steps, then until it is at rest. Adds to *counts.
 * False: a promise is broken; what and when was printed. trace: print every
 * step.
 */
bool simulation_run(uint64_t seed, uint64_t steps, bool trace,
	struct simulation_counts *counts);

#endif
