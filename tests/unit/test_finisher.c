#include "receive/finisher.h"

#include "archive/segment_reader.h"
#include "temporary_directory.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cmocka.h>

#define MB ((size_t)1 << 20)
#define PIECE_MAX MB
#define PERIOD 65521 /* a prime: no two segments look the same */
#define TIMELINE 3
#define WAIT_MS 60000

/* Of the memory allowed, what is no window (two jobs). */
#define RESERVE ((uint64_t)28 * MB)

/* A finisher, what it was given, and what it has said. */
struct shop {
	const struct directory *directory;
	struct finisher_config config;
	struct finisher *finisher;
	int wake[2];
	unsigned char *pattern; /* PERIOD + PIECE_MAX bytes */
	unsigned char *buffer;	/* PIECE_MAX bytes */
	uint32_t seed;
	lsn begin; /* the first byte ever appended */
	lsn at;	   /* the next one */
	lsn checked;
	uint64_t next_completed;
	struct finisher_progress progress;
};

static uint32_t
next_random(struct shop *shop)
{
	shop->seed = shop->seed * 1664525 + 1013904223;
	return shop->seed >> 8;
}

static void
make_pattern(struct shop *shop)
{
	shop->pattern = malloc(PERIOD + PIECE_MAX);
	shop->buffer = malloc(PIECE_MAX);
	assert_true(shop->pattern != NULL && shop->buffer != NULL);
	for (size_t i = 0; i < PERIOD; i++)
		shop->pattern[i] = (unsigned char)(next_random(shop) & 0x33);
	for (size_t i = 0; i < PIECE_MAX; i++)
		shop->pattern[PERIOD + i] = shop->pattern[i];
}

/* The WAL at an LSN; good for PIECE_MAX bytes. */
static const unsigned char *
wal_at(const struct shop *shop, lsn at)
{
	return shop->pattern + at % PERIOD;
}

static void
begin(struct shop *shop, lsn at, lsn held)
{
	struct archive_position position = {
		.timeline = TIMELINE, .at = at, .held = held};

	finisher_begin(shop->finisher, &position);
	shop->at = at;
	shop->progress = (struct finisher_progress){at, at, true, false};
}

static void
create(struct shop *shop)
{
	struct error error;

	shop->config.directory = shop->directory;
	shop->config.wake_fd = shop->wake[1];
	if (!finisher_create(&shop->finisher, &shop->config, &error))
		fail_msg("%s", error.message);
}

static void
open_shop(struct shop *shop, void **state, uint32_t size, enum codec codec)
{
	*shop = (struct shop){
		.directory = *state,
		.config =
			{
				.segment_size = size,
				.codec = codec,
				.level = codec == CODEC_GZIP ? 1 : 0,
				.jobs = 2,
				.memory = RESERVE + 40 * MB,
			},
		.seed = 7,
		.begin = (lsn)5 * size,
		.checked = (lsn)5 * size,
		.next_completed = 5,
	};
	make_pattern(shop);
	assert_int_equal(pipe(shop->wake), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(shop->wake[i], F_SETFL, O_NONBLOCK), 0);
}

static void
close_shop(struct shop *shop)
{
	finisher_destroy(shop->finisher);
	free(shop->pattern);
	free(shop->buffer);
	(void)close(shop->wake[0]);
	(void)close(shop->wake[1]);
}

static void
name_segment(const struct shop *shop, uint64_t number,
	enum archive_name_kind kind, enum codec codec,
	char text[ARCHIVE_NAME_MAX])
{
	struct archive_name name = {
		.kind = kind,
		.timeline = TIMELINE,
		.number = number,
		.codec = codec,
	};

	archive_name_format(text, &name, shop->config.segment_size);
}

static bool
exists(const struct shop *shop, uint64_t number, enum archive_name_kind kind,
	enum codec codec)
{
	char text[ARCHIVE_NAME_MAX];

	name_segment(shop, number, kind, codec, text);
	return faccessat(shop->directory->fd, text, F_OK, 0) == 0;
}

static bool
is_final(const struct shop *shop, uint64_t number)
{
	return exists(shop, number, NAME_SEGMENT, shop->config.codec);
}

/* The first bytes of a file are those of the WAL; its plain length. */
static uint64_t
check_content(
	struct shop *shop, struct segment_reader *reader, lsn start, lsn upto)
{
	lsn at = start;

	for (;;) {
		size_t len = PIECE_MAX;
		size_t wanted;
		struct error error;

		if (!segment_reader_read(reader, shop->buffer, &len, &error))
			fail_msg("%s", error.message);
		if (len == 0)
			return at - start;
		wanted = at >= upto ? 0 : (size_t)(upto - at);
		if (wanted > len)
			wanted = len;
		assert_memory_equal(shop->buffer, wal_at(shop, at), wanted);
		at += len;
	}
}

/* The plain length of a file whose WAL is right; 0: there is no such file. */
static uint64_t
check_file(struct shop *shop, uint64_t number, enum archive_name_kind kind,
	enum codec codec, lsn upto)
{
	uint32_t size = shop->config.segment_size;
	char text[ARCHIVE_NAME_MAX];
	struct segment_reader *reader;
	struct error error;
	uint64_t len;

	name_segment(shop, number, kind, codec, text);
	if (!segment_reader_open(
		    &reader, shop->directory, text, codec, &error)) {
		assert_int_equal(error.code, ERR_NOT_FOUND);
		return 0;
	}
	if (kind == NAME_SEGMENT)
		upto = (number + 1) * size;
	len = check_content(shop, reader, number * size, upto);
	segment_reader_close(reader);
	if (kind == NAME_SEGMENT || codec == CODEC_NONE)
		assert_int_equal(len, size);
	else
		assert_true(len >= upto - number * size);
	return len;
}

/* What is said to be durable is there; a .partial goes after its successor. */
static void
check_durable(struct shop *shop, lsn durable)
{
	uint32_t size = shop->config.segment_size;

	while (shop->checked < durable) {
		uint64_t number = shop->checked / size;
		lsn upto = (number + 1) * size;

		if (upto > durable)
			upto = durable;
		if (check_file(shop, number, NAME_PARTIAL, CODEC_NONE, upto) ==
				0 &&
			check_file(shop, number, NAME_SEGMENT,
				shop->config.codec, upto) == 0 &&
			check_file(shop, number, NAME_PARTIAL,
				shop->config.codec, upto) == 0)
			fail_msg("segment %d is not there", (int)number);
		shop->checked = upto;
	}
}

/* Seen from the highest: when a name is there, all before it are. */
static void
check_order(const struct shop *shop)
{
	uint32_t size = shop->config.segment_size;
	bool found = false;

	for (lsn at = shop->at; at >= shop->begin; at -= size) {
		bool final = is_final(shop, at / size);

		assert_true(final || !found);
		found = final;
	}
}

static void
look(struct shop *shop)
{
	struct finisher_progress progress;
	uint32_t timeline;
	uint64_t number;
	char bytes[64];

	while (read(shop->wake[0], bytes, sizeof(bytes)) > 0)
		continue;
	finisher_progress(shop->finisher, &progress);
	assert_true(progress.durable >= shop->progress.durable);
	assert_true(progress.written >= shop->progress.written);
	assert_true(progress.written >= progress.durable);
	assert_true(progress.written <= shop->at);
	shop->progress = progress;
	check_durable(shop, progress.durable);
	while (finisher_completed(shop->finisher, &timeline, &number)) {
		assert_int_equal(timeline, TIMELINE);
		assert_int_equal(number, shop->next_completed++);
		assert_true(is_final(shop, number));
	}
}

static void
wait_for_news(struct shop *shop)
{
	struct pollfd fd = {.fd = shop->wake[0], .events = POLLIN};
	struct error error;

	if (poll(&fd, 1, WAIT_MS) != 1)
		fail_msg("the workers do nothing");
	look(shop);
	if (finisher_failed(shop->finisher, &error))
		fail_msg("%s", error.message);
}

/* Append len bytes in pieces; waits for memory when there is none. */
static void
append(struct shop *shop, size_t len, size_t piece_max)
{
	while (len > 0) {
		size_t piece = 1 + next_random(shop) % piece_max;
		size_t taken;

		if (piece > len)
			piece = len;
		taken = finisher_append(
			shop->finisher, wal_at(shop, shop->at), piece);
		assert_true(taken <= piece);
		shop->at += taken;
		len -= taken;
		if (taken < piece)
			wait_for_news(shop);
	}
}

static void
finish(struct shop *shop, enum finisher_closing closing)
{
	finisher_close(shop->finisher, closing);
	look(shop);
	while (!shop->progress.idle)
		wait_for_news(shop);
	assert_int_equal(shop->progress.durable, shop->at);
	assert_int_equal(shop->progress.written, shop->at);
	assert_int_equal(
		shop->next_completed, shop->at / shop->config.segment_size);
}

/* Nothing but the segments from begin on, and the open one in this form. */
static void
check_directory(struct shop *shop, enum codec open_codec)
{
	uint32_t size = shop->config.segment_size;
	uint64_t first = shop->begin / size;
	uint64_t open = shop->at / size;
	uint64_t rest = shop->at % size;
	int count = (int)(open - first);

	for (uint64_t number = first; number < open; number++)
		assert_int_equal(check_file(shop, number, NAME_SEGMENT,
					 shop->config.codec, LSN_MAX),
			size);
	if (rest != 0) {
		assert_int_equal(check_file(shop, open, NAME_PARTIAL,
					 open_codec, shop->at),
			open_codec == CODEC_NONE ? size : rest);
		count++;
	}
	assert_int_equal(temporary_directory_count(shop->directory), count);
}

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
		open_shop(&shop, state, WAL_SEGMENT_SIZE_MIN, codec);
		shop.begin += (lsn)(100 * i) * WAL_SEGMENT_SIZE_MIN;
		shop.checked = shop.begin;
		shop.next_completed += (uint64_t)(100 * i);
		create(&shop);
		begin(&shop, shop.begin, shop.begin);
		while (shop.at < shop.begin + 6 * MB + 12345) {
			append(&shop, 1 + next_random(&shop) % 300000, 70000);
			if (next_random(&shop) % 3 == 0)
				finisher_persist(shop.finisher);
			look(&shop);
		}
		finish(&shop, closing);
		assert_true(closing == CLOSING_ABANDON ||
			check_file(&shop, shop.at / WAL_SEGMENT_SIZE_MIN,
				NAME_PARTIAL, CODEC_NONE, shop.at) > 0);
		check_order(&shop);
		close_shop(&shop);
	}
}

static void
forms_at_the_end(void **state)
{
	struct shop shop;

	open_shop(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
	create(&shop);
	begin(&shop, shop.begin, shop.begin);
	append(&shop, 2 * MB + 100, MB);
	finish(&shop, CLOSING_SUSPEND);
	check_directory(&shop, CODEC_NONE);
	begin(&shop, shop.at, shop.at);
	finish(&shop, CLOSING_ABANDON);
	check_directory(&shop, CODEC_GZIP);
	close_shop(&shop);
}

/* A close at a segment's end leaves no open segment. */
static void
close_at_border(void **state)
{
	struct shop shop;

	open_shop(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_LZ4);
	create(&shop);
	begin(&shop, shop.begin, shop.begin);
	append(&shop, 2 * MB, MB);
	finish(&shop, CLOSING_ABANDON);
	check_directory(&shop, CODEC_LZ4);
	/* And one that never got a byte leaves nothing at all. */
	begin(&shop, shop.at, shop.at);
	finish(&shop, CLOSING_ABANDON);
	check_directory(&shop, CODEC_LZ4);
	close_shop(&shop);
}

/* Several windows to a segment, and little memory. */
static void
large_segments(void **state)
{
	static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_LZ4};

	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		struct shop shop;

		open_shop(&shop, state, 64 * MB, codecs[i]);
		shop.begin += 10 * i * 64 * MB;
		shop.checked = shop.begin;
		shop.next_completed += 10 * i;
		shop.config.memory = RESERVE + 9 * MB;
		create(&shop);
		begin(&shop, shop.begin, shop.begin);
		while (shop.at < shop.begin + 70 * MB) {
			append(&shop, next_random(&shop) % (6 * MB), MB);
			if (next_random(&shop) % 2 == 0)
				finisher_persist(shop.finisher);
			look(&shop);
		}
		finish(&shop, CLOSING_ABANDON);
		assert_true(is_final(&shop, shop.begin / (64 * MB)));
		close_shop(&shop);
	}
}

/* The least memory there is, and a start in mid-window. */
static void
least_memory(void **state)
{
	struct shop shop;

	open_shop(&shop, state, 8 * MB, CODEC_NONE);
	shop.config.memory = 0;
	create(&shop);
	begin(&shop, shop.begin, shop.begin);
	append(&shop, 300001, MB);
	finisher_persist(shop.finisher);
	append(&shop, 20 * MB, MB);
	finish(&shop, CLOSING_SUSPEND);
	check_directory(&shop, CODEC_NONE);
	begin(&shop, shop.at, shop.at);
	append(&shop, 9 * MB + 1, MB);
	finish(&shop, CLOSING_SUSPEND);
	check_directory(&shop, CODEC_NONE);
	close_shop(&shop);
}

/* Persisted at once, without a close, and over many borders. */
static void
persist(void **state)
{
	struct shop shop;

	open_shop(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
	create(&shop);
	begin(&shop, shop.begin, shop.begin);
	for (int i = 0; i < 40; i++) {
		append(&shop, 1 + next_random(&shop) % 200000, MB);
		finisher_persist(shop.finisher);
		while (shop.progress.durable < shop.at)
			wait_for_news(&shop);
	}
	finisher_persist(shop.finisher);
	/* Up to a border, and to the last byte before it. */
	append(&shop, MB - (size_t)(shop.at % MB) - 1, MB);
	finisher_persist(shop.finisher);
	while (shop.progress.durable < shop.at)
		wait_for_news(&shop);
	append(&shop, 1, 1);
	finisher_persist(shop.finisher);
	while (shop.progress.durable < shop.at)
		wait_for_news(&shop);
	assert_true(is_final(&shop, shop.at / MB - 1));
	finish(&shop, CLOSING_ABANDON);
	check_directory(&shop, CODEC_GZIP);
	close_shop(&shop);
}

static void
names_in_order(void **state)
{
	struct shop shop;

	open_shop(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
	shop.config.jobs = 8;
	shop.config.level = 6;
	create(&shop);
	begin(&shop, shop.begin, shop.begin);
	append(&shop, 20 * MB, MB);
	while (shop.next_completed < shop.begin / MB + 20) {
		check_order(&shop);
		wait_for_news(&shop);
	}
	finish(&shop, CLOSING_ABANDON);
	check_directory(&shop, CODEC_GZIP);
	close_shop(&shop);
}

/* Workers that wait for space take no memory beyond what is allowed. */
static void
back_pressure(void **state)
{
	for (int windows = 2; windows <= 5; windows++) {
		struct shop shop;
		size_t taken = 0;

		open_shop(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
		shop.begin += (lsn)(100 * windows) * MB;
		shop.checked = shop.begin;
		shop.next_completed += 100 * (uint64_t)windows;
		shop.config.memory = RESERVE + (uint64_t)windows * MB;
		shop.config.min_free = UINT64_MAX;
		create(&shop);
		begin(&shop, shop.begin, shop.begin);
		while (taken < 9 * MB) {
			size_t piece = finisher_append(
				shop.finisher, wal_at(&shop, shop.at), MB / 2);

			if (piece == 0)
				break;
			shop.at += piece;
			taken += piece;
		}
		assert_int_equal(taken, (size_t)windows * MB);
		while (!shop.progress.space_short)
			wait_for_news(&shop);
		assert_int_equal(shop.progress.durable, shop.begin);
		assert_false(is_final(&shop, shop.begin / MB));
		/* The end uses what space is left. */
		finish(&shop, CLOSING_SUSPEND);
		assert_false(shop.progress.space_short);
		close_shop(&shop);
	}
}

/* Write a .partial as an earlier run left it: WAL up to held. */
static void
make_partial(struct shop *shop, lsn held)
{
	uint32_t size = shop->config.segment_size;
	uint64_t number = held / size;
	char text[ARCHIVE_NAME_MAX];
	struct error error;
	int fd;

	name_segment(shop, number, NAME_PARTIAL, CODEC_NONE, text);
	if (!durable_create(shop->directory, text, size, &fd, &error) ||
		!durable_write(fd, text, wal_at(shop, number * size),
			(size_t)(held - number * size), 0, &error) ||
		!durable_close(fd, text, &error))
		fail_msg("%s", error.message);
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
		open_shop(&shop, state, WAL_SEGMENT_SIZE_MIN, codec);
		shop.begin += (lsn)(100 * i) * MB;
		shop.checked = shop.begin;
		shop.next_completed += 100 * (uint64_t)i;
		at = shop.begin + 300000;
		make_partial(&shop, at + 1000);
		create(&shop);
		begin(&shop, at, at + 1000);
		append(&shop, lens[i % 3], 4000);
		finish(&shop, CLOSING_ABANDON);
		end = shop.at > at + 1000 ? shop.at : at + 1000;
		assert_int_equal(
			check_file(&shop, end / MB, NAME_PARTIAL, codec, end),
			codec == CODEC_NONE ? MB : end % MB);
		assert_int_equal(
			exists(&shop, end / MB, NAME_PARTIAL, CODEC_NONE),
			codec == CODEC_NONE);
		close_shop(&shop);
	}
}

static void
wait_for_failure(struct shop *shop, struct error *error)
{
	struct pollfd fd = {.fd = shop->wake[0], .events = POLLIN};

	while (!finisher_failed(shop->finisher, error)) {
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
		look(shop);
	}
	look(shop);
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
	open_shop(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
	shop.directory = &directory;
	create(&shop);
	begin(&shop, shop.begin, shop.begin);
	assert_int_equal(rmdir(path), 0);
	append(&shop, 100, 100);
	assert_false(finisher_failed(shop.finisher, &error));
	finisher_persist(shop.finisher);
	wait_for_failure(&shop, &error);
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_int_equal(error.sys_errno, ENOENT);
	assert_int_equal(shop.progress.durable, shop.begin);
	/* Nothing is begun any more, and nothing is said to be done. */
	shop.at += finisher_append(
		shop.finisher, wal_at(&shop, shop.at), PIECE_MAX);
	finisher_close(shop.finisher, CLOSING_ABANDON);
	look(&shop);
	assert_false(shop.progress.idle);
	assert_int_equal(shop.progress.durable, shop.begin);
	close_shop(&shop);
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
	open_shop(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_NONE);
	shop.directory = &directory;
	create(&shop);
	begin(&shop, shop.begin, shop.begin);
	shop.at += finisher_append(shop.finisher, wal_at(&shop, shop.at), MB);
	while (shop.progress.durable < shop.begin + MB)
		wait_for_news(&shop);
	for (int i = 0; i < 4; i++)
		shop.at += finisher_append(
			shop.finisher, wal_at(&shop, shop.at), MB - 1);
	finisher_persist(shop.finisher);
	wait_for_failure(&shop, &error);
	assert_true(error_is_transient(&error));
	finisher_destroy(shop.finisher);
	shop.finisher = NULL;
	assert_true(is_final(&shop, shop.begin / MB));
	assert_in_range(temporary_directory_count(&directory), 1, 3);
	for (uint64_t n = 5; n < 10; n++) {
		name_segment(&shop, n, NAME_PARTIAL, CODEC_NONE, text);
		if (fstatat(directory.fd, text, &status, 0) == 0)
			assert_int_equal(status.st_size, MB);
	}
	close_shop(&shop);
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

		open_shop(&shop, state, WAL_SEGMENT_SIZE_MIN, codec);
		shop.seed = i;
		shop.begin += (lsn)100 * i * MB;
		shop.checked = shop.begin;
		shop.next_completed += (uint64_t)100 * i;
		create(&shop);
		begin(&shop, shop.begin, shop.begin);
		for (uint32_t n = next_random(&shop) % 12; n > 0; n--) {
			append(&shop, next_random(&shop) % MB, MB);
			if (next_random(&shop) % 2 == 0)
				finisher_persist(shop.finisher);
			if (next_random(&shop) % 2 == 0)
				look(&shop);
		}
		if (next_random(&shop) % 3 == 0)
			finisher_close(shop.finisher, CLOSING_ABANDON);
		finisher_destroy(shop.finisher);
		shop.finisher = NULL;
		shop.checked = shop.begin;
		check_durable(&shop, shop.progress.durable);
		check_order(&shop);
		stream = opendir(shop.directory->path);
		while ((entry = readdir(stream)) != NULL)
			assert_null(strstr(entry->d_name, ".tmp"));
		(void)closedir(stream);
		close_shop(&shop);
	}
}

static void
destroy_nothing(void **state)
{
	struct shop shop;

	finisher_destroy(NULL);
	open_shop(&shop, state, WAL_SEGMENT_SIZE_MIN, CODEC_GZIP);
	shop.config.min_free = UINT64_MAX;
	create(&shop);
	finisher_destroy(shop.finisher);
	/* A worker that waits for space is called back. */
	create(&shop);
	begin(&shop, shop.begin, shop.begin);
	append(&shop, 100, 100);
	finisher_persist(shop.finisher);
	while (!shop.progress.space_short)
		wait_for_news(&shop);
	close_shop(&shop);
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
