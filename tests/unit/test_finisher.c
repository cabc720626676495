#include "finisher_shop.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Odd pieces, persists at random, for every codec and two ways to end. */
static void
small_segments(void **state)
{
	for (int i = 0; i < 2 * CODECS; i++) {
		enum codec codec = (enum codec)(i / 2);
		enum finisher_closing closing =
			i % 2 == 0 ? CLOSING_ABANDON : CLOSING_SUSPEND;
		struct shop shop;

		if (!codec_available(codec))
			continue;
		shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, codec);
		shop.begin += (lsn)(100 * i) * WAL_SEGMENT_SIZE_MIN;
		shop.checked = shop.begin;
		shop.next_completed += (uint64_t)(100 * i);
		shop_create(&shop);
		shop_begin(&shop, shop.begin, shop.begin);
		while (shop.at < shop.begin + 6 * MB + 12345) {
			shop_append(
				&shop, 1 + shop_random(&shop) % 300000, 70000);
			if (shop_random(&shop) % 3 == 0)
				finisher_persist(shop.finisher);
			shop_look(&shop);
		}
		shop_finish(&shop, closing);
		assert_true(closing == CLOSING_ABANDON ||
			shop_check_file(&shop, shop.at / WAL_SEGMENT_SIZE_MIN,
				NAME_PARTIAL, CODEC_NONE, shop.at) > 0);
		shop_check_order(&shop);
		shop_close(&shop);
	}
}

static void
forms_at_the_end(void **state)
{
	struct shop shop;

	shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
	shop_create(&shop);
	shop_begin(&shop, shop.begin, shop.begin);
	shop_append(&shop, 2 * MB + 100, MB);
	shop_finish(&shop, CLOSING_SUSPEND);
	shop_check_directory(&shop, CODEC_NONE);
	shop_begin(&shop, shop.at, shop.at);
	shop_finish(&shop, CLOSING_ABANDON);
	shop_check_directory(&shop, CODEC_GZIP);
	shop_close(&shop);
}

/* A close at a segment's end leaves no open segment. */
static void
close_at_border(void **state)
{
	struct shop shop;

	shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_LZ4);
	shop_create(&shop);
	shop_begin(&shop, shop.begin, shop.begin);
	shop_append(&shop, 2 * MB, MB);
	shop_finish(&shop, CLOSING_ABANDON);
	shop_check_directory(&shop, CODEC_LZ4);
	/* And one that never got a byte leaves nothing at all. */
	shop_begin(&shop, shop.at, shop.at);
	shop_finish(&shop, CLOSING_ABANDON);
	shop_check_directory(&shop, CODEC_LZ4);
	shop_close(&shop);
}

/* Several windows to a segment, and little memory. */
static void
large_segments(void **state)
{
	static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_LZ4};

	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		struct shop shop;

		shop_open(&shop, state, 64 * MB, codecs[i]);
		shop.begin += 10 * i * 64 * MB;
		shop.checked = shop.begin;
		shop.next_completed += 10 * i;
		shop.config.memory = SHOP_RESERVE + 9 * MB;
		shop_create(&shop);
		shop_begin(&shop, shop.begin, shop.begin);
		while (shop.at < shop.begin + 70 * MB) {
			shop_append(&shop, shop_random(&shop) % (6 * MB), MB);
			if (shop_random(&shop) % 2 == 0)
				finisher_persist(shop.finisher);
			shop_look(&shop);
		}
		shop_finish(&shop, CLOSING_ABANDON);
		assert_true(shop_has_final(&shop, shop.begin / (64 * MB)));
		shop_close(&shop);
	}
}

/* The least memory there is, and a start in mid-window. */
static void
least_memory(void **state)
{
	struct shop shop;

	shop_open(&shop, state, 8 * MB, CODEC_NONE);
	shop.config.memory = 0;
	shop_create(&shop);
	shop_begin(&shop, shop.begin, shop.begin);
	shop_append(&shop, 300001, MB);
	finisher_persist(shop.finisher);
	shop_append(&shop, 20 * MB, MB);
	shop_finish(&shop, CLOSING_SUSPEND);
	shop_check_directory(&shop, CODEC_NONE);
	shop_begin(&shop, shop.at, shop.at);
	shop_append(&shop, 9 * MB + 1, MB);
	shop_finish(&shop, CLOSING_SUSPEND);
	shop_check_directory(&shop, CODEC_NONE);
	shop_close(&shop);
}

/* Persisted at once, without a close, and over many borders. */
static void
persist(void **state)
{
	struct shop shop;

	shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
	shop_create(&shop);
	shop_begin(&shop, shop.begin, shop.begin);
	for (int i = 0; i < 40; i++) {
		shop_append(&shop, 1 + shop_random(&shop) % 200000, MB);
		finisher_persist(shop.finisher);
		while (shop.progress.durable < shop.at)
			shop_wait(&shop);
	}
	finisher_persist(shop.finisher);
	/* Up to a border, and to the last byte before it. */
	shop_append(&shop, MB - (size_t)(shop.at % MB) - 1, MB);
	finisher_persist(shop.finisher);
	while (shop.progress.durable < shop.at)
		shop_wait(&shop);
	shop_append(&shop, 1, 1);
	finisher_persist(shop.finisher);
	while (shop.progress.durable < shop.at)
		shop_wait(&shop);
	assert_true(shop_has_final(&shop, shop.at / MB - 1));
	shop_finish(&shop, CLOSING_ABANDON);
	shop_check_directory(&shop, CODEC_GZIP);
	shop_close(&shop);
}

static void
names_in_order(void **state)
{
	struct shop shop;

	shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
	shop.config.jobs = 8;
	shop.config.level = 6;
	shop_create(&shop);
	shop_begin(&shop, shop.begin, shop.begin);
	shop_append(&shop, 20 * MB, MB);
	while (shop.next_completed < shop.begin / MB + 20) {
		shop_check_order(&shop);
		shop_wait(&shop);
	}
	shop_finish(&shop, CLOSING_ABANDON);
	shop_check_directory(&shop, CODEC_GZIP);
	shop_close(&shop);
}

/* Workers that wait for space take no memory beyond what is allowed. */
static void
back_pressure(void **state)
{
	for (int windows = 2; windows <= 5; windows++) {
		struct shop shop;
		size_t taken = 0;

		shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
		shop.begin += (lsn)(100 * windows) * MB;
		shop.checked = shop.begin;
		shop.next_completed += 100 * (uint64_t)windows;
		shop.config.memory = SHOP_RESERVE + (uint64_t)windows * MB;
		shop.config.min_free = UINT64_MAX;
		shop_create(&shop);
		shop_begin(&shop, shop.begin, shop.begin);
		while (taken < 9 * MB) {
			size_t piece = finisher_append(shop.finisher,
				shop_wal(&shop, shop.at), MB / 2);

			if (piece == 0)
				break;
			shop.at += piece;
			taken += piece;
		}
		assert_int_equal(taken, (size_t)windows * MB);
		while (!shop.progress.space_short)
			shop_wait(&shop);
		assert_int_equal(shop.progress.durable, shop.begin);
		assert_false(shop_has_final(&shop, shop.begin / MB));
		/* The end uses what space is left. */
		shop_finish(&shop, CLOSING_SUSPEND);
		assert_false(shop.progress.space_short);
		shop_close(&shop);
	}
}

static void
resume_with_held_bytes(void **state)
{
	for (int i = 0; i < 3 * CODECS; i++) {
		static const size_t lens[] = {0, 10, 3 * MB};
		enum codec codec = (enum codec)(i / 3);
		struct shop shop;
		lsn at;
		lsn end;

		if (!codec_available(codec))
			continue;
		shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, codec);
		shop.begin += (lsn)(100 * i) * MB;
		shop.checked = shop.begin;
		shop.next_completed += 100 * (uint64_t)i;
		at = shop.begin + 300000;
		shop_make_partial(&shop, at + 1000);
		shop_create(&shop);
		shop_begin(&shop, at, at + 1000);
		shop_append(&shop, lens[i % 3], 4000);
		shop_finish(&shop, CLOSING_ABANDON);
		end = shop.at > at + 1000 ? shop.at : at + 1000;
		assert_int_equal(shop_check_file(&shop, end / MB, NAME_PARTIAL,
					 codec, end),
			codec == CODEC_NONE ? MB : end % MB);
		assert_int_equal(
			shop_has(&shop, end / MB, NAME_PARTIAL, CODEC_NONE),
			codec == CODEC_NONE);
		shop_close(&shop);
	}
}

/* The directory goes while the workers are at it. */
static void
directory_gone(void **state)
{
	struct directory directory = *(struct directory *)*state;
	struct error error;
	struct shop shop;
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/gone", directory.path);
	assert_int_equal(mkdir(path, 0700), 0);
	directory_init(&directory);
	assert_true(directory_open(&directory, path, &error));
	shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
	shop.directory = &directory;
	shop_create(&shop);
	shop_begin(&shop, shop.begin, shop.begin);
	assert_int_equal(rmdir(path), 0);
	shop_append(&shop, 100, 100);
	assert_false(finisher_failed(shop.finisher, &error));
	finisher_persist(shop.finisher);
	shop_wait_for_failure(&shop, &error);
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_int_equal(error.sys_errno, ENOENT);
	assert_int_equal(shop.progress.durable, shop.begin);
	/* Nothing is begun any more, and nothing is said to be done. */
	shop.at += finisher_append(
		shop.finisher, shop_wal(&shop, shop.at), SHOP_PIECE_MAX);
	finisher_close(shop.finisher, CLOSING_ABANDON);
	shop_look(&shop);
	assert_false(shop.progress.idle);
	assert_int_equal(shop.progress.durable, shop.begin);
	shop_close(&shop);
	directory_close(&directory);
}

/* A full disk fails as one that may be tried again, and leaves no odd file. */
static void
full_disk(void **state)
{
	struct directory directory = *(struct directory *)*state;
	struct error error;
	struct shop shop;
	struct stat status;
	char text[ARCHIVE_NAME_MAX];
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/full", directory.path);
	assert_int_equal(mkdir(path, 0700), 0);
	if (mount("none", path, "tmpfs", 0, "size=3m") != 0)
		skip();
	directory_init(&directory);
	assert_true(directory_open(&directory, path, &error));
	shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_NONE);
	shop.directory = &directory;
	shop_create(&shop);
	shop_begin(&shop, shop.begin, shop.begin);
	shop.at += finisher_append(shop.finisher, shop_wal(&shop, shop.at), MB);
	while (shop.progress.durable < shop.begin + MB)
		shop_wait(&shop);
	for (int i = 0; i < 4; i++)
		shop.at += finisher_append(
			shop.finisher, shop_wal(&shop, shop.at), MB - 1);
	finisher_persist(shop.finisher);
	shop_wait_for_failure(&shop, &error);
	assert_true(error_is_transient(&error));
	finisher_destroy(shop.finisher);
	shop.finisher = NULL;
	assert_true(shop_has_final(&shop, shop.begin / MB));
	assert_in_range(temporary_directory_count(&directory), 1, 3);
	for (uint64_t n = 5; n < 10; n++) {
		shop_name(&shop, n, NAME_PARTIAL, CODEC_NONE, text);
		if (fstatat(directory.fd, text, &status, 0) == 0)
			assert_int_equal(status.st_size, MB);
	}
	shop_close(&shop);
	directory_close(&directory);
	assert_int_equal(umount(path), 0);
}

/* Ended at any moment: no temporary file stays, and nothing durable goes. */
static void
destroy_at_any_moment(void **state)
{
	for (uint32_t i = 0; i < 60; i++) {
		enum codec codec = i % 2 == 0 ? CODEC_NONE : CODEC_LZ4;
		struct shop shop;
		DIR *stream;
		struct dirent *entry;

		shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, codec);
		shop.seed = i;
		shop.begin += (lsn)100 * i * MB;
		shop.checked = shop.begin;
		shop.next_completed += (uint64_t)100 * i;
		shop_create(&shop);
		shop_begin(&shop, shop.begin, shop.begin);
		for (uint32_t n = shop_random(&shop) % 12; n > 0; n--) {
			shop_append(&shop, shop_random(&shop) % MB, MB);
			if (shop_random(&shop) % 2 == 0)
				finisher_persist(shop.finisher);
			if (shop_random(&shop) % 2 == 0)
				shop_look(&shop);
		}
		if (shop_random(&shop) % 3 == 0)
			finisher_close(shop.finisher, CLOSING_ABANDON);
		finisher_destroy(shop.finisher);
		shop.finisher = NULL;
		shop.checked = shop.begin;
		shop_check_durable(&shop, shop.progress.durable);
		shop_check_order(&shop);
		stream = opendir(shop.directory->path);
		while ((entry = readdir(stream)) != NULL)
			assert_null(strstr(entry->d_name, ".tmp"));
		(void)closedir(stream);
		shop_close(&shop);
	}
}

static void
destroy_nothing(void **state)
{
	struct shop shop;

	finisher_destroy(NULL);
	shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
	shop.config.min_free = UINT64_MAX;
	shop_create(&shop);
	finisher_destroy(shop.finisher);
	/* A worker that waits for space is called back. */
	shop_create(&shop);
	shop_begin(&shop, shop.begin, shop.begin);
	shop_append(&shop, 100, 100);
	finisher_persist(shop.finisher);
	while (!shop.progress.space_short)
		shop_wait(&shop);
	shop_close(&shop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(small_segments),
		directory_test(forms_at_the_end),
		directory_test(close_at_border),
		directory_test(large_segments),
		directory_test(least_memory),
		directory_test(persist),
		directory_test(names_in_order),
		directory_test(back_pressure),
		directory_test(resume_with_held_bytes),
		directory_test(directory_gone),
		directory_test(full_disk),
		directory_test(destroy_at_any_moment),
		directory_test(destroy_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
