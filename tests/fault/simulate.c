/*
 * Runs simulated worlds until there have been so many steps, each with a seed
 * of its own; or one world again. Prints what there was, or what went wrong.
 */
#include "simulation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORLD_STEPS 5000

static void
print_counts(const struct simulation_counts *counts)
{
	printf("%" PRIu64 " steps; %" PRIu64 " processes, %" PRIu64
	       " of them killed, %" PRIu64 " in a power cut; %" PRIu64
	       " connections, %" PRIu64 " timelines, %" PRIu64
	       " damaged bytes, %" PRIu64 " gaps; %" PRIu64
	       " servers more, %" PRIu64 " turns to the other one, %" PRIu64
	       " mixed with nothing to see; %" PRIu64
	       " segments archived, %" PRIu64
	       " flush positions reported; no way on in %" PRIu64 " worlds\n",
		counts->steps, counts->processes, counts->kills,
		counts->power_cuts, counts->connections, counts->timelines,
		counts->damaged, counts->gaps, counts->others, counts->turns,
		counts->mixed, counts->segments, counts->flushes,
		counts->ended_early);
}

static int
usage(void)
{
	fprintf(stderr,
		"usage: simulate [-n steps] [-s seed [-t]]\n"
		"  -n  in all worlds together (default: one world)\n"
		"  -s  the first world's seed (default: 1)\n"
		"  -t  print every step\n");
	return 2;
}

int
main(int argc, char **argv)
{
	struct simulation_counts counts = {0};
	uint64_t steps = WORLD_STEPS;
	uint64_t seed = 1;
	bool trace = false;
	int option;

	while ((option = getopt(argc, argv, "n:s:t")) != -1) {
		if (option == 'n')
			steps = strtoull(optarg, NULL, 10);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 't')
			trace = true;
		else
			return usage();
	}
	for (; counts.steps < steps; seed++)
		if (!simulation_run(seed, WORLD_STEPS, trace, &counts)) {
			printf("again: %s -t -s %" PRIu64 "\n", argv[0], seed);
			return 1;
		}
	print_counts(&counts);
	return 0;
}
