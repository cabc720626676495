/*
 * Makes WAL that the server could have written: pages, records, checksums.
 *
 * Life cycle: wal_builder_init -> wal_builder_add* -> wal_builder_free. The
 * same calls make the same bytes. What does not fit fails the test.
 */
#ifndef WAL_BUILDER_H
#define WAL_BUILDER_H

#include "wal/record_verifier.h"

#define WAL_BUILDER_SEGMENT WAL_SEGMENT_SIZE_MIN
#define WAL_BUILDER_SYSTEM UINT64_C(7100000000000000001)
#define WAL_BUILDER_MAGIC 0xD110
#define WAL_BUILDER_ROOM ((size_t)4 * WAL_BUILDER_SEGMENT)

#define WAL_RMID_XLOG 0
#define WAL_RMID_HEAP 10

/* bytes[0] has the LSN base. */
struct wal_builder {
	unsigned char *bytes; /* WAL_BUILDER_ROOM of them, zero beyond at */
	lsn base;
	lsn at;
	lsn previous;	       /* start of the last record */
	uint32_t segment_size; /* WAL_BUILDER_SEGMENT */
	uint32_t timeline;
	uint16_t magic;
	uint16_t next_flags; /* of the next page, beside the usual ones */
	uint32_t seed;
};

/* Begin at base, the start of a segment, on timeline 1. */
void wal_builder_init(struct wal_builder *b, lsn base);

void wal_builder_free(struct wal_builder *b);

/* Bytes made so far, and where the byte at an LSN is. */
size_t wal_builder_len(const struct wal_builder *b);
unsigned char *wal_builder_at(struct wal_builder *b, lsn at);

uint32_t wal_builder_random(struct wal_builder *b);

/* If at is the start of a page, write its header. */
void wal_builder_begin_page(struct wal_builder *b, uint32_t rem_len);

size_t wal_builder_page_room(const struct wal_builder *b);

/* Append a record of len bytes and its padding; returns its LSN. */
lsn wal_builder_add(struct wal_builder *b, size_t len);
lsn wal_builder_add_typed(
	struct wal_builder *b, uint8_t rmid, uint8_t info, size_t len);

/* Append the first bytes of a record that is never finished. */
lsn wal_builder_add_unfinished(
	struct wal_builder *b, size_t len, size_t written);

/* Append a record that leaves room bytes (a multiple of 8) on this page. */
void wal_builder_leave_room(struct wal_builder *b, size_t room);

/* Append random records until there are at least len bytes of WAL. */
void wal_builder_add_many(struct wal_builder *b, size_t len);

/* Append a segment switch; with_headers as servers before 11 do it. */
lsn wal_builder_add_switch(struct wal_builder *b, bool with_headers);

/* Write the lowest bytes of value, and the checksum of a whole record. */
void wal_put_le(unsigned char *p, uint64_t value, int bytes);
void wal_seal_record(unsigned char *record, size_t len);

#endif
