/*
 * dice.h - chance that a seed brings back.
 */
#ifndef DICE_H
#define DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

/* splitmix64: neighbouring seeds have nothing in common. */
static inline uint64_t
dice_roll(struct dice *dice)
{
	uint64_t x = dice->state += UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

/* 0 .. n - 1. */
static inline uint64_t
dice_below(struct dice *dice, uint64_t n)
{
	return dice_roll(dice) % n;
}

/* from .. to. */
static inline uint64_t
dice_between(struct dice *dice, uint64_t from, uint64_t to)
{
	return from + dice_below(dice, to - from + 1);
}

static inline bool
dice_one_in(struct dice *dice, uint64_t n)
{
	return dice_below(dice, n) == 0;
}

#endif
