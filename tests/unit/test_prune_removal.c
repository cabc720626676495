#include "prune/removal.h"

#include "archive_files.h"

#include <signal.h>

#define SIZE WAL_SEGMENT_SIZE_MIN

/* Segments 1 to 3 of timeline 1 and 4 to 6 of timeline 2, of which go some. */
struct fixture {
	struct inventory inventory;
	struct inventory_timeline rows[2];
	struct inventory_file files[6];
	struct prune_timeline timelines[2];
	struct prune_plan plan;
	char told[1024];
};

static void
begin(struct fixture *f, const struct directory *directory)
{
	*f = (struct fixture){.inventory = {.timeline_count = 2}};
	f->inventory.identity.segment_size = SIZE;
	f->inventory.files = f->files;
	f->inventory.timelines = f->rows;
	for (uint32_t i = 0; i < 6; i++) {
		char name[ARCHIVE_NAME_MAX];

		f->files[i].name = (struct archive_name){
			NAME_SEGMENT, 1 + i / 3, 1 + i, CODEC_GZIP};
		archive_name_format(name, &f->files[i].name, SIZE);
		file_store(directory, name, "x", 1);
	}
	for (size_t i = 0; i < 2; i++) {
		f->rows[i].timeline = (uint32_t)i + 1;
		f->rows[i].first = 3 * i;
		f->rows[i].count = 3;
		f->timelines[i].row = &f->rows[i];
	}
	f->timelines[0].going = 3;
	f->timelines[1].going = 1;
	f->plan = (struct prune_plan){
		.inventory = &f->inventory, .timelines = f->timelines};
	f->plan.going = 4;
}

/* Notes the end of each name. */
static void
note(void *context, const char *name)
{
	struct fixture *f = context;
	size_t len = strlen(f->told);

	(void)snprintf(f->told + len, sizeof(f->told) - len, "%s ",
		name + SEGMENT_NAME_LEN - 1);
}

#define STAYING "000000020000000000000005.gz 000000020000000000000006.gz"

static void
test_in_order(void **state)
{
	struct fixture f;
	const struct prune_listener listener = {note, &f};
	struct error error;
	struct stop stop;

	begin(&f, *state);
	assert_true(stop_begin(&stop, &error));
	assert_true(prune_remove(&f.plan, *state, &stop, &listener, &error));
	assert_string_equal(f.told, "1.gz 2.gz 3.gz 4.gz ");
	assert_names(*state, STAYING);

	/* What another run removed meanwhile is no fault. */
	f.told[0] = '\0';
	assert_true(prune_remove(&f.plan, *state, &stop, &listener, &error));
	assert_string_equal(f.told, "1.gz 2.gz 3.gz 4.gz ");
	assert_names(*state, STAYING);
	stop_end(&stop);
}

static void
test_only_telling(void **state)
{
	struct fixture f;
	const struct prune_listener listener = {note, &f};
	struct error error;

	begin(&f, *state);
	assert_true(prune_remove(&f.plan, *state, NULL, &listener, &error));
	assert_string_equal(f.told, "1.gz 2.gz 3.gz 4.gz ");
	assert_int_equal(temporary_directory_count(*state), 6);
}

/* Stops as soon as it has told of the second. */
static void
note_and_stop(void *context, const char *name)
{
	struct fixture *f = context;

	note(f, name);
	if (strcmp(f->told, "1.gz 2.gz ") == 0)
		assert_int_equal(kill(getpid(), SIGTERM), 0);
}

static void
test_a_signal(void **state)
{
	struct fixture f;
	const struct prune_listener listener = {note_and_stop, &f};
	struct error error = {.code = ERR_NONE};
	struct stop stop;

	begin(&f, *state);
	f.timelines[1].going = 3;
	assert_true(stop_begin(&stop, &error));
	if (!prune_remove(&f.plan, *state, &stop, &listener, &error))
		assert_int_equal(error.code, ERR_STOPPED);
	/* The signal may take its time; what went is what was told. */
	assert_memory_equal(f.told, "1.gz 2.gz ", 10);
	assert_int_equal(temporary_directory_count(*state),
		6 - (int)(strlen(f.told) / 5));
	while (!stop_requested(&stop))
		continue;
	f.told[0] = '\0';
	assert_false(prune_remove(&f.plan, *state, &stop, &listener, &error));
	assert_int_equal(error.code, ERR_STOPPED);
	assert_string_equal(f.told, "");
	stop_end(&stop);
}

static void
test_a_file_that_stays(void **state)
{
	const struct directory *directory = *state;
	struct fixture f;
	const struct prune_listener listener = {note, &f};
	struct error error;
	struct stop stop;

	begin(&f, directory);
	assert_int_equal(
		unlinkat(directory->fd, "000000010000000000000002.gz", 0), 0);
	assert_int_equal(
		mkdirat(directory->fd, "000000010000000000000002.gz", 0700), 0);
	assert_true(stop_begin(&stop, &error));
	assert_false(
		prune_remove(&f.plan, directory, &stop, &listener, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_string_equal(f.told, "1.gz ");
	assert_int_equal(temporary_directory_count(directory), 5);
	stop_end(&stop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_in_order),
		directory_test(test_only_telling),
		directory_test(test_a_signal),
		directory_test(test_a_file_that_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
