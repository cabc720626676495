#include "backup/wal_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wal_builder.h"

#define BASE ((lsn)0x5000000)
#define SEGMENT WAL_BUILDER_SEGMENT

struct scene {
	struct wal_builder wal;
	struct wal_check check;
	struct error error;
};

/* Three segments and a bit, of which the last record ends at wal.at. */
static void
set_up(struct scene *s)
{
	const struct wal_identity identity = {
		.system_identifier = WAL_BUILDER_SYSTEM,
		.segment_size = SEGMENT,
	};

	wal_builder_init(&s->wal, BASE);
	wal_builder_add_many(&s->wal, (size_t)3 * SEGMENT + 5000);
	wal_check_init(&s->check, &identity);
}

/* Send a segment, counted from 0, as a file of a timeline. */
static void
send(struct scene *s, uint32_t timeline, unsigned number)
{
	lsn start = BASE + (lsn)number * SEGMENT;
	char path[64] = WAL_FOLDER_PREFIX;

	segment_name_format(
		path + strlen(path), timeline, start / SEGMENT, SEGMENT);
	assert_true(wal_check_begin(&s->check, path));
	wal_check_update(&s->check, wal_builder_at(&s->wal, start), 12345);
	wal_check_update(&s->check, wal_builder_at(&s->wal, start + 12345),
		SEGMENT - 12345);
}

/* Of a backup that begins in the first segment and ends at end. */
static enum error_code
result(struct scene *s, lsn end)
{
	const struct wal_range range = {
		.begin = {.at = BASE + 5000, .timeline = 1},
		.end = {.at = end, .timeline = 1},
	};

	return wal_check_result(&s->check, &range, &s->error) ? ERR_NONE
							      : s->error.code;
}

static void
whole(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	for (unsigned i = 0; i < 4; i++)
		send(&s, 1, i);
	/* What is no segment is passed over. */
	assert_false(wal_check_begin(&s.check, "pg_wal/00000002.history"));
	wal_check_update(&s.check, "rubbish", 7);
	assert_false(wal_check_begin(&s.check, "base/1/1259"));
	assert_false(wal_check_begin(&s.check,
		"pg_wal/archive_status/000000010000000000000050.done"));
	assert_int_equal(result(&s, s.wal.at), ERR_NONE);
	assert_int_equal(result(&s, s.wal.at + 8), ERR_DAMAGED);
	wal_builder_free(&s.wal);
}

static void
damaged(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	*wal_builder_at(&s.wal, BASE + 2 * SEGMENT + 100000) ^= 1;
	for (unsigned i = 0; i < 4; i++)
		send(&s, 1, i);
	assert_int_equal(result(&s, s.wal.at), ERR_DAMAGED);
	/* Behind the end it does not matter. */
	assert_int_equal(result(&s, BASE + 2 * SEGMENT), ERR_NONE);
	wal_builder_free(&s.wal);
}

/* Of these segments (up to a negative one) this one is missing. */
static void
lacks(const int *sent, const char *wanted)
{
	struct scene s;
	char message[128];

	set_up(&s);
	for (; *sent >= 0; sent++)
		send(&s, 1, (unsigned)*sent);
	assert_int_equal(result(&s, s.wal.at), ERR_GAP);
	(void)snprintf(message, sizeof(message),
		"WAL segment %s, which the backup needs, was not sent", wanted);
	assert_string_equal(s.error.message, message);
	wal_builder_free(&s.wal);
}

static void
missing(void **state)
{
	(void)state;
	lacks((const int[]){-1}, "000000010000000000000050");
	lacks((const int[]){1, 2, 3, -1}, "000000010000000000000050");
	lacks((const int[]){0, 2, -1}, "000000010000000000000051");
	lacks((const int[]){0, 1, -1}, "000000010000000000000052");
}

/* A segment of the old timeline, whose end is no good, beside that of the new
 * one, in either order. */
static void
two_timelines(void **state)
{
	struct scene s;

	(void)state;
	for (int first = 0; first < 2; first++) {
		set_up(&s);
		send(&s, 1, 0);
		if (first == 0)
			send(&s, 2, 1);
		*wal_builder_at(&s.wal, BASE + SEGMENT + 100000) ^= 1;
		send(&s, 1, 1);
		*wal_builder_at(&s.wal, BASE + SEGMENT + 100000) ^= 1;
		if (first == 1)
			send(&s, 2, 1);
		send(&s, 2, 2);
		assert_int_equal(result(&s, BASE + 2 * SEGMENT), ERR_NONE);
		wal_builder_free(&s.wal);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(damaged),
		cmocka_unit_test(missing),
		cmocka_unit_test(two_timelines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
