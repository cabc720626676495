#include "wal_builder.h"

#include "wal/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE_CONTRECORD 0x0001
#define PAGE_LONG_HEADER 0x0002
#define XLOG_SWITCH 0x40

void
wal_put_le(unsigned char *p, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(value >> (8 * i));
}

uint32_t
wal_builder_random(struct wal_builder *b)
{
	b->seed = b->seed * 1664525 + 1013904223;
	return b->seed >> 8;
}

void
wal_builder_init(struct wal_builder *b, lsn base)
{
	b->bytes = calloc(1, WAL_BUILDER_ROOM);
	assert_non_null(b->bytes);
	b->base = base;
	b->at = base;
	b->previous = base - 64;
	b->segment_size = WAL_BUILDER_SEGMENT;
	b->timeline = 1;
	b->magic = WAL_BUILDER_MAGIC;
	b->next_flags = 0;
	b->seed = 1;
}

void
wal_builder_free(struct wal_builder *b)
{
	free(b->bytes);
}

size_t
wal_builder_len(const struct wal_builder *b)
{
	return (size_t)(b->at - b->base);
}

unsigned char *
wal_builder_at(struct wal_builder *b, lsn at)
{
	return b->bytes + (at - b->base);
}

void
wal_builder_begin_page(struct wal_builder *b, uint32_t rem_len)
{
	unsigned char *p = wal_builder_at(b, b->at);
	bool is_long = lsn_segment_offset(b->at, b->segment_size) == 0;
	unsigned int flags = b->next_flags;

	if (lsn_page_offset(b->at) != 0)
		return;
	assert_true(wal_builder_len(b) + WAL_PAGE_SIZE <= WAL_BUILDER_ROOM);
	flags |= is_long ? PAGE_LONG_HEADER : 0;
	flags |= rem_len > 0 ? PAGE_CONTRECORD : 0;
	wal_put_le(p, b->magic, 2);
	wal_put_le(p + 2, flags, 2);
	wal_put_le(p + 4, b->timeline, 4);
	wal_put_le(p + 8, b->at, 8);
	wal_put_le(p + 16, rem_len, 4);
	if (is_long) {
		wal_put_le(p + 24, WAL_BUILDER_SYSTEM, 8);
		wal_put_le(p + 32, b->segment_size, 4);
		wal_put_le(p + 36, WAL_PAGE_SIZE, 4);
	}
	b->next_flags = 0;
	b->at += is_long ? WAL_LONG_HEADER_LEN : WAL_PAGE_HEADER_LEN;
}

size_t
wal_builder_page_room(const struct wal_builder *b)
{
	return WAL_PAGE_SIZE - lsn_page_offset(b->at);
}

/* Write the bytes of a record, of which the last left_out are not written. */
static void
write_record(struct wal_builder *b, const unsigned char *record, size_t len,
	size_t left_out)
{
	size_t done = 0;

	while (done < len - left_out) {
		size_t n = len - left_out - done;

		wal_builder_begin_page(
			b, done == 0 ? 0 : (uint32_t)(len - done));
		if (n > wal_builder_page_room(b))
			n = wal_builder_page_room(b);
		memcpy(wal_builder_at(b, b->at), record + done, n);
		b->at += n;
		done += n;
	}
}

void
wal_seal_record(unsigned char *record, size_t len)
{
	uint32_t crc = crc32c_update_portable(CRC32C_INIT,
		record + WAL_RECORD_HEADER_LEN, len - WAL_RECORD_HEADER_LEN);

	crc = crc32c_update_portable(crc, record, 20);
	wal_put_le(record + 20, crc32c_finish(crc), 4);
}

/* A record of len bytes with random content; the caller frees it. */
static unsigned char *
make_record(struct wal_builder *b, uint8_t rmid, uint8_t info, size_t len)
{
	unsigned char *record = calloc(1, len);

	assert_non_null(record);
	wal_put_le(record, len, 4);
	wal_put_le(record + 4, wal_builder_random(b), 4);
	wal_put_le(record + 8, b->previous, 8);
	record[16] = info;
	record[17] = rmid;
	for (size_t i = WAL_RECORD_HEADER_LEN; i < len; i++)
		record[i] = (unsigned char)(wal_builder_random(b) >> 16);
	wal_seal_record(record, len);
	return record;
}

lsn
wal_builder_add_typed(
	struct wal_builder *b, uint8_t rmid, uint8_t info, size_t len)
{
	unsigned char *record = make_record(b, rmid, info, len);
	lsn start;

	wal_builder_begin_page(b, 0);
	start = b->at;
	write_record(b, record, len, 0);
	b->at = lsn_align(b->at);
	b->previous = start;
	free(record);
	return start;
}

lsn
wal_builder_add(struct wal_builder *b, size_t len)
{
	return wal_builder_add_typed(b, WAL_RMID_HEAP, 0, len);
}

lsn
wal_builder_add_unfinished(struct wal_builder *b, size_t len, size_t written)
{
	unsigned char *record = make_record(b, WAL_RMID_HEAP, 0, len);
	lsn start;

	wal_builder_begin_page(b, 0);
	start = b->at;
	write_record(b, record, len, len - written);
	free(record);
	return start;
}

void
wal_builder_leave_room(struct wal_builder *b, size_t room)
{
	wal_builder_begin_page(b, 0);
	assert_true(wal_builder_page_room(b) >= room + WAL_RECORD_HEADER_LEN);
	wal_builder_add(b, wal_builder_page_room(b) - room);
}

void
wal_builder_add_many(struct wal_builder *b, size_t len)
{
	while (wal_builder_len(b) < len) {
		uint32_t kind = wal_builder_random(b) % 100;

		if (kind < 90)
			wal_builder_add(b, 24 + wal_builder_random(b) % 200);
		else if (kind < 98)
			wal_builder_add(b, 24 + wal_builder_random(b) % 9000);
		else
			wal_builder_add(b, 24 + wal_builder_random(b) % 60000);
	}
}

lsn
wal_builder_add_switch(struct wal_builder *b, bool with_headers)
{
	lsn start = wal_builder_add_typed(
		b, WAL_RMID_XLOG, XLOG_SWITCH, WAL_RECORD_HEADER_LEN);

	while (lsn_segment_offset(b->at, b->segment_size) != 0) {
		if (with_headers)
			wal_builder_begin_page(b, 0);
		b->at += wal_builder_page_room(b);
	}
	return start;
}
