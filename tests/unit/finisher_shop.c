#include "finisher_shop.h"

#include "archive/segment_reader.h"

#include <poll.h>

#define PERIOD 65521 /* a prime: no two segments look the same */
#define WAIT_MS 60000

uint32_t
shop_random(struct shop *shop)
{
	shop->seed = shop->seed * 1664525 + 1013904223;
	return shop->seed >> 8;
}

static void
make_pattern(struct shop *shop)
{
	shop->pattern = malloc(PERIOD + SHOP_PIECE_MAX);
	shop->buffer = malloc(SHOP_PIECE_MAX);
	assert_true(shop->pattern != NULL && shop->buffer != NULL);
	for (size_t i = 0; i < PERIOD; i++)
		shop->pattern[i] = (unsigned char)(shop_random(shop) & 0x33);
	for (size_t i = 0; i < SHOP_PIECE_MAX; i++)
		shop->pattern[PERIOD + i] = shop->pattern[i];
}

const unsigned char *
shop_wal(const struct shop *shop, lsn at)
{
	return shop->pattern + at % PERIOD;
}

void
shop_begin(struct shop *shop, lsn at, lsn held)
{
	struct archive_position position = {
		.timeline = SHOP_TIMELINE, .at = at, .held = held};

	finisher_begin(shop->finisher, &position);
	shop->at = at;
	shop->progress = (struct finisher_progress){
		.written = at,
		.durable = at,
		.idle = true,
	};
}

void
shop_create(struct shop *shop)
{
	struct error error;

	shop->config.directory = shop->directory;
	shop->config.wake_fd = shop->wake[1];
	if (!finisher_create(&shop->finisher, &shop->config, &error))
		fail_msg("%s", error.message);
}

void
shop_open(struct shop *shop, void **state, uint32_t size, enum codec codec)
{
	*shop = (struct shop){
		.directory = *state,
		.config =
			{
				.segment_size = size,
				.codec = codec,
				.level = codec == CODEC_GZIP ? 1 : 0,
				.jobs = 2,
				.memory = SHOP_RESERVE + 40 * MB,
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

void
shop_close(struct shop *shop)
{
	finisher_destroy(shop->finisher);
	free(shop->pattern);
	free(shop->buffer);
	(void)close(shop->wake[0]);
	(void)close(shop->wake[1]);
}

void
shop_name(const struct shop *shop, uint64_t number, enum archive_name_kind kind,
	enum codec codec, char text[ARCHIVE_NAME_MAX])
{
	struct archive_name name = {
		.kind = kind,
		.timeline = SHOP_TIMELINE,
		.number = number,
		.codec = codec,
	};

	archive_name_format(text, &name, shop->config.segment_size);
}

bool
shop_has(const struct shop *shop, uint64_t number, enum archive_name_kind kind,
	enum codec codec)
{
	char text[ARCHIVE_NAME_MAX];

	shop_name(shop, number, kind, codec, text);
	return faccessat(shop->directory->fd, text, F_OK, 0) == 0;
}

bool
shop_has_final(const struct shop *shop, uint64_t number)
{
	return shop_has(shop, number, NAME_SEGMENT, shop->config.codec);
}

/* The first bytes of a file are those of the WAL; its plain length. */
static uint64_t
check_content(
	struct shop *shop, struct segment_reader *reader, lsn start, lsn upto)
{
	lsn at = start;

	for (;;) {
		size_t len = SHOP_PIECE_MAX;
		size_t wanted;
		struct error error;

		if (!segment_reader_read(reader, shop->buffer, &len, &error))
			fail_msg("%s", error.message);
		if (len == 0)
			return at - start;
		wanted = at >= upto ? 0 : (size_t)(upto - at);
		if (wanted > len)
			wanted = len;
		assert_memory_equal(shop->buffer, shop_wal(shop, at), wanted);
		at += len;
	}
}

uint64_t
shop_check_file(struct shop *shop, uint64_t number, enum archive_name_kind kind,
	enum codec codec, lsn upto)
{
	uint32_t size = shop->config.segment_size;
	char text[ARCHIVE_NAME_MAX];
	struct segment_reader *reader;
	struct error error;
	uint64_t len;

	shop_name(shop, number, kind, codec, text);
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

void
shop_check_durable(struct shop *shop, lsn durable)
{
	uint32_t size = shop->config.segment_size;

	while (shop->checked < durable) {
		uint64_t number = shop->checked / size;
		lsn upto = (number + 1) * size;

		if (upto > durable)
			upto = durable;
		if (shop_check_file(shop, number, NAME_PARTIAL, CODEC_NONE,
			    upto) == 0 &&
			shop_check_file(shop, number, NAME_SEGMENT,
				shop->config.codec, upto) == 0 &&
			shop_check_file(shop, number, NAME_PARTIAL,
				shop->config.codec, upto) == 0)
			fail_msg("segment %d is not there", (int)number);
		shop->checked = upto;
	}
}

void
shop_check_order(const struct shop *shop)
{
	uint32_t size = shop->config.segment_size;
	bool found = false;

	for (lsn at = shop->at; at >= shop->begin; at -= size) {
		bool final = shop_has_final(shop, at / size);

		assert_true(final || !found);
		found = final;
	}
}

void
shop_look(struct shop *shop)
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
	shop_check_durable(shop, progress.durable);
	while (finisher_completed(shop->finisher, &timeline, &number)) {
		assert_int_equal(timeline, SHOP_TIMELINE);
		assert_int_equal(number, shop->next_completed++);
		assert_true(shop_has_final(shop, number));
	}
}

void
shop_wait(struct shop *shop)
{
	struct pollfd fd = {.fd = shop->wake[0], .events = POLLIN};
	struct error error;

	if (poll(&fd, 1, WAIT_MS) != 1)
		fail_msg("the workers do nothing");
	shop_look(shop);
	if (finisher_failed(shop->finisher, &error))
		fail_msg("%s", error.message);
}

void
shop_append(struct shop *shop, size_t len, size_t piece_max)
{
	while (len > 0) {
		size_t piece = 1 + shop_random(shop) % piece_max;
		size_t taken;

		if (piece > len)
			piece = len;
		taken = finisher_append(
			shop->finisher, shop_wal(shop, shop->at), piece);
		assert_true(taken <= piece);
		shop->at += taken;
		len -= taken;
		if (taken < piece)
			shop_wait(shop);
	}
}

void
shop_finish(struct shop *shop, enum finisher_closing closing)
{
	finisher_close(shop->finisher, closing);
	shop_look(shop);
	while (!shop->progress.idle)
		shop_wait(shop);
	assert_int_equal(shop->progress.durable, shop->at);
	assert_int_equal(shop->progress.written, shop->at);
	assert_int_equal(
		shop->next_completed, shop->at / shop->config.segment_size);
}

void
shop_check_directory(struct shop *shop, enum codec open_codec)
{
	uint32_t size = shop->config.segment_size;
	uint64_t first = shop->begin / size;
	uint64_t open = shop->at / size;
	uint64_t rest = shop->at % size;
	int count = (int)(open - first);

	for (uint64_t number = first; number < open; number++)
		assert_int_equal(shop_check_file(shop, number, NAME_SEGMENT,
					 shop->config.codec, LSN_MAX),
			size);
	if (rest != 0) {
		assert_int_equal(shop_check_file(shop, open, NAME_PARTIAL,
					 open_codec, shop->at),
			open_codec == CODEC_NONE ? size : rest);
		count++;
	}
	assert_int_equal(temporary_directory_count(shop->directory), count);
}

void
shop_make_partial(struct shop *shop, lsn held)
{
	uint32_t size = shop->config.segment_size;
	uint64_t number = held / size;
	char text[ARCHIVE_NAME_MAX];
	struct error error;
	int fd;

	shop_name(shop, number, NAME_PARTIAL, CODEC_NONE, text);
	if (!durable_create(shop->directory, text, size, &fd, &error) ||
		!durable_write(fd, text, shop_wal(shop, number * size),
			(size_t)(held - number * size), 0, &error) ||
		!durable_close(fd, text, &error))
		fail_msg("%s", error.message);
}

void
shop_wait_for_failure(struct shop *shop, struct error *error)
{
	struct pollfd fd = {.fd = shop->wake[0], .events = POLLIN};

	while (!finisher_failed(shop->finisher, error)) {
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
		shop_look(shop);
	}
	shop_look(shop);
}
