#include "wal/record_verifier.h"

#include "base/byteorder.h"
#include "wal/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEGMENT_SIZE WAL_SEGMENT_SIZE_MIN
#define SYSTEM_IDENTIFIER UINT64_C(7100000000000000001)
#define MAGIC 0xD110
#define MAGIC_19 0xD122
#define BASE ((lsn)0x1200000000)
#define WAL_ROOM ((size_t)4 * SEGMENT_SIZE)

#define PAGE_CONTRECORD 0x0001
#define PAGE_LONG_HEADER 0x0002
#define PAGE_OVERWRITE_CONTRECORD 0x0008
#define PAGE_OVERWRITE_CONTRECORD_19 0x0004
#define RMID_XLOG 0
#define RMID_HEAP 10
#define XLOG_SWITCH 0x40

/* Makes WAL; bytes[0] has the LSN base. */
struct builder {
	unsigned char *bytes;
	lsn base;
	lsn at;
	lsn previous;
	uint32_t timeline;
	uint16_t magic;
	uint16_t next_flags; /* of the next page, beside the usual ones */
	uint32_t seed;
};

static const struct wal_identity identity = {
	.system_identifier = SYSTEM_IDENTIFIER,
	.segment_size = SEGMENT_SIZE,
};

static void
put_le(unsigned char *p, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t
next_random(struct builder *b)
{
	b->seed = b->seed * 1664525 + 1013904223;
	return b->seed >> 8;
}

static void
builder_init(struct builder *b, lsn base)
{
	b->bytes = calloc(1, WAL_ROOM);
	assert_non_null(b->bytes);
	b->base = base;
	b->at = base;
	b->previous = base - 64;
	b->timeline = 1;
	b->magic = MAGIC;
	b->next_flags = 0;
	b->seed = 1;
}

static void
builder_free(struct builder *b)
{
	free(b->bytes);
}

static size_t
builder_len(const struct builder *b)
{
	return (size_t)(b->at - b->base);
}

static unsigned char *
builder_at(struct builder *b, lsn at)
{
	return b->bytes + (at - b->base);
}

/* If at is the start of a page, write its header. */
static void
begin_page(struct builder *b, uint32_t rem_len)
{
	unsigned char *p = builder_at(b, b->at);
	bool is_long = lsn_segment_offset(b->at, SEGMENT_SIZE) == 0;
	unsigned int flags = b->next_flags;

	if (lsn_page_offset(b->at) != 0)
		return;
	assert_true(builder_len(b) + WAL_PAGE_SIZE <= WAL_ROOM);
	flags |= is_long ? PAGE_LONG_HEADER : 0;
	flags |= rem_len > 0 ? PAGE_CONTRECORD : 0;
	put_le(p, b->magic, 2);
	put_le(p + 2, flags, 2);
	put_le(p + 4, b->timeline, 4);
	put_le(p + 8, b->at, 8);
	put_le(p + 16, rem_len, 4);
	if (is_long) {
		put_le(p + 24, SYSTEM_IDENTIFIER, 8);
		put_le(p + 32, SEGMENT_SIZE, 4);
		put_le(p + 36, WAL_PAGE_SIZE, 4);
	}
	b->next_flags = 0;
	b->at += is_long ? WAL_LONG_HEADER_LEN : WAL_PAGE_HEADER_LEN;
}

static size_t
room_on_page(const struct builder *b)
{
	return WAL_PAGE_SIZE - lsn_page_offset(b->at);
}

/* Write the bytes of a record, of which the last left_out are not written. */
static void
write_record(struct builder *b, const unsigned char *record, size_t len,
	size_t left_out)
{
	size_t done = 0;

	while (done < len - left_out) {
		size_t n = len - left_out - done;

		begin_page(b, done == 0 ? 0 : (uint32_t)(len - done));
		if (n > room_on_page(b))
			n = room_on_page(b);
		memcpy(builder_at(b, b->at), record + done, n);
		b->at += n;
		done += n;
	}
}

static void
seal(unsigned char *record, size_t len)
{
	uint32_t crc = crc32c_update_portable(CRC32C_INIT,
		record + WAL_RECORD_HEADER_LEN, len - WAL_RECORD_HEADER_LEN);

	crc = crc32c_update_portable(crc, record, 20);
	put_le(record + 20, crc32c_finish(crc), 4);
}

/* A record of len bytes with random content; the caller frees it. */
static unsigned char *
make_record(struct builder *b, uint8_t rmid, uint8_t info, size_t len)
{
	unsigned char *record = calloc(1, len);

	assert_non_null(record);
	put_le(record, len, 4);
	put_le(record + 4, next_random(b), 4);
	put_le(record + 8, b->previous, 8);
	record[16] = info;
	record[17] = rmid;
	for (size_t i = WAL_RECORD_HEADER_LEN; i < len; i++)
		record[i] = (unsigned char)next_random(b);
	seal(record, len);
	return record;
}

/* Append a record and its padding; returns its LSN. */
static lsn
add_typed(struct builder *b, uint8_t rmid, uint8_t info, size_t len)
{
	unsigned char *record = make_record(b, rmid, info, len);
	lsn start;

	begin_page(b, 0);
	start = b->at;
	write_record(b, record, len, 0);
	b->at = lsn_align(b->at);
	b->previous = start;
	free(record);
	return start;
}

static lsn
add_record(struct builder *b, size_t len)
{
	return add_typed(b, RMID_HEAP, 0, len);
}

/* Append the first bytes of a record that is never finished. */
static lsn
add_unfinished(struct builder *b, size_t len, size_t written)
{
	unsigned char *record = make_record(b, RMID_HEAP, 0, len);
	lsn start;

	begin_page(b, 0);
	start = b->at;
	write_record(b, record, len, len - written);
	free(record);
	return start;
}

/* Append a record that leaves room bytes (a multiple of 8) on this page. */
static void
leave_room(struct builder *b, size_t room)
{
	begin_page(b, 0);
	assert_true(room_on_page(b) >= room + WAL_RECORD_HEADER_LEN);
	add_record(b, room_on_page(b) - room);
}

/* Append random records until there are at least len bytes of WAL. */
static void
add_many(struct builder *b, size_t len)
{
	while (builder_len(b) < len) {
		uint32_t kind = next_random(b) % 100;

		if (kind < 90)
			add_record(b, 24 + next_random(b) % 200);
		else if (kind < 98)
			add_record(b, 24 + next_random(b) % 9000);
		else
			add_record(b, 24 + next_random(b) % 60000);
	}
}

/* Append a segment switch; with_headers as servers before 11 do it. */
static lsn
add_switch(struct builder *b, bool with_headers)
{
	lsn start = add_typed(b, RMID_XLOG, XLOG_SWITCH, WAL_RECORD_HEADER_LEN);

	while (lsn_segment_offset(b->at, SEGMENT_SIZE) != 0) {
		if (with_headers)
			begin_page(b, 0);
		b->at += room_on_page(b);
	}
	return start;
}

static void
start_verifier(struct record_verifier *v, const struct builder *b)
{
	record_verifier_init(v, &identity);
	record_verifier_start(v, b->timeline, b->base, LSN_NONE);
}

/* Feed all in pieces of the given length; 0: random lengths. */
static bool
feed_pieces(struct record_verifier *v, struct builder *b, size_t piece,
	struct error *error)
{
	size_t end = builder_len(b);
	size_t done = (size_t)(v->position - b->base);

	while (done < end) {
		size_t n = piece != 0 ? piece : 1 + next_random(b) % 20000;

		if (n > end - done)
			n = end - done;
		if (!record_verifier_feed(v, b->bytes + done, n, error))
			return false;
		done += n;
	}
	return true;
}

static void
assert_same(const struct record_verifier *a, const struct record_verifier *b)
{
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->after_header, b->after_header);
	assert_true(a->position == b->position);
	assert_true(a->boundary == b->boundary);
	assert_true(a->record_start == b->record_start);
	assert_true(a->previous == b->previous);
	assert_int_equal(a->page_timeline, b->page_timeline);
	assert_int_equal(a->remaining, b->remaining);
	assert_int_equal(a->crc, b->crc);
	assert_int_equal(a->filled, b->filled);
	assert_int_equal(a->magic, b->magic);
	assert_true(a->records == b->records);
	assert_memory_equal(a->header, b->header, sizeof(a->header));
	assert_memory_equal(
		a->page_header, b->page_header, sizeof(a->page_header));
}

static const size_t pieces[] = {WAL_ROOM, 1, 7, 8191, 8192, 0};

#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

/* The WAL passes, however it is cut, and ends at a record's end. */
static void
assert_passes(struct builder *b, uint64_t records)
{
	struct record_verifier whole;

	for (size_t i = 0; i < PIECES; i++) {
		struct record_verifier v;
		struct error error = {.code = ERR_NONE};

		start_verifier(&v, b);
		if (!feed_pieces(&v, b, pieces[i], &error))
			fail_msg("%s", error.message);
		assert_true(v.position == b->at);
		assert_true(record_verifier_boundary(&v) == b->at);
		assert_true(record_verifier_previous(&v) == b->previous);
		assert_true(v.records == records);
		if (i == 0)
			whole = v;
		assert_same(&v, &whole);
	}
}

/* The WAL fails, however it is cut, with this text and this boundary. */
static void
assert_fails_at(struct builder *b, lsn boundary, const char *text)
{
	for (size_t i = 0; i < PIECES; i++) {
		struct record_verifier v;
		struct error error = {.code = ERR_NONE};

		start_verifier(&v, b);
		assert_false(feed_pieces(&v, b, pieces[i], &error));
		assert_int_equal(error.code, ERR_DAMAGED);
		if (strstr(error.message, text) == NULL)
			fail_msg(
				"\"%s\" is not in \"%s\"", text, error.message);
		assert_true(record_verifier_boundary(&v) == boundary);
	}
}

static void
test_records_of_all_kinds(void **state)
{
	struct builder b;
	struct record_verifier v;
	struct error error;

	(void)state;
	builder_init(&b, BASE);
	add_many(&b, 3 * SEGMENT_SIZE);
	start_verifier(&v, &b);
	assert_true(feed_pieces(&v, &b, WAL_ROOM, &error));
	assert_passes(&b, v.records);
	assert_true(v.records > 100);
	builder_free(&b);
}

/* At every position the struct is the same, whatever the pieces were. */
static void
test_the_position_alone_decides(void **state)
{
	struct record_verifier single;
	struct builder b;
	struct error error;

	(void)state;
	builder_init(&b, BASE);
	add_record(&b, 24);
	add_record(&b, 45);
	leave_room(&b, 16);
	add_record(&b, 24);
	leave_room(&b, 8);
	add_record(&b, 9000);
	leave_room(&b, 0);
	add_record(&b, 33);
	add_switch(&b, false);
	add_record(&b, 100);

	start_verifier(&single, &b);
	for (size_t len = 1; len <= builder_len(&b); len++) {
		struct record_verifier v;

		assert_true(record_verifier_feed(
			&single, b.bytes + len - 1, 1, &error));
		assert_true(
			record_verifier_boundary(&single) <= single.position);
		if (len > (size_t)6 * WAL_PAGE_SIZE && len % 4099 != 0)
			continue;
		start_verifier(&v, &b);
		assert_true(record_verifier_feed(&v, b.bytes, len, &error));
		assert_same(&v, &single);
	}
	builder_free(&b);
}

static void
test_ends_of_pages(void **state)
{
	(void)state;
	for (size_t room = 0; room <= 64; room += 8) {
		for (size_t len = 24; len <= 72; len++) {
			struct builder b;

			builder_init(&b, BASE);
			leave_room(&b, room);
			add_record(&b, len);
			add_record(&b, 24);
			assert_passes(&b, 3);
			builder_free(&b);

			builder_init(&b, BASE);
			leave_room(&b, room);
			add_record(&b, (size_t)3 * WAL_PAGE_SIZE + len);
			add_record(&b, 24);
			assert_passes(&b, 3);
			builder_free(&b);
		}
	}
}

static void
test_boundary_counts_padding_as_it_comes(void **state)
{
	struct record_verifier v;
	struct builder b;
	struct error error;
	size_t end = WAL_LONG_HEADER_LEN + 25;

	(void)state;
	builder_init(&b, BASE);
	add_record(&b, 25);
	start_verifier(&v, &b);
	assert_true(record_verifier_feed(&v, b.bytes, end - 1, &error));
	assert_true(record_verifier_boundary(&v) == BASE);
	assert_true(record_verifier_previous(&v) == LSN_NONE);
	for (size_t i = end - 1; i < end + 7; i++) {
		assert_true(record_verifier_feed(&v, b.bytes + i, 1, &error));
		assert_true(record_verifier_boundary(&v) == BASE + i + 1);
		assert_true(record_verifier_previous(&v) ==
			BASE + WAL_LONG_HEADER_LEN);
	}
	builder_free(&b);
}

static void
test_switch(void **state)
{
	(void)state;
	for (int with_headers = 0; with_headers < 2; with_headers++) {
		for (size_t room = 0; room <= 48; room += 8) {
			struct builder b;

			builder_init(&b, BASE);
			leave_room(&b, room);
			add_switch(&b, with_headers != 0);
			add_record(&b, 100);
			assert_passes(&b, 3);
			builder_free(&b);
		}
	}
}

/* The record fits the segment's last bytes, or takes the next one as well. */
static void
test_switch_in_the_last_page(void **state)
{
	(void)state;
	for (size_t room = 8; room <= 48; room += 8) {
		struct builder b;

		builder_init(&b, BASE);
		for (size_t page = 1; page < SEGMENT_SIZE / WAL_PAGE_SIZE;
			page++)
			leave_room(&b, 0);
		leave_room(&b, room);
		assert_int_equal(builder_len(&b), SEGMENT_SIZE - room);
		add_switch(&b, false);
		assert_int_equal(builder_len(&b),
			room < 24 ? 2 * SEGMENT_SIZE : SEGMENT_SIZE);
		add_record(&b, 77);
		assert_passes(&b, 130);
		builder_free(&b);
	}
}

static void
test_restart_within_a_switched_segment(void **state)
{
	struct record_verifier v;
	struct builder b;
	struct error error;
	lsn switched;
	lsn before;

	(void)state;
	builder_init(&b, BASE);
	before = add_record(&b, 100);
	switched = add_switch(&b, false);
	add_record(&b, 100);
	start_verifier(&v, &b);
	assert_true(record_verifier_feed(&v, b.bytes, 50000, &error));
	assert_int_equal(v.state, VERIFIER_AFTER_SWITCH);
	assert_true(record_verifier_boundary(&v) == switched);
	assert_true(record_verifier_previous(&v) == before);

	record_verifier_start(&v, 1, record_verifier_boundary(&v),
		record_verifier_previous(&v));
	assert_true(feed_pieces(&v, &b, 777, &error));
	assert_true(record_verifier_boundary(&v) == b.at);
	builder_free(&b);
}

static void
test_not_zero_after_a_switch(void **state)
{
	static const size_t spots[] = {
		200, 8191, 8192, 8192 + 23, 8192 + 24, SEGMENT_SIZE - 1};
	lsn switched;

	(void)state;
	for (size_t i = 0; i < sizeof(spots) / sizeof(spots[0]); i++) {
		struct builder b;

		builder_init(&b, BASE);
		add_record(&b, 100);
		switched = add_switch(&b, false);
		b.bytes[spots[i]] = 1;
		assert_fails_at(&b, switched, "WAL page at 12/000");
		builder_free(&b);
	}
}

/* What a crash while the segment was filled up leaves in a recycled file. */
static void
test_recycled_pages_after_a_switch(void **state)
{
	struct builder b;
	lsn switched;
	lsn stale = BASE + 10 * WAL_PAGE_SIZE;
	unsigned char *p;

	(void)state;
	builder_init(&b, BASE);
	add_record(&b, 100);
	switched = add_switch(&b, false);
	p = builder_at(&b, stale);
	put_le(p, MAGIC, 2);
	put_le(p + 4, 1, 4);
	put_le(p + 8, stale - 5 * SEGMENT_SIZE, 8);
	memset(p + 24, 0xA5, WAL_PAGE_SIZE - 24);
	assert_passes(&b, 2);

	put_le(p + 8, stale - 5 * SEGMENT_SIZE + WAL_PAGE_SIZE, 8);
	assert_fails_at(&b, switched, "unexpected page address");
	builder_free(&b);
}

/* WAL that begins within a record of len bytes, skip pages after its head. */
static void
drop_head(struct builder *b, size_t len, size_t skip_segments)
{
	add_record(b, len);
	b->base += skip_segments * SEGMENT_SIZE;
	memmove(b->bytes, b->bytes + skip_segments * SEGMENT_SIZE,
		WAL_ROOM - skip_segments * SEGMENT_SIZE);
}

static void
test_a_tail_whose_head_was_not_seen(void **state)
{
	struct record_verifier v;
	struct builder b;
	struct error error;
	lsn end;

	(void)state;
	builder_init(&b, BASE);
	drop_head(&b, 2 * SEGMENT_SIZE + 12345, 1);
	end = b.at;
	start_verifier(&v, &b);
	assert_true(
		record_verifier_feed(&v, b.bytes, SEGMENT_SIZE + 99, &error));
	assert_int_equal(v.state, VERIFIER_UNSEEN_TAIL);
	assert_true(record_verifier_boundary(&v) == b.base);
	assert_true(feed_pieces(&v, &b, 5000, &error));
	assert_true(record_verifier_boundary(&v) == end);
	assert_true(record_verifier_previous(&v) == LSN_NONE);

	add_record(&b, 50);
	add_record(&b, 50);
	assert_passes(&b, 2);
	builder_free(&b);
}

static void
test_a_tail_that_ends_with_a_page(void **state)
{
	struct builder b;
	size_t in_first = SEGMENT_SIZE - 128 * 24 - 16;

	(void)state;
	builder_init(&b, BASE);
	drop_head(&b, in_first + 8192 - 40 + 8192 - 24, 1);
	assert_int_equal(builder_len(&b), 2 * WAL_PAGE_SIZE);
	add_record(&b, 50);
	assert_passes(&b, 1);
	builder_free(&b);
}

static void
test_an_inconsistent_tail(void **state)
{
	static const struct {
		size_t offset;
		uint32_t value;
		int bytes;
		const char *text;
	} faults[] = {
		{8192 + 16, 8000, 4, "invalid contrecord length 8000"},
		{8192 + 16, 0, 4, "invalid contrecord length 0"},
		{8192 + 2, 0, 2, "invalid contrecord length"},
		{16, 5, 4, "unexpected contrecord"},
		{16, 0, 4, "invalid contrecord length 0"},
		{16, UINT32_MAX, 4, "invalid contrecord length 4294967295"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct record_verifier v;
		struct builder b;
		struct error error;

		builder_init(&b, BASE);
		drop_head(&b, 2 * SEGMENT_SIZE, 1);
		put_le(b.bytes + faults[i].offset, faults[i].value,
			faults[i].bytes);
		if (faults[i].offset == 16 && faults[i].value == 5)
			memset(b.bytes + 40, 0, WAL_PAGE_SIZE - 40);
		start_verifier(&v, &b);
		assert_false(feed_pieces(&v, &b, 100, &error));
		assert_int_equal(error.code, ERR_DAMAGED);
		if (faults[i].value != 5)
			assert_non_null(strstr(error.message, faults[i].text));
		builder_free(&b);
	}
}

/* Cut the record after written bytes and begin the next page anew. */
static void
overwrite_after(uint16_t magic, size_t room, size_t len, size_t written)
{
	struct record_verifier v;
	struct builder b;
	struct error error;
	lsn boundary;
	builder_init(&b, BASE);
	b.magic = magic;
	add_record(&b, 100);
	leave_room(&b, room);
	boundary = b.at;
	(void)add_unfinished(&b, len, written);
	assert_int_equal(lsn_page_offset(b.at), 0);
	b.next_flags = magic == MAGIC_19 ? PAGE_OVERWRITE_CONTRECORD_19
					 : PAGE_OVERWRITE_CONTRECORD;
	begin_page(&b, 0);
	start_verifier(&v, &b);
	assert_true(feed_pieces(&v, &b, 0, &error));
	assert_true(record_verifier_boundary(&v) == boundary);
	assert_int_equal(v.state, VERIFIER_RECORD_START);

	add_typed(&b, RMID_XLOG, 0xD0, 42);
	add_record(&b, 8000);
	assert_passes(&b, 4);
	builder_free(&b);
}

static void
test_a_record_given_up(void **state)
{
	static const uint16_t magics[] = {MAGIC, MAGIC_19};

	(void)state;
	for (int i = 0; i < 2; i++) {
		overwrite_after(magics[i], 8, 100, 8);
		overwrite_after(magics[i], 16, 100, 16);
		overwrite_after(magics[i], 24, 100, 24);
		overwrite_after(magics[i], 1000, 50000, 1000);
		overwrite_after(magics[i], 1000, 50000, 1000 + 3 * (8192 - 24));
	}
}

/* The same bit says nothing before 19, the other one must not be set in 19. */
static void
test_flags_of_versions(void **state)
{
	struct builder b;

	(void)state;
	builder_init(&b, BASE);
	b.next_flags = 0x0004;
	add_record(&b, 8000);
	b.next_flags = 0x0004;
	leave_room(&b, 0);
	b.next_flags = 0x0004;
	add_record(&b, 8000);
	assert_passes(&b, 3);
	builder_free(&b);

	builder_init(&b, BASE);
	b.magic = MAGIC_19;
	b.next_flags = 0x0008;
	add_record(&b, 100);
	assert_fails_at(&b, BASE, "invalid info bits 000A");
	builder_free(&b);
}

static void
test_an_unseen_tail_given_up(void **state)
{
	struct builder b;

	(void)state;
	builder_init(&b, BASE);
	(void)add_unfinished(
		&b, 2 * SEGMENT_SIZE, 8192 - 40 + 129 * (8192 - 24) - 16);
	b.base += SEGMENT_SIZE;
	memmove(b.bytes, b.bytes + SEGMENT_SIZE, WAL_ROOM - SEGMENT_SIZE);
	assert_int_equal(builder_len(&b), 2 * WAL_PAGE_SIZE);
	b.next_flags = PAGE_OVERWRITE_CONTRECORD;
	add_record(&b, 42);
	add_record(&b, 43);
	assert_passes(&b, 2);
	builder_free(&b);
}

static void
test_contrecord_flags_that_do_not_fit(void **state)
{
	struct builder b;
	lsn boundary;

	(void)state;
	builder_init(&b, BASE);
	leave_room(&b, 1000);
	boundary = b.at;
	add_record(&b, 20000);
	put_le(b.bytes + 8192 + 2, 0, 2);
	put_le(b.bytes + 8192 + 16, 0, 4);
	assert_fails_at(&b, boundary,
		"there is no contrecord flag in WAL page at 12/00002000");
	put_le(b.bytes + 8192 + 2, PAGE_CONTRECORD, 2);
	put_le(b.bytes + 8192 + 16, 18999, 4);
	assert_fails_at(&b, boundary,
		"invalid contrecord length 18999 in WAL page at 12/00002000, "
		"expected 19000");
	builder_free(&b);

	builder_init(&b, BASE);
	leave_room(&b, 0);
	boundary = b.at;
	add_record(&b, 100);
	put_le(b.bytes + 8192 + 2, PAGE_CONTRECORD, 2);
	put_le(b.bytes + 8192 + 16, 100, 4);
	assert_fails_at(&b, boundary, "no record is unfinished");
	builder_free(&b);
}

static void
test_a_boundary_at_a_page_start_has_no_tail(void **state)
{
	struct record_verifier v;
	struct builder b;
	struct error error;

	(void)state;
	builder_init(&b, BASE);
	drop_head(&b, 2 * SEGMENT_SIZE, 1);
	record_verifier_init(&v, &identity);
	record_verifier_start(&v, 1, b.base, b.base - 100);
	assert_false(feed_pieces(&v, &b, 0, &error));
	assert_non_null(strstr(error.message, "no record is unfinished"));
	builder_free(&b);
}

static void
test_timelines_of_pages(void **state)
{
	struct builder b;
	struct record_verifier v;
	struct error error;
	lsn third_page = BASE + 2 * WAL_PAGE_SIZE;
	lsn last;

	(void)state;
	builder_init(&b, BASE);
	b.timeline = 2;
	leave_room(&b, 100);
	b.timeline = 5;
	add_record(&b, 8192);
	last = add_record(&b, 200);
	assert_passes(&b, 3);
	start_verifier(&v, &b);
	assert_true(feed_pieces(&v, &b, 0, &error));
	assert_int_equal(v.page_timeline, 5);

	put_le(builder_at(&b, third_page) + 4, 4, 4);
	assert_fails_at(&b, last,
		"out-of-sequence timeline 4 (after 5) in WAL page at "
		"12/00004000");
	put_le(builder_at(&b, third_page) + 4, 6, 4);
	assert_fails_at(&b, last,
		"unexpected timeline 6 in WAL page at 12/00004000, which is "
		"read on timeline 5");
	put_le(b.bytes + 4, 0, 4);
	assert_fails_at(&b, BASE, "unexpected timeline 0");
	builder_free(&b);
}

/* Records at 40 (100 bytes), 144 (100 bytes) and 248 (up to page 3). */
static void
build_for_faults(struct builder *b)
{
	builder_init(b, BASE);
	add_record(b, 100);
	add_record(b, 100);
	add_record(b, 20000);
	add_record(b, 24);
	add_record(b, 24);
}

struct fault {
	size_t offset;
	uint64_t value;
	int bytes;
	size_t reseal; /* offset of a record of 100 bytes; 0: none */
	lsn boundary;  /* from BASE on */
	const char *text;
};

static const struct fault faults[] = {
	{0, 0, 2, 0, 0, "invalid magic number 0000 in WAL page at 12/00000000"},
	{8192, 0, 2, 0, 248,
		"invalid magic number 0000 in WAL page at 12/00002000, "
		"expected D110"},
	{8192, 0xD116, 2, 0, 248, "invalid magic number D116"},
	{8192, 0xBEEF, 2, 0, 248, "invalid magic number BEEF"},
	{2, 0x12, 2, 0, 0, "invalid info bits 0012"},
	{2, 0, 2, 0, 0, "invalid info bits 0000"},
	{2, 0x0B, 2, 0, 0, "invalid info bits 000B"},
	{8192 + 2, 0x03, 2, 0, 248, "invalid info bits 0003"},
	{8192 + 2, 0x09, 2, 0, 248, "invalid info bits 0009"},
	{8, BASE + 8192, 8, 0, 0,
		"unexpected page address 12/00002000 in WAL page at "
		"12/00000000"},
	{8192 + 8, BASE, 8, 0, 248, "unexpected page address 12/00000000"},
	{16, 1, 4, 0, 0, "invalid contrecord length 1"},
	{24, 5, 8, 0, 0,
		"is from another cluster: system identifier 5, expected "
		"7100000000000000001"},
	{32, 1 << 24, 4, 0, 0,
		"unexpected segment size 16777216 in WAL page at 12/00000000, "
		"expected 1048576"},
	{36, 16384, 4, 0, 0, "unexpected WAL block size 16384"},
	{144, 0, 4, 0, 144,
		"no record at 12/00000090: the valid WAL ends there"},
	{144, 23, 4, 0, 144, "invalid record length 23 at 12/00000090"},
	{144, 1 << 30, 4, 0, 144, "invalid record length 1073741824"},
	{144, UINT32_MAX, 4, 0, 144, "invalid record length 4294967295"},
	{144 + 4, 1, 4, 0, 144, "invalid record checksum at 12/00000090"},
	{144 + 8, 0, 8, 144, 144,
		"incorrect prev-link 0/00000000 in record at 12/00000090: "
		"Heap (info 0x00), expected 12/00000028"},
	{144 + 8, 0, 8, 0, 144, "incorrect prev-link"},
	{40 + 8, BASE + 40, 8, 40, 0,
		"incorrect prev-link 12/00000028 in record at 12/00000028"},
	{144 + 16, 0x20, 1, 0, 144, "Heap (info 0x20), expected CRC"},
	{144 + 17, 11, 1, 0, 144, "Btree (info 0x00), expected CRC"},
	{144 + 18, 1, 1, 144, 144, "padding is not zero"},
	{144 + 19, 1, 1, 144, 144, "padding is not zero"},
	{144 + 99, 0, 1, 0, 144, "invalid record checksum at 12/00000090"},
	{8192 + 100, 0, 4, 0, 248, "invalid record checksum at 12/000000F8"},
};

static void
test_every_kind_of_fault(void **state)
{
	struct builder b;

	(void)state;
	build_for_faults(&b);
	assert_passes(&b, 5);
	builder_free(&b);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault *f = &faults[i];

		build_for_faults(&b);
		put_le(b.bytes + f->offset, f->value, f->bytes);
		if (f->reseal != 0)
			seal(b.bytes + f->reseal, 100);
		assert_fails_at(&b, BASE + f->boundary, f->text);
		builder_free(&b);
	}
}

static void
test_every_flipped_bit_of_a_record(void **state)
{
	struct builder b;
	lsn start;

	(void)state;
	builder_init(&b, BASE);
	add_record(&b, 60);
	start = add_record(&b, 53);
	leave_room(&b, 0);
	add_record(&b, 40);
	for (size_t bit = 0; bit < (size_t)53 * 8; bit++) {
		unsigned char *byte = builder_at(&b, start) + bit / 8;
		unsigned char mask = (unsigned char)(1u << bit % 8);

		*byte ^= mask;
		assert_fails_at(&b, start, "12/0000");
		*byte ^= mask;
	}
	assert_passes(&b, 4);
	builder_free(&b);
}

static void
test_message_of_a_bad_checksum(void **state)
{
	struct builder b;
	char expected[200];
	uint32_t found;

	(void)state;
	builder_init(&b, BASE);
	add_typed(&b, 15, 0x30, 64);
	found = get_le32(b.bytes + 40 + 20);
	put_le(b.bytes + 40 + 20, 0x0A2B3C4D, 4);
	(void)snprintf(expected, sizeof(expected),
		"invalid record checksum at 12/00000028: Sequence "
		"(info 0x30), expected CRC 0A2B3C4D, found %08X",
		found);
	assert_fails_at(&b, BASE, expected);
	builder_free(&b);
}

/* From every record boundary, with the link known and not. */
static void
test_resume_at_every_boundary(void **state)
{
	struct record_verifier end;
	struct record_verifier walker;
	struct builder b;
	struct error error;
	lsn last = LSN_NONE;

	(void)state;
	builder_init(&b, BASE);
	add_many(&b, SEGMENT_SIZE / 2);
	add_switch(&b, false);
	add_many(&b, SEGMENT_SIZE + 100000);
	start_verifier(&end, &b);
	assert_true(feed_pieces(&end, &b, 0, &error));

	start_verifier(&walker, &b);
	while (walker.position < b.at) {
		lsn at = record_verifier_boundary(&walker);

		for (int known = 0; at != last && known < 2; known++) {
			struct record_verifier v;

			record_verifier_init(&v, &identity);
			record_verifier_start(&v, 1, at,
				known != 0 ? record_verifier_previous(&walker)
					   : LSN_NONE);
			assert_true(feed_pieces(&v, &b, 0, &error));
			assert_int_equal(v.state, end.state);
			assert_true(v.position == end.position);
			assert_true(v.boundary == end.boundary);
			if (known != 0 || v.records > 0)
				assert_true(v.previous == end.previous);
		}
		last = at;
		assert_true(record_verifier_feed(
			&walker, builder_at(&b, walker.position), 1, &error));
	}
	builder_free(&b);
}

static void
test_resume_with_a_wrong_link(void **state)
{
	struct record_verifier v;
	struct builder b;
	struct error error;
	lsn second;

	(void)state;
	build_for_faults(&b);
	second = BASE + 144;
	record_verifier_init(&v, &identity);
	record_verifier_start(&v, 1, second, BASE + 32);
	assert_false(feed_pieces(&v, &b, 0, &error));
	assert_non_null(strstr(error.message, "incorrect prev-link"));
	builder_free(&b);
}

static void
test_an_unknown_magic_turns_it_off(void **state)
{
	struct record_verifier v;
	struct builder b;
	struct error error;

	(void)state;
	builder_init(&b, BASE);
	b.magic = 0xD200;
	add_record(&b, 100);
	b.bytes[60] ^= 1;
	for (size_t i = 0; i < PIECES; i++) {
		start_verifier(&v, &b);
		assert_true(feed_pieces(&v, &b, pieces[i], &error));
		assert_int_equal(v.state, VERIFIER_OFF);
		assert_int_equal(v.magic, 0xD200);
		assert_true(record_verifier_boundary(&v) == b.at);
	}
	record_verifier_start(&v, 1, b.at, LSN_NONE);
	assert_int_equal(v.state, VERIFIER_OFF);
	assert_true(record_verifier_feed(&v, "garbage", 7, &error));
	assert_true(record_verifier_boundary(&v) == b.at + 7);

	put_le(b.bytes, MAGIC, 2);
	record_verifier_start(&v, 1, BASE, LSN_NONE);
	assert_false(feed_pieces(&v, &b, 0, &error));
	builder_free(&b);
}

static void
test_any_system_identifier(void **state)
{
	const struct wal_identity any = {0, SEGMENT_SIZE};
	struct record_verifier v;
	struct builder b;
	struct error error;

	(void)state;
	build_for_faults(&b);
	record_verifier_init(&v, &any);
	record_verifier_start(&v, 1, BASE, LSN_NONE);
	assert_true(feed_pieces(&v, &b, 0, &error));
	builder_free(&b);
}

static void
test_the_end_of_all_positions(void **state)
{
	static const lsn starts[] = {LSN_MAX, LSN_MAX - 7, LSN_MAX - 8191,
		LSN_MAX - 8192, LSN_MAX - 16383, LSN_MAX - SEGMENT_SIZE + 1};
	unsigned char *zeros = calloc(1, SEGMENT_SIZE);

	(void)state;
	assert_non_null(zeros);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct record_verifier v;
		struct error error = {.code = ERR_NONE};

		record_verifier_init(&v, &identity);
		record_verifier_start(&v, 1, starts[i], LSN_NONE);
		assert_true(record_verifier_feed(&v, zeros, 0, &error));
		assert_true(record_verifier_boundary(&v) == starts[i]);
		assert_false(
			record_verifier_feed(&v, zeros, SEGMENT_SIZE, &error));
		assert_int_equal(error.code, ERR_DAMAGED);
	}
	free(zeros);
}

static void
test_wal_close_to_the_last_page(void **state)
{
	struct record_verifier v;
	struct builder b;
	struct error error;
	lsn limit = LSN_MAX - 8191;

	(void)state;
	builder_init(&b, LSN_MAX - SEGMENT_SIZE + 1);
	while (b.at < limit)
		leave_room(&b, 0);
	assert_passes(&b, 127);
	start_verifier(&v, &b);
	assert_true(feed_pieces(&v, &b, 0, &error));
	assert_true(v.position == limit);
	assert_false(record_verifier_feed(&v, "", 1, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	builder_free(&b);
}

/* Whatever comes, it ends; a sanitizer sees the rest. */
static void
test_random_damage(void **state)
{
	struct builder b;
	struct builder spots;

	(void)state;
	builder_init(&spots, BASE);
	for (int round = 0; round < 300; round++) {
		struct record_verifier v;
		struct error error;

		builder_init(&b, BASE);
		b.seed = next_random(&spots);
		add_many(&b, 200000);
		add_switch(&b, false);
		for (int i = 0; i < 4; i++)
			b.bytes[next_random(&spots) % builder_len(&b)] =
				(unsigned char)next_random(&spots);
		start_verifier(&v, &b);
		(void)feed_pieces(&v, &b, 0, &error);
		assert_true(record_verifier_boundary(&v) <= b.at);
		builder_free(&b);
	}
	builder_free(&spots);
}

static void
test_names_and_versions(void **state)
{
	static const uint16_t magics[] = {0xD097, 0xD098, 0xD101, 0xD106,
		0xD10D, 0xD110, 0xD113, 0xD116, 0xD118, 0xD122};

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(wal_magic_version(magics[i]), 10 + i);
	assert_int_equal(wal_magic_version(0), 0);
	assert_int_equal(wal_magic_version(0xD111), 0);
	assert_string_equal(wal_rmgr_name(0), "XLOG");
	assert_string_equal(wal_rmgr_name(10), "Heap");
	assert_string_equal(wal_rmgr_name(21), "LogicalMessage");
	assert_string_equal(wal_rmgr_name(22), "unknown");
	assert_string_equal(wal_rmgr_name(127), "unknown");
	assert_string_equal(wal_rmgr_name(128), "custom");
	assert_string_equal(wal_rmgr_name(255), "custom");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_of_all_kinds),
		cmocka_unit_test(test_the_position_alone_decides),
		cmocka_unit_test(test_ends_of_pages),
		cmocka_unit_test(test_boundary_counts_padding_as_it_comes),
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_switch_in_the_last_page),
		cmocka_unit_test(test_restart_within_a_switched_segment),
		cmocka_unit_test(test_not_zero_after_a_switch),
		cmocka_unit_test(test_recycled_pages_after_a_switch),
		cmocka_unit_test(test_a_tail_whose_head_was_not_seen),
		cmocka_unit_test(test_a_tail_that_ends_with_a_page),
		cmocka_unit_test(test_an_inconsistent_tail),
		cmocka_unit_test(test_a_record_given_up),
		cmocka_unit_test(test_flags_of_versions),
		cmocka_unit_test(test_an_unseen_tail_given_up),
		cmocka_unit_test(test_contrecord_flags_that_do_not_fit),
		cmocka_unit_test(test_a_boundary_at_a_page_start_has_no_tail),
		cmocka_unit_test(test_timelines_of_pages),
		cmocka_unit_test(test_every_kind_of_fault),
		cmocka_unit_test(test_every_flipped_bit_of_a_record),
		cmocka_unit_test(test_message_of_a_bad_checksum),
		cmocka_unit_test(test_resume_at_every_boundary),
		cmocka_unit_test(test_resume_with_a_wrong_link),
		cmocka_unit_test(test_an_unknown_magic_turns_it_off),
		cmocka_unit_test(test_any_system_identifier),
		cmocka_unit_test(test_the_end_of_all_positions),
		cmocka_unit_test(test_wal_close_to_the_last_page),
		cmocka_unit_test(test_random_damage),
		cmocka_unit_test(test_names_and_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
