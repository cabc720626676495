/*
 * base/memory.h - a bound on the memory of the process, kept by the kernel.
 *
 * Libraries that talk to a server take what it makes them take: libpq makes
 * room for a message as soon as its length is announced, and keeps results and
 * parameters as they come. Beyond the bound their allocations fail like on a
 * machine without memory, and the caller is told.
 *
 * Guarantee: none where the kernel does not count anonymous mappings for
 * RLIMIT_DATA (before Linux 4.7), and under sanitizers, whose own memory is
 * many times the program's.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdint.h>

/*
 * From now on the process gets at most bytes more than it has, and besides
 * what so many threads need for their stacks. A bound that is set already stays
 * if it is lower.
 */
void memory_bound(uint64_t bytes, unsigned threads);

/* Let it have bytes more than the bound; none was set: nothing changes. */
void memory_allow(uint64_t bytes);

#endif
