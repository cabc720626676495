/*
 * finisher_shop.h - a finisher at work in a directory of its own, given WAL
 * that can be told apart, and watched.
 *
 * Life cycle: shop_open -> change config -> shop_create -> shop_begin ->
 * shop_append, ... -> shop_close.
 * Guarantee: each look checks that no position goes back, that what is said to
 * be durable is in the files, and that segments are named in order.
 */
#ifndef FINISHER_SHOP_H
#define FINISHER_SHOP_H

#include "receive/finisher.h"
#include "temporary_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MB ((size_t)1 << 20)
#define SHOP_PIECE_MAX MB
#define SHOP_TIMELINE 3

/* Of the memory allowed, what is no window (two jobs). */
#define SHOP_RESERVE ((uint64_t)28 * MB)

/* A finisher, what it was given, and what it has said. */
struct shop {
	const struct directory *directory;
	struct finisher_config config;
	struct finisher *finisher;
	int wake[2];
	unsigned char *pattern;
	unsigned char *buffer;
	uint32_t seed;
	lsn begin; /* the first byte ever appended */
	lsn at;	   /* the next one */
	lsn checked;
	uint64_t next_completed;
	struct finisher_progress progress;
};

/* state: of directory_test. WAL begins with segment 5. */
void shop_open(
	struct shop *shop, void **state, uint32_t size, enum codec codec);
void shop_create(struct shop *shop);
void shop_begin(struct shop *shop, lsn at, lsn held);

/* Destroys the finisher. */
void shop_close(struct shop *shop);

uint32_t shop_random(struct shop *shop);

/* The WAL at an LSN; good for SHOP_PIECE_MAX bytes. */
const unsigned char *shop_wal(const struct shop *shop, lsn at);

/* Append len bytes in pieces; waits for memory when there is none. */
void shop_append(struct shop *shop, size_t len, size_t piece_max);

/* What the workers have done; and wait until one says that it did something. */
void shop_look(struct shop *shop);
void shop_wait(struct shop *shop);
void shop_wait_for_failure(struct shop *shop, struct error *error);

/* Close, and wait until nothing is in work. */
void shop_finish(struct shop *shop, enum finisher_closing closing);

void shop_name(const struct shop *shop, uint64_t number,
	enum archive_name_kind kind, enum codec codec,
	char text[ARCHIVE_NAME_MAX]);
bool shop_has(const struct shop *shop, uint64_t number,
	enum archive_name_kind kind, enum codec codec);
bool shop_has_final(const struct shop *shop, uint64_t number);

/* Write a .partial as an earlier run left it: WAL up to held. */
void shop_make_partial(struct shop *shop, lsn held);

/* The plain length of a file whose WAL is right; 0: there is no such file. */
uint64_t shop_check_file(struct shop *shop, uint64_t number,
	enum archive_name_kind kind, enum codec codec, lsn upto);

/* What is said to be durable is there; a .partial goes after its successor. */
void shop_check_durable(struct shop *shop, lsn durable);

/* Seen from the highest: when a name is there, all before it are. */
void shop_check_order(const struct shop *shop);

/* Nothing but the segments from begin on, and the open one in this form. */
void shop_check_directory(struct shop *shop, enum codec open_codec);

#endif
