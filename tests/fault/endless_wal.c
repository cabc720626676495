#include "endless_wal.h"

#include "wal/crc32c.h"
#include "wal/record_verifier.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_MAGIC_15 0xD110
#define PAGE_CONTRECORD 0x0001
#define PAGE_LONG_HEADER 0x0002

#define RMID_HEAP 10
#define RECORD_MIN 32
#define RECORD_MAX 60000
#define HEADER_SUMMED 20 /* bytes of a record's header, before its checksum */

#define FIRST_ROOM (WAL_PAGE_SIZE - WAL_LONG_HEADER_LEN)
#define ROOM (WAL_PAGE_SIZE - WAL_PAGE_HEADER_LEN)

/*
 * Places in a segment are counted without page headers. The last record goes
 * on at the beginning of the next segment.
 */
struct record {
	size_t place;
	uint32_t len;
	uint32_t body_crc; /* the state after the body */
};

struct endless_wal {
	uint32_t segment_size;
	size_t room; /* of a segment, without page headers */
	unsigned char *bytes;
	struct record *records;
	size_t count;
	uint64_t number; /* what bytes is now; 0: none yet */
	uint64_t random;
};

static uint32_t
next_random(struct endless_wal *wal)
{
	wal->random = wal->random * UINT64_C(6364136223846793005) +
		UINT64_C(1442695040888963407);
	return (uint32_t)(wal->random >> 33);
}

static void
put_le(unsigned char *p, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(value >> (8 * i));
}

/* Where a place is in the segment's file. */
static size_t
offset_of(size_t place)
{
	if (place < FIRST_ROOM)
		return WAL_LONG_HEADER_LEN + place;
	place -= FIRST_ROOM;
	return WAL_PAGE_SIZE * (1 + place / ROOM) + WAL_PAGE_HEADER_LEN +
		place % ROOM;
}

/* How many bytes follow a place on its page. */
static size_t
room_at(size_t place)
{
	return WAL_PAGE_SIZE - offset_of(place) % WAL_PAGE_SIZE;
}

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void
write_at(struct endless_wal *wal, size_t place, const unsigned char *data,
	size_t len)
{
	while (len > 0) {
		size_t part = min_size(len, room_at(place));

		memcpy(wal->bytes + offset_of(place), data, part);
		data += part;
		len -= part;
		place = (place + part) % wal->room;
	}
}

static uint32_t
sum_at(const struct endless_wal *wal, uint32_t crc, size_t place, size_t len)
{
	while (len > 0) {
		size_t part = min_size(len, room_at(place));

		crc = crc32c_update(crc, wal->bytes + offset_of(place), part);
		len -= part;
		place = (place + part) % wal->room;
	}
	return crc;
}

static uint32_t
choose_len(struct endless_wal *wal)
{
	uint32_t kind = next_random(wal) % 100;
	uint32_t range = RECORD_MAX;

	if (kind < 90)
		range = 224;
	else if (kind < 98)
		range = 9000;
	return RECORD_MIN + next_random(wal) % (range - RECORD_MIN);
}

/* Sixteen of 96 bytes are random, as rows with few different values are. */
static void
fill_body(struct endless_wal *wal, size_t place, size_t len)
{
	unsigned char piece[96];

	while (len > 0) {
		size_t part = min_size(len, sizeof(piece));

		memset(piece, (int)('a' + next_random(wal) % 8), sizeof(piece));
		for (size_t i = 0; i < 16; i += 4)
			put_le(piece + i, next_random(wal) << 8, 4);
		write_at(wal, place, piece, part);
		place = (place + part) % wal->room;
		len -= part;
	}
}

/* All of a record but its link and its checksum. */
static void
make_record(struct endless_wal *wal, struct record *record)
{
	unsigned char header[WAL_RECORD_HEADER_LEN] = {0};
	size_t body = (record->place + sizeof(header)) % wal->room;

	put_le(header, record->len, 4);
	put_le(header + 4, 700 + next_random(wal) % 1000, 4);
	header[17] = RMID_HEAP;
	write_at(wal, record->place, header, sizeof(header));
	fill_body(wal, body, record->len - sizeof(header));
	record->body_crc =
		sum_at(wal, CRC32C_INIT, body, record->len - sizeof(header));
}

/*
 * The last record begins on the last page but one or so, and ends where the
 * first one of the next segment begins.
 */
static void
choose_records(struct endless_wal *wal)
{
	size_t begin = (next_random(wal) % 1000 + 1) * 8;
	size_t place = begin;

	while (place + RECORD_MAX + RECORD_MIN < wal->room) {
		struct record *record = &wal->records[wal->count++];

		record->place = place;
		record->len = choose_len(wal);
		place = (size_t)lsn_align(place + record->len);
	}
	wal->records[wal->count++] = (struct record){
		.place = place,
		.len = (uint32_t)(wal->room - place + begin) - 3,
	};
}

/* How much of the record before is still to come where a page begins. */
static uint32_t
rest_at(const struct endless_wal *wal, size_t place, size_t *record)
{
	const struct record *r;

	while (*record + 1 < wal->count &&
		wal->records[*record + 1].place <= place)
		(*record)++;
	r = &wal->records[*record];
	if (place < wal->records[0].place) {
		r = &wal->records[wal->count - 1];
		return (uint32_t)(r->place + r->len - wal->room - place);
	}
	return r->place == place || r->place + r->len <= place
		? 0
		: (uint32_t)(r->place + r->len - place);
}

static void
make_pages(struct endless_wal *wal, uint64_t system_identifier)
{
	size_t record = 0;
	size_t place = 0;

	for (size_t at = 0; at < wal->segment_size; at += WAL_PAGE_SIZE) {
		unsigned char *page = wal->bytes + at;
		uint32_t rest = rest_at(wal, place, &record);

		put_le(page, PAGE_MAGIC_15, 2);
		put_le(page + 2,
			(rest > 0 ? PAGE_CONTRECORD : 0) |
				(at == 0 ? PAGE_LONG_HEADER : 0),
			2);
		put_le(page + 16, rest, 4);
		place += at == 0 ? FIRST_ROOM : ROOM;
	}
	put_le(wal->bytes + 24, system_identifier, 8);
	put_le(wal->bytes + 32, wal->segment_size, 4);
	put_le(wal->bytes + 36, WAL_PAGE_SIZE, 4);
}

struct endless_wal *
endless_wal_create(uint32_t segment_size, uint64_t system_identifier)
{
	struct endless_wal *wal = calloc(1, sizeof(*wal));

	if (wal == NULL)
		return NULL;
	wal->segment_size = segment_size;
	wal->room = FIRST_ROOM + (segment_size / WAL_PAGE_SIZE - 1) * ROOM;
	wal->bytes = calloc(1, segment_size);
	wal->records =
		calloc(wal->room / RECORD_MIN + 1, sizeof(wal->records[0]));
	if (wal->bytes == NULL || wal->records == NULL) {
		endless_wal_free(wal);
		return NULL;
	}
	choose_records(wal);
	for (size_t i = 0; i < wal->count; i++)
		make_record(wal, &wal->records[i]);
	make_pages(wal, system_identifier);
	return wal;
}

void
endless_wal_free(struct endless_wal *wal)
{
	if (wal == NULL)
		return;
	free(wal->bytes);
	free(wal->records);
	free(wal);
}

static void
address_pages(struct endless_wal *wal, lsn begin,
	const struct timeline_history *history)
{
	const struct timeline_entry *entry = history->entries;

	for (size_t at = 0; at < wal->segment_size; at += WAL_PAGE_SIZE) {
		while (begin + at >= entry->end)
			entry++;
		put_le(wal->bytes + at + 4, entry->timeline, 4);
		put_le(wal->bytes + at + 8, begin + at, 8);
	}
}

static void
link_record(struct endless_wal *wal, const struct record *record, lsn previous)
{
	unsigned char bytes[8];
	uint32_t crc;

	put_le(bytes, previous, 8);
	write_at(wal, record->place + 8, bytes, 8);
	crc = sum_at(wal, record->body_crc, record->place, HEADER_SUMMED);
	put_le(bytes, crc32c_finish(crc), 4);
	write_at(wal, record->place + HEADER_SUMMED, bytes, 4);
}

unsigned char *
endless_wal_segment(struct endless_wal *wal, uint64_t number,
	const struct timeline_history *history)
{
	lsn begin = number * wal->segment_size;
	const struct record *last = &wal->records[wal->count - 1];
	lsn previous = begin - wal->segment_size + offset_of(last->place);

	if (wal->number == number)
		return wal->bytes;
	address_pages(wal, begin, history);
	for (size_t i = 0; i < wal->count; i++) {
		link_record(wal, &wal->records[i], previous);
		previous = begin + offset_of(wal->records[i].place);
	}
	wal->number = number;
	return wal->bytes;
}
