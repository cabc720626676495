/*
 * Which part of an archive is verified, and which segments carry on others:
 * verify/scope.c and succession.c.
 */
#include "verify/scope.h"
#include "verify/succession.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIZE WAL_SEGMENT_SIZE_MIN
#define AT(segment, offset) ((lsn)(segment)*SIZE + (offset))

/*
 * Timeline 2 left 1 within segment 20, 3 left 2 there as well, and 4 left 1 at
 * the beginning of segment 30.
 */
struct fixture {
	struct inventory_file files[64];
	struct inventory_timeline timelines[4];
	struct inventory inventory;
};

static void
add_files(struct fixture *f, size_t row, uint64_t first, uint64_t last)
{
	struct inventory_timeline *timeline = &f->timelines[row];

	timeline->timeline = (uint32_t)row + 1;
	timeline->has_history = row > 0;
	timeline->first = f->inventory.file_count;
	for (uint64_t number = first; number <= last; number++) {
		struct inventory_file *file =
			&f->files[f->inventory.file_count++];

		file->name = (struct archive_name){
			NAME_SEGMENT, timeline->timeline, number, CODEC_NONE};
		file->modified = (int64_t)number * 100;
		timeline->count++;
	}
}

static void
add_history(struct fixture *f, size_t row, const char *text)
{
	struct error error;

	assert_true(timeline_history_parse(&f->timelines[row].history,
		(uint32_t)row + 1, text, strlen(text), &error));
}

static void
begin(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->inventory.files = f->files;
	f->inventory.timelines = f->timelines;
	f->inventory.timeline_count = 4;
	f->inventory.identity =
		(struct wal_identity){UINT64_C(7000000000000000001), SIZE};
	add_files(f, 0, 10, 32);
	add_files(f, 1, 20, 20);
	add_files(f, 2, 20, 25);
	add_files(f, 3, 30, 33);
	add_history(f, 0, "");
	add_history(f, 1, "1\t0/1400100\tx\n");
	add_history(f, 2, "1\t0/1400100\tx\n2\t0/1480000\tx\n");
	add_history(f, 3, "1\t0/1E00000\tx\n");
}

static void
end(struct fixture *f)
{
	for (size_t i = 0; i < 4; i++)
		timeline_history_free(&f->timelines[i].history);
}

/* The segments of a timeline that are part of it, as "10-12". */
static void
assert_part(struct fixture *f, const struct scope_wanted *wanted,
	uint32_t timeline, uint64_t first, uint64_t last)
{
	struct scope scope;
	struct error error;

	assert_true(scope_make(&scope, &f->inventory, wanted, &error));
	for (uint64_t number = 1; number < 40; number++)
		assert_int_equal(scope_has(&scope, timeline, AT(number, 0),
					 AT(number + 1, 0)),
			first <= number && number <= last);
	scope_free(&scope);
}

static void
positions(void **state)
{
	struct scope_wanted wanted = {.from = AT(12, 5), .to = AT(15, 0)};
	struct fixture f;

	(void)state;
	begin(&f);
	assert_part(&f, &wanted, 1, 12, 14);
	assert_part(&f, &wanted, 3, 12, 14);
	end(&f);
}

static void
path_of_a_timeline(void **state)
{
	struct scope_wanted wanted = {.to = LSN_MAX, .timeline = 3};
	struct fixture f;

	(void)state;
	begin(&f);
	assert_part(&f, &wanted, 1, 1, 20);
	assert_part(&f, &wanted, 2, 1, 20);
	assert_part(&f, &wanted, 3, 1, 40);
	assert_part(&f, &wanted, 4, 1, 0);
	wanted.timeline = 4;
	assert_part(&f, &wanted, 1, 1, 29);
	assert_part(&f, &wanted, 2, 1, 0);
	assert_part(&f, &wanted, 4, 1, 40);
	wanted.timeline = 1;
	assert_part(&f, &wanted, 1, 1, 40);
	assert_part(&f, &wanted, 2, 1, 0);
	end(&f);
}

static void
since_a_backup(void **state)
{
	struct scope_wanted wanted = {
		.to = LSN_MAX, .since_timeline = 1, .since = AT(15, 40)};
	struct fixture f;

	(void)state;
	begin(&f);
	assert_part(&f, &wanted, 1, 15, 40);
	assert_part(&f, &wanted, 2, 15, 40);
	assert_part(&f, &wanted, 4, 15, 40);

	/* Timelines 2 and 3 left before this one was begun. */
	wanted.since = AT(22, 0);
	assert_part(&f, &wanted, 1, 22, 40);
	assert_part(&f, &wanted, 2, 1, 0);
	assert_part(&f, &wanted, 3, 1, 0);
	assert_part(&f, &wanted, 4, 22, 40);

	wanted.since_timeline = 3;
	assert_part(&f, &wanted, 1, 1, 0);
	assert_part(&f, &wanted, 3, 22, 40);

	/* What is later and does not tell may come from it. */
	wanted.since_timeline = 2;
	timeline_history_free(&f.timelines[2].history);
	assert_part(&f, &wanted, 1, 1, 0);
	assert_part(&f, &wanted, 3, 22, 40);
	end(&f);
}

static void
of_another_cluster(void **state)
{
	struct scope_wanted wanted = {.to = LSN_MAX,
		.since_timeline = 1,
		.since = AT(15, 0),
		.system_identifier = 5};
	struct fixture f;
	struct scope scope;
	struct error error;

	(void)state;
	begin(&f);
	assert_false(scope_make(&scope, &f.inventory, &wanted, &error));
	assert_int_equal(error.code, ERR_DIVERGED);
	wanted.system_identifier = f.inventory.identity.system_identifier;
	assert_part(&f, &wanted, 1, 15, 40);
	end(&f);
}

static void
days(void **state)
{
	struct scope_wanted wanted = {.to = LSN_MAX, .modified = 2450};
	struct fixture f;

	(void)state;
	begin(&f);
	assert_part(&f, &wanted, 1, 24, 40);
	assert_part(&f, &wanted, 2, 20, 40);
	assert_part(&f, &wanted, 3, 24, 40);
	assert_part(&f, &wanted, 4, 1, 40);

	/* Nothing is that new: the last one, and what may be missing behind. */
	wanted.modified = 5000;
	assert_part(&f, &wanted, 1, 32, 40);
	assert_part(&f, &wanted, 4, 33, 40);
	end(&f);
}

static void
unknown_timeline(void **state)
{
	const struct scope_wanted wanted = {.to = LSN_MAX, .timeline = 7};
	struct fixture f;
	struct scope scope;
	struct error error;

	(void)state;
	begin(&f);
	assert_false(scope_make(&scope, &f.inventory, &wanted, &error));
	assert_int_equal(error.code, ERR_NOT_FOUND);
	end(&f);
}

/* Who carries on segment number - 1 of timeline, as digits. */
static void
assert_followers(const struct fixture *f, uint32_t timeline, uint64_t number,
	const char *expected)
{
	char found[5] = "";
	size_t count = 0;

	for (size_t i = 0; i < 4; i++)
		if (succession_follows(
			    &f->timelines[i], number, timeline, SIZE))
			found[count++] = "1234"[i];
	assert_string_equal(found, expected);
}

static void
succession(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_followers(&f, 1, 20, "1234");
	assert_followers(&f, 1, 21, "14");
	assert_followers(&f, 1, 30, "14");
	assert_followers(&f, 1, 31, "1");
	assert_followers(&f, 2, 20, "");
	assert_followers(&f, 2, 21, "2");
	assert_followers(&f, 3, 21, "3");
	assert_followers(&f, 4, 31, "4");
	assert_followers(&f, 4, 30, "");

	assert_int_equal(succession_first(&f.timelines[0], SIZE), 0);
	assert_int_equal(succession_first(&f.timelines[2], SIZE), 20);
	assert_int_equal(succession_first(&f.timelines[3], SIZE), 30);

	/* Without a history, only its own. */
	timeline_history_free(&f.timelines[3].history);
	assert_followers(&f, 1, 30, "1");
	assert_followers(&f, 4, 30, "4");
	assert_int_equal(succession_first(&f.timelines[3], SIZE), 0);
	end(&f);
}

static void
files(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.files[3].name.number = 12;
	f.files[3].name.codec = CODEC_GZIP;
	for (uint64_t number = 10; number <= 32; number++) {
		const struct inventory_file *file =
			succession_file(&f.inventory, &f.timelines[0], number);

		if (number == 13) {
			assert_null(file);
			continue;
		}
		assert_non_null(file);
		assert_int_equal(file->name.number, number);
		assert_int_equal(file->name.codec, CODEC_NONE);
	}
	assert_null(succession_file(&f.inventory, &f.timelines[0], 9));
	assert_null(succession_file(&f.inventory, &f.timelines[0], 33));
	f.timelines[1].count = 0;
	assert_null(succession_file(&f.inventory, &f.timelines[1], 20));
	end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(positions),
		cmocka_unit_test(path_of_a_timeline),
		cmocka_unit_test(since_a_backup),
		cmocka_unit_test(of_another_cluster),
		cmocka_unit_test(days),
		cmocka_unit_test(unknown_timeline),
		cmocka_unit_test(succession),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
