/*
 * receive/window_pool.h - the bounded memory that WAL passes through on its
 * way to the files. Private to the finisher and its tasks.
 *
 * A window holds a part of a segment that is aligned to the window's size, or
 * all of it if segments are no larger. A segment in work has a list of
 * windows, one after the other, the last one perhaps not full.
 *
 * Life cycle: window_pool_init -> (window_list_open -> window_list_find* ->
 * window_list_release)* -> window_pool_free.
 * Guarantee: there are never more windows than the memory allowed holds, but
 * always two, with which any archive can be received, if slowly. What was
 * released is used again and goes back to the system only at the end.
 * Nothing here locks: see receive/workshop.h.
 */
#ifndef RECEIVE_WINDOW_POOL_H
#define RECEIVE_WINDOW_POOL_H

#include "base/error.h"
#include "wal/lsn.h"

struct window {
	struct window *next;
	lsn start;
	unsigned char *data; /* window_size bytes */
};

struct window_pool {
	uint32_t window_size; /* a power of two */
	unsigned left;	      /* windows that may still be allocated */
	struct window *unused;
};

/* Oldest first; all NULL: empty. */
struct window_list {
	struct window *first;
	struct window *last;
};

/*
 * memory: bytes for the whole process, of which jobs that compress at once
 * need a share. Errors: ERR_MEMORY; window_pool_free is due all the same.
 */
bool window_pool_init(struct window_pool *pool, uint32_t segment_size,
	uint64_t memory, unsigned jobs, struct error *error);

/* No list may hold windows any more. One that is all zeros is fine. */
void window_pool_free(struct window_pool *pool);

/*
 * The window that the byte at LSN at goes to, which follows the list's last
 * byte; added to the list if need be. NULL: no memory now.
 */
struct window *window_list_open(
	struct window_list *list, struct window_pool *pool, lsn at);

/* The window that holds LSN at, which was appended before. */
struct window *window_list_find(
	const struct window_list *list, const struct window_pool *pool, lsn at);

/*
 * Give back the windows that lie below LSN upto; LSN_MAX: all. True if there
 * were any.
 */
bool window_list_release(
	struct window_list *list, struct window_pool *pool, lsn upto);

#endif
