/*
 * What the finisher does for synchronous mode: persisting on the calling
 * thread, and the next segment's file made ahead.
 */
#include "finisher_shop.h"

#include <sys/mount.h>
#include <sys/stat.h>

static void
open_synchronous(struct shop *shop, void **state, enum codec codec)
{
	shop_open(shop, state, WAL_SEGMENT_SIZE_MIN, codec);
	shop->config.fill_ahead = true;
	shop_create(shop);
	shop_begin(shop, shop->begin, shop->begin);
}

static void
persist_here(struct shop *shop)
{
	finisher_persist_here(shop->finisher);
	shop_look(shop);
}

static void
wait_until_durable(struct shop *shop)
{
	while (shop->progress.durable < shop->at)
		shop_wait(shop);
}

/* The temporary name of a segment's raw file. */
static void
name_ahead(const struct shop *shop, uint64_t number,
	char temporary[ARCHIVE_NAME_MAX])
{
	char name[ARCHIVE_NAME_MAX];

	shop_name(shop, number, NAME_SEGMENT, CODEC_NONE, name);
	archive_name_temporary(temporary, name);
}

static bool
has_ahead(const struct shop *shop, uint64_t number)
{
	char name[ARCHIVE_NAME_MAX];

	name_ahead(shop, number, name);
	return faccessat(shop->directory->fd, name, F_OK, 0) == 0;
}

static ino_t
inode(const struct shop *shop, const char *name)
{
	struct stat status;

	assert_int_equal(fstatat(shop->directory->fd, name, &status, 0), 0);
	return status.st_ino;
}

/* Space that is only reserved is a hole to who looks for data. */
static void
check_zeros(const struct shop *shop, const char *name)
{
	int fd = openat(shop->directory->fd, name, O_RDONLY);
	ssize_t len;

	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), MB);
	assert_int_equal(lseek(fd, 0, SEEK_HOLE), MB);
	len = pread(fd, shop->buffer, SHOP_PIECE_MAX, 0);
	assert_int_equal(len, MB);
	for (size_t i = 0; i < MB; i++)
		if (shop->buffer[i] != 0)
			fail_msg("byte %zu is %d", i, shop->buffer[i]);
	(void)close(fd);
}

/* It is done when the call returns, and no worker has to say so. */
static void
durable_at_once(void **state)
{
	struct shop shop;

	shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_LZ4);
	shop_create(&shop);
	shop_begin(&shop, shop.begin, shop.begin);
	persist_here(&shop);
	assert_int_equal(shop.progress.durable, shop.begin);
	for (int i = 0; i < 20; i++) {
		char byte;

		shop_append(&shop, 1 + shop_random(&shop) % 3000, MB);
		finisher_persist_here(shop.finisher);
		assert_int_equal(read(shop.wake[0], &byte, 1), -1);
		shop_look(&shop);
		assert_int_equal(shop.progress.durable, shop.at);
	}
	persist_here(&shop);
	shop_finish(&shop, CLOSING_ABANDON);
	shop_check_directory(&shop, CODEC_LZ4);
	shop_close(&shop);
}

/* Where the workers are at it already, they make it durable. */
static void
durable_over_borders(void **state)
{
	static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP};

	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		struct shop shop;

		shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, codecs[i]);
		shop.config.fill_ahead = true;
		shop.begin += 100 * i * MB;
		shop.checked = shop.begin;
		shop.next_completed += 100 * i;
		shop_create(&shop);
		shop_begin(&shop, shop.begin, shop.begin);
		while (shop.at < shop.begin + 12 * MB) {
			shop_append(&shop, shop_random(&shop) % 300000, MB);
			if (shop_random(&shop) % 4 == 0)
				finisher_persist(shop.finisher);
			persist_here(&shop);
			if (shop_random(&shop) % 2 == 0)
				wait_until_durable(&shop);
		}
		shop_finish(&shop, CLOSING_SUSPEND);
		finisher_destroy(shop.finisher);
		shop.finisher = NULL;
		assert_true(shop_check_file(&shop, shop.at / MB, NAME_PARTIAL,
				    CODEC_NONE, shop.at) > 0);
		shop_check_order(&shop);
		shop_close(&shop);
	}
}

/* The calling thread does not wait for space: that is left to a worker. */
static void
no_wait_for_space(void **state)
{
	struct shop shop;

	shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_NONE);
	shop.config.min_free = UINT64_MAX;
	shop_create(&shop);
	shop_begin(&shop, shop.begin, shop.begin);
	shop_append(&shop, 100, 100);
	persist_here(&shop);
	while (!shop.progress.space_short)
		shop_wait(&shop);
	assert_int_equal(shop.progress.durable, shop.begin);
	shop_finish(&shop, CLOSING_SUSPEND);
	shop_close(&shop);
}

/* With the first persist of a segment, the file of the next one is made. */
static void
made_and_adopted(void **state)
{
	struct shop shop;
	char ahead[ARCHIVE_NAME_MAX];
	char partial[ARCHIVE_NAME_MAX];
	ino_t made;

	open_synchronous(&shop, state, CODEC_LZ4);
	shop_append(&shop, 100, 100);
	name_ahead(&shop, 6, ahead);
	assert_false(has_ahead(&shop, 6));
	finisher_persist_here(shop.finisher);
	shop_wait(&shop);
	check_zeros(&shop, ahead);
	made = inode(&shop, ahead);

	shop_append(&shop, MB, MB);
	finisher_persist_here(shop.finisher);
	wait_until_durable(&shop);
	shop_name(&shop, 6, NAME_PARTIAL, CODEC_NONE, partial);
	assert_int_equal(inode(&shop, partial), made);
	assert_false(has_ahead(&shop, 6));
	/* Durable comes before the final name. */
	while (!has_ahead(&shop, 7) ||
		shop.next_completed < shop.at / shop.config.segment_size)
		shop_wait(&shop);

	finisher_destroy(shop.finisher);
	shop.finisher = NULL;
	assert_false(has_ahead(&shop, 7));
	shop_check_directory(&shop, CODEC_NONE);
	shop_close(&shop);
}

static void
removed_elsewhere(void **state)
{
	struct shop shop;

	open_synchronous(&shop, state, CODEC_NONE);
	shop_append(&shop, 100, 100);
	persist_here(&shop);
	shop_finish(&shop, CLOSING_SUSPEND);
	assert_true(has_ahead(&shop, 6));
	shop_begin(&shop, shop.begin + 20 * MB, shop.begin + 20 * MB);
	assert_false(has_ahead(&shop, 6));
	shop.checked = shop.at;
	shop_append(&shop, 100, 100);
	finisher_persist_here(shop.finisher);
	while (!has_ahead(&shop, 26))
		shop_wait(&shop);
	shop_close(&shop);
	assert_int_equal(temporary_directory_count(*state), 2);
}

/* Filled or not when its turn comes, it is used. */
static void
adopted_at_any_moment(void **state)
{
	struct shop shop;

	open_synchronous(&shop, state, CODEC_NONE);
	for (int i = 0; i < 30; i++) {
		shop_append(&shop, MB, 1 + shop_random(&shop) % MB);
		if (i % 3 == 0)
			persist_here(&shop);
	}
	shop_finish(&shop, CLOSING_ABANDON);
	finisher_destroy(shop.finisher);
	shop.finisher = NULL;
	shop_check_directory(&shop, CODEC_NONE);
	shop_close(&shop);
}

/* No room for the file of the next segment: the open one goes on. */
static void
no_room_ahead(void **state)
{
	struct directory directory = *(struct directory *)*state;
	struct error error;
	struct shop shop;
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/full", directory.path);
	assert_int_equal(mkdir(path, 0700), 0);
	if (mount("none", path, "tmpfs", 0, "size=1536k") != 0)
		skip();
	directory_init(&directory);
	assert_true(directory_open(&directory, path, &error));
	shop_open(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_NONE);
	shop.directory = &directory;
	shop.config.fill_ahead = true;
	shop_make_partial(&shop, shop.begin + 1000);
	shop_create(&shop);
	shop_begin(&shop, shop.begin + 1000, shop.begin + 1000);
	shop_append(&shop, 5000, 5000);
	persist_here(&shop);
	assert_int_equal(shop.progress.durable, shop.at);
	assert_false(finisher_failed(shop.finisher, &error));
	shop_finish(&shop, CLOSING_SUSPEND);
	assert_false(has_ahead(&shop, 6));
	shop_close(&shop);
	directory_close(&directory);
	assert_int_equal(umount(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(durable_at_once),
		directory_test(durable_over_borders),
		directory_test(no_wait_for_space),
		directory_test(made_and_adopted),
		directory_test(removed_elsewhere),
		directory_test(adopted_at_any_moment),
		directory_test(no_room_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
