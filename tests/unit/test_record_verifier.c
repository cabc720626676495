#include "wal/record_verifier.h"

#include "base/byteorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wal_builder.h"

#define SEGMENT_SIZE WAL_BUILDER_SEGMENT
#define MAGIC WAL_BUILDER_MAGIC
#define MAGIC_19 0xD122
#define BASE ((lsn)0x1200000000)

#define PAGE_CONTRECORD 0x0001
#define PAGE_OVERWRITE_CONTRECORD 0x0008
#define PAGE_OVERWRITE_CONTRECORD_19 0x0004

static const struct wal_identity identity = {
	.system_identifier = WAL_BUILDER_SYSTEM,
	.segment_size = SEGMENT_SIZE,
};

static void
start_verifier(struct record_verifier *v, const struct wal_builder *b)
{
	record_verifier_init(v, &identity);
	record_verifier_start(v, b->timeline, b->base, LSN_NONE);
}

/* Feed all in pieces of the given length; 0: random lengths. */
static bool
feed_pieces(struct record_verifier *v, struct wal_builder *b, size_t piece,
	struct error *error)
{
	size_t end = wal_builder_len(b);
	size_t done = (size_t)(v->position - b->base);

	while (done < end) {
		size_t n =
			piece != 0 ? piece : 1 + wal_builder_random(b) % 20000;

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

static const size_t pieces[] = {WAL_BUILDER_ROOM, 1, 7, 8191, 8192, 0};

#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

/* The WAL passes, however it is cut, and ends at a record's end. */
static void
assert_passes(struct wal_builder *b, uint64_t records)
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
assert_fails_at(struct wal_builder *b, lsn boundary, const char *text)
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
	struct wal_builder b;
	struct record_verifier v;
	struct error error;

	(void)state;
	wal_builder_init(&b, BASE);
	wal_builder_add_many(&b, 3 * SEGMENT_SIZE);
	start_verifier(&v, &b);
	assert_true(feed_pieces(&v, &b, WAL_BUILDER_ROOM, &error));
	assert_passes(&b, v.records);
	assert_true(v.records > 100);
	wal_builder_free(&b);
}

/* Where something begins or ends, and here and there within a record. */
static bool
is_telling(size_t len)
{
	size_t offset = len % WAL_PAGE_SIZE;

	if (len > (size_t)6 * WAL_PAGE_SIZE)
		return len % 4099 == 0;
	return offset < 300 || offset > WAL_PAGE_SIZE - 100 || len % 61 == 0;
}

/* At every position the struct is the same, whatever the pieces were. */
static void
test_the_position_alone_decides(void **state)
{
	struct record_verifier single;
	struct wal_builder b;
	struct error error;

	(void)state;
	wal_builder_init(&b, BASE);
	wal_builder_add(&b, 24);
	wal_builder_add(&b, 45);
	wal_builder_leave_room(&b, 16);
	wal_builder_add(&b, 24);
	wal_builder_leave_room(&b, 8);
	wal_builder_add(&b, 9000);
	wal_builder_leave_room(&b, 0);
	wal_builder_add(&b, 33);
	wal_builder_add_switch(&b, false);
	wal_builder_add(&b, 100);

	start_verifier(&single, &b);
	for (size_t len = 1; len <= wal_builder_len(&b); len++) {
		struct record_verifier v;

		assert_true(record_verifier_feed(
			&single, b.bytes + len - 1, 1, &error));
		assert_true(
			record_verifier_boundary(&single) <= single.position);
		if (!is_telling(len))
			continue;
		start_verifier(&v, &b);
		assert_true(record_verifier_feed(&v, b.bytes, len, &error));
		assert_same(&v, &single);
	}
	wal_builder_free(&b);
}

static void
test_ends_of_pages(void **state)
{
	(void)state;
	for (size_t room = 0; room <= 64; room += 8) {
		for (size_t len = 24; len <= 72; len++) {
			struct wal_builder b;

			wal_builder_init(&b, BASE);
			wal_builder_leave_room(&b, room);
			wal_builder_add(&b, len);
			wal_builder_add(&b, 24);
			assert_passes(&b, 3);
			wal_builder_free(&b);

			wal_builder_init(&b, BASE);
			wal_builder_leave_room(&b, room);
			wal_builder_add(&b, (size_t)3 * WAL_PAGE_SIZE + len);
			wal_builder_add(&b, 24);
			assert_passes(&b, 3);
			wal_builder_free(&b);
		}
	}
}

static void
test_boundary_counts_padding_as_it_comes(void **state)
{
	struct record_verifier v;
	struct wal_builder b;
	struct error error;
	size_t end = WAL_LONG_HEADER_LEN + 25;

	(void)state;
	wal_builder_init(&b, BASE);
	wal_builder_add(&b, 25);
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
	wal_builder_free(&b);
}

static void
test_switch(void **state)
{
	(void)state;
	for (int with_headers = 0; with_headers < 2; with_headers++) {
		for (size_t room = 0; room <= 48; room += 8) {
			struct wal_builder b;

			wal_builder_init(&b, BASE);
			wal_builder_leave_room(&b, room);
			wal_builder_add_switch(&b, with_headers != 0);
			wal_builder_add(&b, 100);
			assert_passes(&b, 3);
			wal_builder_free(&b);
		}
	}
}

/* The record fits the segment's last bytes, or takes the next one as well. */
static void
test_switch_in_the_last_page(void **state)
{
	(void)state;
	for (size_t room = 8; room <= 48; room += 8) {
		struct wal_builder b;

		wal_builder_init(&b, BASE);
		for (size_t page = 1; page < SEGMENT_SIZE / WAL_PAGE_SIZE;
			page++)
			wal_builder_leave_room(&b, 0);
		wal_builder_leave_room(&b, room);
		assert_int_equal(wal_builder_len(&b), SEGMENT_SIZE - room);
		wal_builder_add_switch(&b, false);
		assert_int_equal(wal_builder_len(&b),
			room < 24 ? 2 * SEGMENT_SIZE : SEGMENT_SIZE);
		wal_builder_add(&b, 77);
		assert_passes(&b, 130);
		wal_builder_free(&b);
	}
}

static void
test_restart_within_a_switched_segment(void **state)
{
	struct record_verifier v;
	struct wal_builder b;
	struct error error;
	lsn switched;
	lsn before;

	(void)state;
	wal_builder_init(&b, BASE);
	before = wal_builder_add(&b, 100);
	switched = wal_builder_add_switch(&b, false);
	wal_builder_add(&b, 100);
	start_verifier(&v, &b);
	assert_true(record_verifier_feed(&v, b.bytes, 50000, &error));
	assert_int_equal(v.state, VERIFIER_AFTER_SWITCH);
	assert_true(record_verifier_boundary(&v) == switched);
	assert_true(record_verifier_previous(&v) == before);

	record_verifier_start(&v, 1, record_verifier_boundary(&v),
		record_verifier_previous(&v));
	assert_true(feed_pieces(&v, &b, 777, &error));
	assert_true(record_verifier_boundary(&v) == b.at);
	wal_builder_free(&b);
}

static void
test_not_zero_after_a_switch(void **state)
{
	static const size_t spots[] = {
		200, 8191, 8192, 8192 + 23, 8192 + 24, SEGMENT_SIZE - 1};
	lsn switched;

	(void)state;
	for (size_t i = 0; i < sizeof(spots) / sizeof(spots[0]); i++) {
		struct wal_builder b;

		wal_builder_init(&b, BASE);
		wal_builder_add(&b, 100);
		switched = wal_builder_add_switch(&b, false);
		b.bytes[spots[i]] = 1;
		assert_fails_at(&b, switched, "WAL page at 12/000");
		wal_builder_free(&b);
	}
}

/* What a crash while the segment was filled up leaves in a recycled file. */
static void
test_recycled_pages_after_a_switch(void **state)
{
	struct wal_builder b;
	lsn switched;
	lsn stale = BASE + 10 * WAL_PAGE_SIZE;
	unsigned char *p;

	(void)state;
	wal_builder_init(&b, BASE);
	wal_builder_add(&b, 100);
	switched = wal_builder_add_switch(&b, false);
	p = wal_builder_at(&b, stale);
	wal_put_le(p, MAGIC, 2);
	wal_put_le(p + 4, 1, 4);
	wal_put_le(p + 8, stale - 5 * SEGMENT_SIZE, 8);
	memset(p + 24, 0xA5, WAL_PAGE_SIZE - 24);
	assert_passes(&b, 2);

	wal_put_le(p + 8, stale - 5 * SEGMENT_SIZE + WAL_PAGE_SIZE, 8);
	assert_fails_at(&b, switched, "unexpected page address");
	wal_builder_free(&b);
}

/* WAL that begins within a record of len bytes, skip pages after its head. */
static void
drop_head(struct wal_builder *b, size_t len, size_t skip_segments)
{
	wal_builder_add(b, len);
	b->base += skip_segments * SEGMENT_SIZE;
	memmove(b->bytes, b->bytes + skip_segments * SEGMENT_SIZE,
		WAL_BUILDER_ROOM - skip_segments * SEGMENT_SIZE);
}

static void
test_a_tail_whose_head_was_not_seen(void **state)
{
	struct record_verifier v;
	struct wal_builder b;
	struct error error;
	lsn end;

	(void)state;
	wal_builder_init(&b, BASE);
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

	wal_builder_add(&b, 50);
	wal_builder_add(&b, 50);
	assert_passes(&b, 2);
	wal_builder_free(&b);
}

/* Fill the segment but for its last room bytes. */
static void
fill_segment(struct wal_builder *b, size_t room)
{
	for (size_t page = 1; page < SEGMENT_SIZE / WAL_PAGE_SIZE; page++)
		wal_builder_leave_room(b, 0);
	wal_builder_leave_room(b, room);
}

static void
drop_segment(struct wal_builder *b)
{
	b->base += SEGMENT_SIZE;
	memmove(b->bytes, b->bytes + SEGMENT_SIZE,
		WAL_BUILDER_ROOM - SEGMENT_SIZE);
}

/* A switch that crosses a border uses up the segment that its rest lies in. */
static void
test_a_switch_whose_head_was_not_seen(void **state)
{
	struct record_verifier v;
	struct wal_builder b;
	struct error error;
	lsn switched;

	(void)state;
	for (size_t room = 8; room <= 16; room += 8) {
		for (int with_headers = 0; with_headers < 2; with_headers++) {
			wal_builder_init(&b, BASE);
			fill_segment(&b, room);
			switched =
				wal_builder_add_switch(&b, with_headers != 0);
			drop_segment(&b);
			start_verifier(&v, &b);
			assert_true(record_verifier_feed(
				&v, b.bytes, SEGMENT_SIZE - 1, &error));
			assert_true(record_verifier_boundary(&v) == b.base);
			assert_true(record_verifier_previous(&v) == LSN_NONE);
			assert_passes(&b, 0);
			assert_true(b.previous == switched);

			wal_builder_add(&b, 50);
			wal_builder_add(&b, 77);
			assert_passes(&b, 2);
			wal_builder_free(&b);
		}
	}
}

/* The next record says where the switch was, and that is known. */
static void
test_what_follows_an_unseen_switch(void **state)
{
	struct wal_builder b;

	(void)state;
	wal_builder_init(&b, BASE);
	fill_segment(&b, 8);
	wal_builder_add_switch(&b, false);
	drop_segment(&b);
	b.previous -= 8;
	wal_builder_add(&b, 50);
	assert_fails_at(&b, b.base + SEGMENT_SIZE, "incorrect prev-link");
	wal_builder_free(&b);

	wal_builder_init(&b, BASE);
	fill_segment(&b, 8);
	wal_builder_add_switch(&b, false);
	drop_segment(&b);
	b.bytes[5000] = 1;
	assert_fails_at(&b, b.base, "is not zero after the segment switch");
	wal_builder_free(&b);
}

/* Other records end like one, and are followed by others. */
static void
test_tails_that_look_like_a_switch(void **state)
{
	static const unsigned char ends[][16] = {
		{0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4},
		{9, 9, 9, 9, 9, 9, 9, 9, 0x4F, 0, 0, 0, 0, 0, 0, 0},
		{9, 9, 9, 9, 9, 9, 9, 9, 0x40, 1, 0, 0, 1, 2, 3, 4},
		{9, 9, 9, 9, 9, 9, 9, 9, 0x40, 0, 1, 0, 1, 2, 3, 4},
	};
	static const size_t next[] = {24, 256, 65536};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		for (size_t n = 0; n < sizeof(next) / sizeof(next[0]); n++) {
			struct wal_builder b;
			size_t tail = 8 + 8 * (i % 2);

			wal_builder_init(&b, BASE);
			fill_segment(&b, 24);
			wal_builder_add(&b, 24 + tail);
			drop_segment(&b);
			memcpy(b.bytes + WAL_LONG_HEADER_LEN,
				ends[i] + 16 - tail, tail);
			wal_builder_add(&b, next[n]);
			wal_builder_add(&b, 50);
			assert_passes(&b, 2);
			wal_builder_free(&b);
		}
	}
}

static void
test_a_tail_that_ends_with_a_page(void **state)
{
	struct wal_builder b;
	size_t in_first = SEGMENT_SIZE - 128 * 24 - 16;

	(void)state;
	wal_builder_init(&b, BASE);
	drop_head(&b, in_first + 8192 - 40 + 8192 - 24, 1);
	assert_int_equal(wal_builder_len(&b), 2 * WAL_PAGE_SIZE);
	wal_builder_add(&b, 50);
	assert_passes(&b, 1);
	wal_builder_free(&b);
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
		struct wal_builder b;
		struct error error;

		wal_builder_init(&b, BASE);
		drop_head(&b, 2 * SEGMENT_SIZE, 1);
		wal_put_le(b.bytes + faults[i].offset, faults[i].value,
			faults[i].bytes);
		if (faults[i].offset == 16 && faults[i].value == 5)
			memset(b.bytes + 40, 0, WAL_PAGE_SIZE - 40);
		start_verifier(&v, &b);
		assert_false(feed_pieces(&v, &b, 100, &error));
		assert_int_equal(error.code, ERR_DAMAGED);
		if (faults[i].value != 5)
			assert_non_null(strstr(error.message, faults[i].text));
		wal_builder_free(&b);
	}
}

/* Cut the record after written bytes and begin the next page anew. */
static void
overwrite_after(uint16_t magic, size_t room, size_t len, size_t written)
{
	struct record_verifier v;
	struct wal_builder b;
	struct error error;
	lsn boundary;
	wal_builder_init(&b, BASE);
	b.magic = magic;
	wal_builder_add(&b, 100);
	wal_builder_leave_room(&b, room);
	boundary = b.at;
	(void)wal_builder_add_unfinished(&b, len, written);
	assert_int_equal(lsn_page_offset(b.at), 0);
	b.next_flags = magic == MAGIC_19 ? PAGE_OVERWRITE_CONTRECORD_19
					 : PAGE_OVERWRITE_CONTRECORD;
	wal_builder_begin_page(&b, 0);
	start_verifier(&v, &b);
	assert_true(feed_pieces(&v, &b, 0, &error));
	assert_true(record_verifier_boundary(&v) == boundary);
	assert_int_equal(v.state, VERIFIER_RECORD_START);

	wal_builder_add_typed(&b, WAL_RMID_XLOG, 0xD0, 42);
	wal_builder_add(&b, 8000);
	assert_passes(&b, 4);
	wal_builder_free(&b);
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
	struct wal_builder b;

	(void)state;
	wal_builder_init(&b, BASE);
	b.next_flags = 0x0004;
	wal_builder_add(&b, 8000);
	b.next_flags = 0x0004;
	wal_builder_leave_room(&b, 0);
	b.next_flags = 0x0004;
	wal_builder_add(&b, 8000);
	assert_passes(&b, 3);
	wal_builder_free(&b);

	wal_builder_init(&b, BASE);
	b.magic = MAGIC_19;
	b.next_flags = 0x0008;
	wal_builder_add(&b, 100);
	assert_fails_at(&b, BASE, "invalid info bits 000A");
	wal_builder_free(&b);
}

static void
test_an_unseen_tail_given_up(void **state)
{
	struct wal_builder b;

	(void)state;
	wal_builder_init(&b, BASE);
	(void)wal_builder_add_unfinished(
		&b, 2 * SEGMENT_SIZE, 8192 - 40 + 129 * (8192 - 24) - 16);
	b.base += SEGMENT_SIZE;
	memmove(b.bytes, b.bytes + SEGMENT_SIZE,
		WAL_BUILDER_ROOM - SEGMENT_SIZE);
	assert_int_equal(wal_builder_len(&b), 2 * WAL_PAGE_SIZE);
	b.next_flags = PAGE_OVERWRITE_CONTRECORD;
	wal_builder_add(&b, 42);
	wal_builder_add(&b, 43);
	assert_passes(&b, 2);
	wal_builder_free(&b);
}

static void
test_contrecord_flags_that_do_not_fit(void **state)
{
	struct wal_builder b;
	lsn boundary;

	(void)state;
	wal_builder_init(&b, BASE);
	wal_builder_leave_room(&b, 1000);
	boundary = b.at;
	wal_builder_add(&b, 20000);
	wal_put_le(b.bytes + 8192 + 2, 0, 2);
	wal_put_le(b.bytes + 8192 + 16, 0, 4);
	assert_fails_at(&b, boundary,
		"there is no contrecord flag in WAL page at 12/00002000");
	wal_put_le(b.bytes + 8192 + 2, PAGE_CONTRECORD, 2);
	wal_put_le(b.bytes + 8192 + 16, 18999, 4);
	assert_fails_at(&b, boundary,
		"invalid contrecord length 18999 in WAL page at 12/00002000, "
		"expected 19000");
	wal_builder_free(&b);

	wal_builder_init(&b, BASE);
	wal_builder_leave_room(&b, 0);
	boundary = b.at;
	wal_builder_add(&b, 100);
	wal_put_le(b.bytes + 8192 + 2, PAGE_CONTRECORD, 2);
	wal_put_le(b.bytes + 8192 + 16, 100, 4);
	assert_fails_at(&b, boundary, "no record is unfinished");
	wal_builder_free(&b);
}

static void
test_a_boundary_at_a_page_start_has_no_tail(void **state)
{
	struct record_verifier v;
	struct wal_builder b;
	struct error error;

	(void)state;
	wal_builder_init(&b, BASE);
	drop_head(&b, 2 * SEGMENT_SIZE, 1);
	record_verifier_init(&v, &identity);
	record_verifier_start(&v, 1, b.base, b.base - 100);
	assert_false(feed_pieces(&v, &b, 0, &error));
	assert_non_null(strstr(error.message, "no record is unfinished"));
	wal_builder_free(&b);
}

static void
test_timelines_of_pages(void **state)
{
	struct wal_builder b;
	struct record_verifier v;
	struct error error;
	lsn third_page = BASE + 2 * WAL_PAGE_SIZE;
	lsn last;

	(void)state;
	wal_builder_init(&b, BASE);
	b.timeline = 2;
	wal_builder_leave_room(&b, 100);
	b.timeline = 5;
	wal_builder_add(&b, 8192);
	last = wal_builder_add(&b, 200);
	assert_passes(&b, 3);
	start_verifier(&v, &b);
	assert_true(feed_pieces(&v, &b, 0, &error));
	assert_int_equal(v.page_timeline, 5);

	wal_put_le(wal_builder_at(&b, third_page) + 4, 4, 4);
	assert_fails_at(&b, last,
		"out-of-sequence timeline 4 (after 5) in WAL page at "
		"12/00004000");
	wal_put_le(wal_builder_at(&b, third_page) + 4, 6, 4);
	assert_fails_at(&b, last,
		"unexpected timeline 6 in WAL page at 12/00004000, which is "
		"read on timeline 5");
	wal_put_le(b.bytes + 4, 0, 4);
	assert_fails_at(&b, BASE, "unexpected timeline 0");
	wal_builder_free(&b);
}

/* Records at 40 (100 bytes), 144 (100 bytes) and 248 (up to page 3). */
static void
build_for_faults(struct wal_builder *b)
{
	wal_builder_init(b, BASE);
	wal_builder_add(b, 100);
	wal_builder_add(b, 100);
	wal_builder_add(b, 20000);
	wal_builder_add(b, 24);
	wal_builder_add(b, 24);
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
	struct wal_builder b;

	(void)state;
	build_for_faults(&b);
	assert_passes(&b, 5);
	wal_builder_free(&b);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault *f = &faults[i];

		build_for_faults(&b);
		wal_put_le(b.bytes + f->offset, f->value, f->bytes);
		if (f->reseal != 0)
			wal_seal_record(b.bytes + f->reseal, 100);
		assert_fails_at(&b, BASE + f->boundary, f->text);
		wal_builder_free(&b);
	}
}

static void
test_every_flipped_bit_of_a_record(void **state)
{
	struct wal_builder b;
	lsn start;

	(void)state;
	wal_builder_init(&b, BASE);
	wal_builder_add(&b, 60);
	start = wal_builder_add(&b, 53);
	wal_builder_leave_room(&b, 0);
	wal_builder_add(&b, 40);
	for (size_t bit = 0; bit < (size_t)53 * 8; bit++) {
		unsigned char *byte = wal_builder_at(&b, start) + bit / 8;
		unsigned char mask = (unsigned char)(1u << bit % 8);

		*byte ^= mask;
		assert_fails_at(&b, start, "12/0000");
		*byte ^= mask;
	}
	assert_passes(&b, 4);
	wal_builder_free(&b);
}

static void
test_message_of_a_bad_checksum(void **state)
{
	struct wal_builder b;
	char expected[200];
	uint32_t found;

	(void)state;
	wal_builder_init(&b, BASE);
	wal_builder_add_typed(&b, 15, 0x30, 64);
	found = get_le32(b.bytes + 40 + 20);
	wal_put_le(b.bytes + 40 + 20, 0x0A2B3C4D, 4);
	(void)snprintf(expected, sizeof(expected),
		"invalid record checksum at 12/00000028: Sequence "
		"(info 0x30), expected CRC 0A2B3C4D, found %08X",
		found);
	assert_fails_at(&b, BASE, expected);
	wal_builder_free(&b);
}

static void
test_names_of_resource_managers(void **state)
{
	static const struct {
		uint8_t rmid;
		const char *name;
	} names[] = {
		{0, ": XLOG ("},
		{10, ": Heap ("},
		{21, ": LogicalMessage ("},
		{22, ": unknown ("},
		{127, ": unknown ("},
		{128, ": custom ("},
		{255, ": custom ("},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct wal_builder b;

		wal_builder_init(&b, BASE);
		wal_builder_add_typed(&b, names[i].rmid, 0, 64);
		b.bytes[WAL_LONG_HEADER_LEN + 63] ^= 1;
		assert_fails_at(&b, BASE, names[i].name);
		wal_builder_free(&b);
	}
}

/* Some pages. */
#define AHEAD ((lsn)3 * WAL_PAGE_SIZE)

/* Feed up to an LSN, or to the end. */
static void
feed_up_to(struct record_verifier *v, struct wal_builder *b, lsn at)
{
	struct error error;

	if (at > b->at)
		at = b->at;
	while (v->position < at) {
		size_t n = 1 + wal_builder_random(b) % 20000;

		if (n > at - v->position)
			n = (size_t)(at - v->position);
		if (!record_verifier_feed(
			    v, wal_builder_at(b, v->position), n, &error))
			fail_msg("%s", error.message);
	}
}

/* All that decides about what comes next is the same. */
static void
assert_goes_on_alike(
	const struct record_verifier *a, const struct record_verifier *b)
{
	assert_int_equal(a->state, b->state);
	assert_true(a->position == b->position);
	assert_true(a->boundary == b->boundary);
	assert_true(a->previous == b->previous);
	if (a->page_timeline != 0) { /* it has seen a page begin */
		assert_int_equal(a->page_timeline, b->page_timeline);
		assert_int_equal(a->magic, b->magic);
	}
	if (a->state == VERIFIER_PAGE_HEADER) {
		assert_int_equal(a->after_header, b->after_header);
		assert_memory_equal(a->page_header, b->page_header, a->filled);
	} else if (a->state == VERIFIER_RECORD_HEADER) {
		assert_memory_equal(a->header, b->header, a->filled);
	}
	assert_int_equal(a->filled, b->filled);
	assert_int_equal(a->remaining, b->remaining);
	if (a->state == VERIFIER_RECORD_BODY) {
		assert_true(a->record_start == b->record_start);
		assert_int_equal(a->crc, b->crc);
		assert_memory_equal(a->header, b->header, sizeof(a->header));
	}
}

/*
 * From every record boundary, with the link known and not: the longest record
 * and some pages later nothing differs from a verifier that was never started
 * again.
 */
static void
test_resume_at_every_boundary(void **state)
{
	struct record_verifier walker;
	struct record_verifier ahead;
	struct wal_builder b;
	struct error error;
	lsn last = LSN_NONE;

	(void)state;
	wal_builder_init(&b, BASE);
	wal_builder_add_many(&b, SEGMENT_SIZE / 2);
	wal_builder_add_switch(&b, false);
	wal_builder_add_many(&b, SEGMENT_SIZE + 100000);

	start_verifier(&walker, &b);
	start_verifier(&ahead, &b);
	while (walker.position < b.at) {
		lsn at = record_verifier_boundary(&walker);

		if (at != last)
			feed_up_to(&ahead, &b, at + 60024 + AHEAD);
		if (ahead.state == VERIFIER_AFTER_SWITCH)
			feed_up_to(&ahead, &b, BASE + SEGMENT_SIZE + AHEAD);
		for (int known = 0; at != last && known < 2; known++) {
			struct record_verifier v;

			record_verifier_init(&v, &identity);
			record_verifier_start(&v, 1, at,
				known != 0 ? record_verifier_previous(&walker)
					   : LSN_NONE);
			feed_up_to(&v, &b, ahead.position);
			if (known == 0 && v.records == 0)
				v.previous = ahead.previous;
			assert_goes_on_alike(&v, &ahead);
		}
		last = at;
		assert_true(record_verifier_feed(&walker,
			wal_builder_at(&b, walker.position), 1, &error));
	}
	wal_builder_free(&b);
}

static void
test_resume_with_a_wrong_link(void **state)
{
	struct record_verifier v;
	struct wal_builder b;
	struct error error;
	lsn second;

	(void)state;
	build_for_faults(&b);
	second = BASE + 144;
	record_verifier_init(&v, &identity);
	record_verifier_start(&v, 1, second, BASE + 32);
	assert_false(feed_pieces(&v, &b, 0, &error));
	assert_non_null(strstr(error.message, "incorrect prev-link"));
	wal_builder_free(&b);
}

static void
test_an_unknown_magic_turns_it_off(void **state)
{
	struct record_verifier v;
	struct wal_builder b;
	struct error error;

	(void)state;
	wal_builder_init(&b, BASE);
	b.magic = 0xD200;
	wal_builder_add(&b, 100);
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

	wal_put_le(b.bytes, MAGIC, 2);
	record_verifier_start(&v, 1, BASE, LSN_NONE);
	assert_false(feed_pieces(&v, &b, 0, &error));
	wal_builder_free(&b);
}

static void
test_any_system_identifier(void **state)
{
	const struct wal_identity any = {0, SEGMENT_SIZE};
	struct record_verifier v;
	struct wal_builder b;
	struct error error;

	(void)state;
	build_for_faults(&b);
	record_verifier_init(&v, &any);
	record_verifier_start(&v, 1, BASE, LSN_NONE);
	assert_true(feed_pieces(&v, &b, 0, &error));
	wal_builder_free(&b);
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
	struct wal_builder b;
	struct error error;
	lsn limit = LSN_MAX - 8191;

	(void)state;
	wal_builder_init(&b, LSN_MAX - SEGMENT_SIZE + 1);
	while (b.at < limit)
		wal_builder_leave_room(&b, 0);
	assert_passes(&b, 127);
	start_verifier(&v, &b);
	assert_true(feed_pieces(&v, &b, 0, &error));
	assert_true(v.position == limit);
	assert_false(record_verifier_feed(&v, "", 1, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	wal_builder_free(&b);
}

/* Whatever comes, it ends; a sanitizer sees the rest. */
static void
test_random_damage(void **state)
{
	struct wal_builder b;
	struct wal_builder spots;

	(void)state;
	wal_builder_init(&spots, BASE);
	for (int round = 0; round < 300; round++) {
		struct record_verifier v;
		struct error error;

		wal_builder_init(&b, BASE);
		b.seed = wal_builder_random(&spots);
		wal_builder_add_many(&b, 200000);
		wal_builder_add_switch(&b, false);
		for (int i = 0; i < 4; i++)
			b.bytes[wal_builder_random(&spots) %
				wal_builder_len(&b)] =
				(unsigned char)wal_builder_random(&spots);
		start_verifier(&v, &b);
		(void)feed_pieces(&v, &b, 0, &error);
		assert_true(record_verifier_boundary(&v) <= b.at);
		wal_builder_free(&b);
	}
	wal_builder_free(&spots);
}

/* A record goes across into the pages of a timeline that left the first. */
static void
test_following_another_timeline(void **state)
{
	struct record_verifier v;
	struct wal_builder b;
	struct error error;
	size_t border = 3 * WAL_PAGE_SIZE;

	(void)state;
	wal_builder_init(&b, BASE);
	wal_builder_add(&b, border - 1000);
	wal_builder_add(&b, 3000);
	b.timeline = 3;
	wal_builder_add(&b, 20000);
	start_verifier(&v, &b);
	v.timeline = 1;
	assert_true(record_verifier_feed(&v, b.bytes, border, &error));
	assert_int_equal(v.state, VERIFIER_PAGE_HEADER);
	record_verifier_follow(&v, 3);
	assert_true(feed_pieces(&v, &b, 0, &error));
	assert_int_equal(v.records, 3);
	assert_int_equal(v.page_timeline, 3);

	record_verifier_start(&v, 1, BASE, LSN_NONE);
	assert_false(feed_pieces(&v, &b, 0, &error));
	wal_builder_free(&b);
}

static void
test_versions(void **state)
{
	static const uint16_t magics[] = {0xD097, 0xD098, 0xD101, 0xD106,
		0xD10D, 0xD110, 0xD113, 0xD116, 0xD118, 0xD122};

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(wal_magic_version(magics[i]), 10 + i);
	assert_int_equal(wal_magic_version(0), 0);
	assert_int_equal(wal_magic_version(0xD111), 0);
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
		cmocka_unit_test(test_a_switch_whose_head_was_not_seen),
		cmocka_unit_test(test_what_follows_an_unseen_switch),
		cmocka_unit_test(test_tails_that_look_like_a_switch),
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
		cmocka_unit_test(test_names_of_resource_managers),
		cmocka_unit_test(test_resume_at_every_boundary),
		cmocka_unit_test(test_resume_with_a_wrong_link),
		cmocka_unit_test(test_an_unknown_magic_turns_it_off),
		cmocka_unit_test(test_any_system_identifier),
		cmocka_unit_test(test_the_end_of_all_positions),
		cmocka_unit_test(test_wal_close_to_the_last_page),
		cmocka_unit_test(test_random_damage),
		cmocka_unit_test(test_following_another_timeline),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
