#include "archive/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "temporary_directory.h"

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Encoded bytes: a sink adds to them, a source reads them. */
struct stored {
	unsigned char *bytes;
	size_t room;
	size_t len;
	size_t at;    /* where the source reads on */
	size_t piece; /* the most it gives; 0: no limit */
	size_t fail_at;
	size_t smallest; /* piece but the last that the sink saw */
	size_t last;
};

struct level {
	enum codec codec;
	int level;
};

static const struct level levels[] = {
	{CODEC_GZIP, 1},
	{CODEC_GZIP, 2},
	{CODEC_GZIP, 3},
	{CODEC_GZIP, 4},
	{CODEC_GZIP, 9},
	{CODEC_LZ4, 0},
	{CODEC_LZ4, 1},
	{CODEC_LZ4, 3},
	{CODEC_LZ4, 12},
	{CODEC_ZSTD, 1},
	{CODEC_ZSTD, 3},
	{CODEC_ZSTD, 19},
};

/* The default of each codec. */
static const struct level defaults[] = {
	{CODEC_GZIP, 1},
	{CODEC_GZIP, 6}, /* zlib's encoder */
	{CODEC_LZ4, 0},
	{CODEC_ZSTD, 1},
};

static uint32_t
next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Like WAL: short runs that came before, and some that did not. */
static unsigned char *
make_plain(size_t len)
{
	unsigned char *plain = malloc(len + 1);
	uint32_t seed = 20;
	size_t at = 0;

	assert_non_null(plain);
	while (at < len) {
		size_t run = 8 + next_random(&seed) % 56;
		size_t back = 1 + next_random(&seed) % 4096;
		bool again = at > back && next_random(&seed) % 4 != 0;

		for (size_t i = 0; i < run && at < len; i++, at++)
			plain[at] = again ? plain[at - back]
					  : (unsigned char)next_random(&seed);
	}
	return plain;
}

static void
stored_init(struct stored *stored, size_t room)
{
	memset(stored, 0, sizeof(*stored));
	stored->bytes = malloc(room);
	stored->room = room;
	stored->fail_at = SIZE_MAX;
	stored->smallest = SIZE_MAX;
	assert_non_null(stored->bytes);
}

static bool
sink(void *context, const void *data, size_t len, struct error *error)
{
	struct stored *stored = context;

	if (stored->len + len > stored->fail_at)
		return error_set(error, ERR_SYSTEM, "the sink is full");
	assert_true(len > 0 && len <= stored->room - stored->len);
	memcpy(stored->bytes + stored->len, data, len);
	stored->len += len;
	if (stored->last > 0 && stored->last < stored->smallest)
		stored->smallest = stored->last;
	stored->last = len;
	return true;
}

static bool
source(void *context, void *data, size_t *len, struct error *error)
{
	struct stored *stored = context;
	size_t left = stored->len - stored->at;

	assert_true(*len > 0);
	if (stored->at >= stored->fail_at)
		return error_set(error, ERR_SYSTEM, "the source is dry");
	if (*len > left)
		*len = left;
	if (stored->piece > 0 && *len > stored->piece)
		*len = stored->piece;
	memcpy(data, stored->bytes + stored->at, *len);
	stored->at += *len;
	return true;
}

/* Encode in pieces of at most piece bytes. */
static void
encode(struct stored *stored, const struct level *level,
	const unsigned char *plain, size_t len, size_t piece)
{
	const struct codec_stream stream = {level->codec, level->level, len};
	struct codec_encoder *encoder = NULL;
	struct error error;
	size_t at = 0;

	stored_init(stored, len + len / 8 + 1024);
	assert_true(
		codec_encoder_open(&encoder, &stream, sink, stored, &error));
	while (at < len) {
		size_t now = len - at < piece ? len - at : piece;

		assert_true(
			codec_encoder_write(encoder, plain + at, now, &error));
		at += now;
	}
	assert_true(codec_encoder_finish(encoder, &error));
	codec_encoder_free(encoder);
}

/*
 * Decode to the end. True if that was sound; *len, the room in plain, becomes
 * what was decoded, be it more.
 */
static bool
decode(struct stored *stored, enum codec codec, unsigned char *plain,
	size_t *len, struct error *error)
{
	static unsigned char piece[100 * 1000];
	struct codec_decoder *decoder = NULL;
	size_t room = *len;
	size_t got;
	bool ok;

	stored->at = 0;
	*len = 0;
	assert_true(codec_decoder_open(&decoder, codec, source, stored, error));
	do {
		got = sizeof(piece);
		ok = codec_decoder_read(decoder, piece, &got, error);
		if (*len + got <= room)
			memcpy(plain + *len, piece, got);
		*len += got;
	} while (ok && got > 0);
	if (!ok) {
		struct error again;

		got = 1;
		assert_false(codec_decoder_read(decoder, piece, &got, &again));
		assert_int_equal(got, 0);
		assert_int_equal(again.code, error->code);
	}
	codec_decoder_free(decoder);
	return ok;
}

static void
assert_decodes_to(struct stored *stored, enum codec codec,
	const unsigned char *plain, size_t len)
{
	unsigned char *decoded = malloc(len + 1);
	struct error error = {.message = ""};
	size_t got = len;

	assert_non_null(decoded);
	if (!decode(stored, codec, decoded, &got, &error))
		fail_msg("%s: %s", codec_suffix(codec), error.message);
	assert_int_equal(got, len);
	assert_memory_equal(decoded, plain, len);
	free(decoded);
}

/* Damaged, and what came before the fault is right. */
static void
assert_damaged(struct stored *stored, enum codec codec,
	const unsigned char *plain, size_t len)
{
	unsigned char *decoded = malloc(len + 1);
	struct error error = {.message = ""};
	size_t got = len;

	assert_non_null(decoded);
	assert_false(decode(stored, codec, decoded, &got, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	assert_true(got <= len);
	assert_memory_equal(decoded, plain, got);
	free(decoded);
}

struct parse_example {
	const char *specification;
	enum codec codec;
	int level;
};

static void
test_parse_accepts(void **state)
{
	static const struct parse_example examples[] = {
		{"none", CODEC_NONE, 0},
		{"0", CODEC_NONE, 0},
		{"1", CODEC_GZIP, 1},
		{"9", CODEC_GZIP, 9},
		{"gzip", CODEC_GZIP, 1},
		{"gzip:6", CODEC_GZIP, 6},
		{"gzip:level=9", CODEC_GZIP, 9},
		{"gzip:-1", CODEC_GZIP, 1},
		{"gzip:level=3,level=4", CODEC_GZIP, 4},
		{"lz4", CODEC_LZ4, 0},
		{"lz4:0", CODEC_LZ4, 0},
		{"lz4:1", CODEC_LZ4, 1},
		{"lz4:level=12", CODEC_LZ4, 12},
#ifdef HAVE_ZSTD
		{"zstd", CODEC_ZSTD, 1},
		{"zstd:3", CODEC_ZSTD, 3},
		{"zstd:level=22", CODEC_ZSTD, 22},
#endif
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(examples); i++) {
		enum codec codec = CODECS;
		struct error error;
		int level = 42;

		if (!codec_parse(
			    examples[i].specification, &codec, &level, &error))
			fail_msg("%s: %s", examples[i].specification,
				error.message);
		assert_int_equal(codec, examples[i].codec);
		assert_int_equal(level, examples[i].level);
	}
}

#define INVALID "invalid compression specification: "

struct parse_refusal {
	const char *specification;
	const char *message;
};

/* Each message but the zstd ones is pg_receivewal 15's. */
static const struct parse_refusal refusals[] = {
	{"", "unrecognized compression algorithm: \"\""},
	{"foo", "unrecognized compression algorithm: \"foo\""},
	{"5x", "unrecognized compression algorithm: \"5x\""},
	{"LZ4", "unrecognized compression algorithm: \"LZ4\""},
	{"gzipped:1", "unrecognized compression algorithm: \"gzipped\""},
	{"gz:1", "unrecognized compression algorithm: \"gz\""},
	{":1", "unrecognized compression algorithm: \"\""},
	{"none:1",
		INVALID "compression algorithm \"none\" does not accept a "
			"compression level"},
	{"none:level=3",
		INVALID "compression algorithm \"none\" does not "
			"accept a compression level"},
	{"none:",
		INVALID "found empty string where a compression option was "
			"expected"},
	{"gzip:",
		INVALID "found empty string where a compression option was "
			"expected"},
	{"gzip:level=3,",
		INVALID "found empty string where a compression "
			"option was expected"},
	{"gzip:=3",
		INVALID "found empty string where a compression option "
			"was expected"},
	{"gzip:3x", INVALID "unrecognized compression option: \"3x\""},
	{"gzip:1:2", INVALID "unrecognized compression option: \"1:2\""},
	{"gzip:foo=1", INVALID "unrecognized compression option: \"foo\""},
	{"gzip:level", INVALID "compression option \"level\" requires a value"},
	{"gzip:level=",
		INVALID "value for compression option \"level\" must "
			"be an integer"},
	{"gzip:level=3x",
		INVALID "value for compression option \"level\" "
			"must be an integer"},
	{"gzip:0",
		INVALID "compression algorithm \"gzip\" expects a "
			"compression level between 1 and 9 (default at -1)"},
	{"10",
		INVALID "compression algorithm \"gzip\" expects a "
			"compression level between 1 and 9 (default at -1)"},
	{"-2",
		INVALID "compression algorithm \"gzip\" expects a "
			"compression level between 1 and 9 (default at -1)"},
	{"4294967297",
		INVALID "compression algorithm \"gzip\" expects a "
			"compression level between 1 and 9 (default at -1)"},
	{"2147483648",
		INVALID "compression algorithm \"gzip\" expects a "
			"compression level between 1 and 9 (default at -1)"},
	{"-4294967295",
		INVALID "compression algorithm \"gzip\" expects a "
			"compression level between 1 and 9 (default at -1)"},
	{"-99999999999999999999",
		INVALID "compression algorithm \"gzip\" expects a "
			"compression level between 1 and 9 (default at -1)"},
	{"gzip:level9=1",
		INVALID "unrecognized compression option: \"level9\""},
	{"gzip:99999999999999999999",
		INVALID "compression algorithm \"gzip\" expects a "
			"compression level between 1 and 9 (default at -1)"},
	{"lz4:13",
		INVALID "compression algorithm \"lz4\" expects a "
			"compression level between 1 and 12 (default at 0)"},
	{"lz4:-1",
		INVALID "compression algorithm \"lz4\" expects a "
			"compression level between 1 and 12 (default at 0)"},
#ifdef HAVE_ZSTD
	{"zstd:0",
		INVALID "compression algorithm \"zstd\" expects a "
			"compression level between 1 and 22 (default at 1)"},
	{"zstd:23",
		INVALID "compression algorithm \"zstd\" expects a "
			"compression level between 1 and 22 (default at 1)"},
#else
	{"zstd", INVALID "this build does not support compression with zstd"},
#endif
};

static void
test_parse_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(refusals); i++) {
		enum codec codec = CODECS;
		struct error error;
		int level = 42;

		if (codec_parse(
			    refusals[i].specification, &codec, &level, &error))
			fail_msg("%s: accepted", refusals[i].specification);
		assert_int_equal(error.code, ERR_USAGE);
		assert_string_equal(error.message, refusals[i].message);
		assert_int_equal(codec, CODECS);
		assert_int_equal(level, 42);
	}
}

static void
test_suffixes(void **state)
{
	(void)state;
	assert_string_equal(codec_suffix(CODEC_NONE), "");
	assert_string_equal(codec_suffix(CODEC_ZSTD), ".zst");
	assert_string_equal(codec_suffix(CODEC_GZIP), ".gz");
	assert_string_equal(codec_suffix(CODEC_LZ4), ".lz4");
	assert_true(codec_available(CODEC_NONE));
	assert_true(codec_available(CODEC_GZIP));
	assert_true(codec_available(CODEC_LZ4));
}

static void
test_round_trip_of_each_level(void **state)
{
	unsigned char *plain = make_plain(MIB);

	(void)state;
	for (size_t i = 0; i < LENGTH(levels); i++) {
		struct stored stored;

		if (!codec_available(levels[i].codec))
			continue;
		encode(&stored, &levels[i], plain, MIB, MIB);
		assert_true(stored.len < MIB / 2);
		assert_decodes_to(&stored, levels[i].codec, plain, MIB);
		free(stored.bytes);
	}
	free(plain);
}

/* As an archive of a base backup, whose length nobody knows beforehand. */
static void
test_round_trip_of_unknown_size(void **state)
{
	unsigned char *plain = make_plain(MIB);

	(void)state;
	for (size_t i = 0; i < LENGTH(levels); i++) {
		const struct codec_stream stream = {
			levels[i].codec, levels[i].level, CODEC_SIZE_UNKNOWN};
		struct codec_encoder *encoder;
		struct stored stored;
		struct error error;

		if (!codec_available(levels[i].codec))
			continue;
		stored_init(&stored, 2 * MIB);
		assert_true(codec_encoder_open(
			&encoder, &stream, sink, &stored, &error));
		for (size_t at = 0; at < MIB; at += 32 * KIB)
			assert_true(codec_encoder_write(
				encoder, plain + at, 32 * KIB, &error));
		assert_true(codec_encoder_finish(encoder, &error));
		codec_encoder_free(encoder);
		assert_decodes_to(&stored, levels[i].codec, plain, MIB);
		free(stored.bytes);
	}
	free(plain);
}

static void
test_round_trip_of_odd_pieces(void **state)
{
	static const size_t sizes[] = {
		0, 1, 2, 65535, 65536, 65537, 262143, 262144, 262145, 700001};
	unsigned char *plain = make_plain(700001);

	(void)state;
	for (size_t i = 0; i < LENGTH(defaults) * LENGTH(sizes); i++) {
		const struct level *level = &defaults[i / LENGTH(sizes)];
		size_t len = sizes[i % LENGTH(sizes)];
		struct stored stored;

		if (!codec_available(level->codec))
			continue;
		encode(&stored, level, plain, len, 1 + len / 97);
		for (size_t piece = 0; piece < 3; piece++) {
			stored.piece = piece == 2 ? 4099 : piece;
			assert_decodes_to(&stored, level->codec, plain, len);
		}
		free(stored.bytes);
	}
	free(plain);
}

static void
test_round_trip_of_a_segment(void **state)
{
	unsigned char *plain = make_plain(16 * MIB);

	(void)state;
	for (size_t i = 0; i < LENGTH(defaults); i++) {
		struct stored stored;

		if (!codec_available(defaults[i].codec))
			continue;
		encode(&stored, &defaults[i], plain, 16 * MIB, 16 * MIB);
		assert_true(stored.smallest >= 64 * KIB);
		assert_decodes_to(&stored, defaults[i].codec, plain, 16 * MIB);
		free(stored.bytes);
	}
	free(plain);
}

/* The worst case for the output buffer. */
static void
test_round_trip_of_noise(void **state)
{
	size_t len = 5 * MIB + 1;
	unsigned char *plain = malloc(len);
	uint32_t seed = 7;

	(void)state;
	assert_non_null(plain);
	for (size_t i = 0; i < len; i++)
		plain[i] = (unsigned char)(next_random(&seed) >> 11);
	for (size_t i = 0; i < LENGTH(defaults); i++) {
		struct stored stored;

		if (!codec_available(defaults[i].codec))
			continue;
		encode(&stored, &defaults[i], plain, len, 262143);
		assert_true(stored.smallest >= 64 * KIB);
		assert_decodes_to(&stored, defaults[i].codec, plain, len);
		free(stored.bytes);
	}
	free(plain);
}

static void
test_encoder_holds_to_its_size(void **state)
{
	unsigned char *plain = make_plain(1000);

	(void)state;
	for (size_t i = 0; i < LENGTH(defaults); i++) {
		const struct codec_stream stream = {
			defaults[i].codec, defaults[i].level, 999};
		struct codec_encoder *encoder = NULL;
		struct stored stored;
		struct error error;

		if (!codec_available(defaults[i].codec))
			continue;
		stored_init(&stored, 4096);
		assert_true(codec_encoder_open(
			&encoder, &stream, sink, &stored, &error));
		assert_true(codec_encoder_write(encoder, plain, 998, &error));
		assert_false(codec_encoder_finish(encoder, &error));
		assert_int_equal(error.code, ERR_DAMAGED);
		assert_false(codec_encoder_write(encoder, plain, 2, &error));
		assert_int_equal(error.code, ERR_DAMAGED);
		codec_encoder_free(encoder);
		free(stored.bytes);
	}
	codec_encoder_free(NULL);
	free(plain);
}

static void
test_sink_that_fails(void **state)
{
	unsigned char *plain = make_plain(4 * MIB);

	(void)state;
	for (size_t i = 0; i < LENGTH(defaults); i++) {
		const struct codec_stream stream = {
			defaults[i].codec, defaults[i].level, 4 * MIB};
		struct codec_encoder *encoder = NULL;
		struct stored stored;
		struct error error;

		if (!codec_available(defaults[i].codec))
			continue;
		stored_init(&stored, 4 * MIB);
		stored.fail_at = 0;
		assert_true(codec_encoder_open(
			&encoder, &stream, sink, &stored, &error));
		assert_false(
			codec_encoder_write(encoder, plain, 4 * MIB, &error) &&
			codec_encoder_finish(encoder, &error));
		assert_int_equal(error.code, ERR_SYSTEM);
		assert_string_equal(error.message, "the sink is full");
		codec_encoder_free(encoder);
		free(stored.bytes);
	}
	free(plain);
}

static void
test_source_that_fails(void **state)
{
	unsigned char *plain = make_plain(MIB);
	unsigned char *decoded = malloc(MIB);

	(void)state;
	assert_non_null(decoded);
	for (size_t i = 0; i < LENGTH(defaults); i++) {
		struct stored stored;
		struct error error;
		size_t got = MIB;

		if (!codec_available(defaults[i].codec))
			continue;
		encode(&stored, &defaults[i], plain, MIB, MIB);
		stored.piece = 1000;
		stored.fail_at = stored.len - 500;
		assert_false(decode(
			&stored, defaults[i].codec, decoded, &got, &error));
		assert_int_equal(error.code, ERR_SYSTEM);
		assert_string_equal(error.message, "the source is dry");
		assert_memory_equal(decoded, plain, got);
		free(stored.bytes);
	}
	free(decoded);
	free(plain);
}

/* Near both ends every length, and some in between. */
static void
test_truncation_is_found(void **state)
{
	unsigned char *plain = make_plain(MIB);

	(void)state;
	for (size_t i = 0; i < LENGTH(defaults); i++) {
		struct stored stored;
		size_t whole;

		if (!codec_available(defaults[i].codec))
			continue;
		encode(&stored, &defaults[i], plain, MIB, MIB);
		whole = stored.len;
		for (size_t cut = 0; cut < whole;
			cut += cut < 64 || whole - cut <= 64 ? 1
				: whole - cut < 64 + 9973    ? whole - cut - 64
							     : 9973) {
			stored.len = cut;
			assert_damaged(&stored, defaults[i].codec, plain, MIB);
		}
		free(stored.bytes);
	}
	free(plain);
}

static void
assert_flip_is_found(struct stored *stored, enum codec codec,
	const unsigned char *plain, unsigned char *decoded)
{
	struct error error = {.code = ERR_NONE};
	size_t got = MIB;

	if (decode(stored, codec, decoded, &got, &error)) {
		assert_int_equal(got, MIB);
		assert_memory_equal(decoded, plain, MIB);
	} else {
		assert_int_equal(error.code, ERR_DAMAGED);
	}
}

/* Every bit of the header, then any; what a flip leaves alone is fine too. */
static void
test_flipped_bits_are_found(void **state)
{
	unsigned char *plain = make_plain(MIB);
	unsigned char *decoded = malloc(MIB);
	uint32_t seed = 99;

	(void)state;
	assert_non_null(decoded);
	for (size_t i = 0; i < LENGTH(defaults); i++) {
		struct stored stored;

		if (!codec_available(defaults[i].codec) ||
			defaults[i].level == 6) /* the same to read as 1 */
			continue;
		encode(&stored, &defaults[i], plain, MIB, MIB);
		for (size_t flip = 0; flip < 700; flip++) {
			size_t at = flip < 160
				? flip / 8
				: next_random(&seed) % stored.len;
			unsigned char bit = (unsigned char)(1U << flip % 8);

			stored.bytes[at] ^= bit;
			assert_flip_is_found(
				&stored, defaults[i].codec, plain, decoded);
			stored.bytes[at] ^= bit;
		}
		free(stored.bytes);
	}
	free(decoded);
	free(plain);
}

static void
append(struct stored *stored, const void *bytes, size_t len)
{
	assert_true(len <= stored->room - stored->len);
	memcpy(stored->bytes + stored->len, bytes, len);
	stored->len += len;
}

static void
test_trailing_bytes_are_found(void **state)
{
	static const unsigned char zeros[20];
	/* A frame that LZ4 and Zstandard tools skip. */
	static const unsigned char skippable[] = {
		0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
	unsigned char *plain = make_plain(1000);

	(void)state;
	for (size_t i = 0; i < LENGTH(defaults); i++) {
		enum codec codec = defaults[i].codec;
		struct stored stored;
		size_t whole;

		if (!codec_available(codec))
			continue;
		encode(&stored, &defaults[i], plain, 1000, 1000);
		whole = stored.len;
		for (size_t len = 1; len <= sizeof(zeros); len++) {
			append(&stored, zeros, len);
			stored.piece = len % 2; /* all at once, or one by one */
			assert_damaged(&stored, codec, plain, 1000);
			stored.len = whole;
		}
		append(&stored, skippable, sizeof(skippable));
		assert_damaged(&stored, codec, plain, 1000);
		stored.len = whole;
		append(&stored, stored.bytes, whole);
		assert_damaged(&stored, codec, plain, 1000);
		free(stored.bytes);
	}
	free(plain);
}

static void
test_frames_before_the_stream_are_refused(void **state)
{
	static const unsigned char skippable[] = {
		0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
	static const unsigned char plain[1];

	(void)state;
	for (size_t i = 0; i < LENGTH(defaults); i++) {
		struct stored stored;

		if (!codec_available(defaults[i].codec))
			continue;
		stored_init(&stored, sizeof(skippable));
		append(&stored, skippable, sizeof(skippable));
		assert_damaged(&stored, defaults[i].codec, plain, 0);
		free(stored.bytes);
	}
}

static void
test_gzip_trailer_is_checked(void **state)
{
	unsigned char *plain = make_plain(1000);
	struct stored stored;

	(void)state;
	encode(&stored, &defaults[0], plain, 1000, 1000);
	for (size_t back = 1; back <= 8; back++) {
		stored.bytes[stored.len - back] ^= 1;
		assert_damaged(&stored, CODEC_GZIP, plain, 1000);
		stored.bytes[stored.len - back] ^= 1;
	}
	assert_decodes_to(&stored, CODEC_GZIP, plain, 1000);
	free(stored.bytes);
	free(plain);
}

/* Begin a frame by hand; no end mark yet. */
static LZ4F_cctx *
begin_lz4(struct stored *stored, const unsigned char *plain, size_t len,
	const LZ4F_preferences_t *preferences)
{
	LZ4F_cctx *context = NULL;
	size_t made;

	stored_init(stored, LZ4F_compressFrameBound(len, preferences) + 64);
	assert_int_equal(
		LZ4F_createCompressionContext(&context, LZ4F_VERSION), 0);
	made = LZ4F_compressBegin(
		context, stored->bytes, stored->room, preferences);
	assert_false(LZ4F_isError(made));
	stored->len = made;
	made = LZ4F_compressUpdate(context, stored->bytes + stored->len,
		stored->room - stored->len, plain, len, NULL);
	assert_false(LZ4F_isError(made));
	stored->len += made;
	return context;
}

/* No content size, no checksum, linked blocks of 64 kB. */
static void
test_lz4_frames_of_pg_receivewal(void **state)
{
	unsigned char *plain = make_plain(MIB);
	struct stored stored;
	LZ4F_cctx *context;
	size_t made;
	size_t whole;

	(void)state;
	context = begin_lz4(&stored, plain, MIB, NULL);
	made = LZ4F_compressEnd(context, stored.bytes + stored.len,
		stored.room - stored.len, NULL);
	assert_false(LZ4F_isError(made));
	stored.len += made;
	(void)LZ4F_freeCompressionContext(context);

	assert_decodes_to(&stored, CODEC_LZ4, plain, MIB);
	whole = stored.len;
	for (stored.len = 1; stored.len < whole; stored.len += whole / 50)
		assert_damaged(&stored, CODEC_LZ4, plain, MIB);
	stored.len = whole - 1;
	assert_damaged(&stored, CODEC_LZ4, plain, MIB);
	free(stored.bytes);
	free(plain);
}

static void
test_lz4_content_size_is_checked(void **state)
{
	static const unsigned char end_mark[4];
	unsigned char *plain = make_plain(5000);
	struct stored stored;

	(void)state;
	for (size_t declared = 4999; declared <= 5001; declared++) {
		LZ4F_preferences_t preferences = {.autoFlush = 1};

		preferences.frameInfo.contentSize = declared;
		(void)LZ4F_freeCompressionContext(
			begin_lz4(&stored, plain, 5000, &preferences));
		append(&stored, end_mark, sizeof(end_mark));
		if (declared == 5000)
			assert_decodes_to(&stored, CODEC_LZ4, plain, 5000);
		else
			assert_damaged(&stored, CODEC_LZ4, plain, 5000);
		free(stored.bytes);
	}
	free(plain);
}

static void
test_frames_carry_size_and_checksum(void **state)
{
	static const struct level lz4 = {CODEC_LZ4, 0};
	unsigned char *plain = make_plain(5000);
	struct stored stored;

	(void)state;
	encode(&stored, &lz4, plain, 5000, 5000);
	/* FLG: version 1, independent blocks, their checksums, size. */
	assert_int_equal(stored.bytes[4], 0x78);
	free(stored.bytes);
#ifdef HAVE_ZSTD
	{
		static const struct level zstd = {CODEC_ZSTD, 1};

		encode(&stored, &zstd, plain, 5000, 5000);
		/* Frame header descriptor: checksum, and size of 2 bytes. */
		assert_int_equal(stored.bytes[4] & 0xc4, 0x44);
		free(stored.bytes);
	}
#endif
	free(plain);
}

#ifdef HAVE_ZSTD
static void
test_zstd_window_is_limited(void **state)
{
	/* No content size; the window is 2^28; an empty last raw block. */
	static const unsigned char frame[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 1, 0, 0};
	static const unsigned char plain[1];
	struct stored stored;

	(void)state;
	stored_init(&stored, sizeof(frame));
	append(&stored, frame, sizeof(frame));
	assert_damaged(&stored, CODEC_ZSTD, plain, 0);
	stored.bytes[5] = 17 << 3;
	assert_decodes_to(&stored, CODEC_ZSTD, plain, 0);
	free(stored.bytes);
}

/* Read by little, the library itself does not see it. */
static void
test_zstd_holds_what_it_says(void **state)
{
	/* One segment of 9728 bytes; an empty last raw block. */
	static const unsigned char frame[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 0x25, 1, 0, 0};
	struct codec_decoder *decoder;
	struct stored stored;
	unsigned char plain[1000];
	size_t len = sizeof(plain);
	struct error error;

	(void)state;
	stored_init(&stored, sizeof(frame));
	append(&stored, frame, sizeof(frame));
	assert_true(codec_decoder_open(
		&decoder, CODEC_ZSTD, source, &stored, &error));
	assert_false(codec_decoder_read(decoder, plain, &len, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	codec_decoder_free(decoder);
	free(stored.bytes);
}
#endif

/* True if the tool, where there is one, makes plain of what was stored. */
static void
assert_tool_agrees(const struct directory *directory, const char *tool,
	const struct stored *stored, const unsigned char *plain)
{
	struct error error;
	char command[1024];

	(void)snprintf(
		command, sizeof(command), "command -v %s >/dev/null", tool);
	if (system(command) != 0) {
		print_message("%s is not installed\n", tool);
		return;
	}
	assert_true(durable_write_file(
		directory, "stored", stored->bytes, stored->len, &error));
	assert_true(durable_write_file(directory, "plain", plain, MIB, &error));
	(void)snprintf(command, sizeof(command),
		"cd '%s' && %s -t <stored 2>/dev/null && "
		"%s -dc <stored | cmp - plain",
		directory->path, tool, tool);
	if (system(command) != 0)
		fail_msg("%s does not read what we made", tool);
}

static void
test_standard_tools_read_it(void **state)
{
	static const char *const tools[CODECS] = {
		[CODEC_GZIP] = "gzip",
		[CODEC_LZ4] = "lz4",
		[CODEC_ZSTD] = "zstd",
	};
	unsigned char *plain = make_plain(MIB);

	for (size_t i = 0; i < LENGTH(levels); i++) {
		enum codec codec = levels[i].codec;
		struct stored stored;

		if (!codec_available(codec))
			continue;
		encode(&stored, &levels[i], plain, MIB, 100 * KIB);
		assert_tool_agrees(*state, tools[codec], &stored, plain);
		free(stored.bytes);
	}
	free(plain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_accepts),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_suffixes),
		cmocka_unit_test(test_round_trip_of_each_level),
		cmocka_unit_test(test_round_trip_of_unknown_size),
		cmocka_unit_test(test_round_trip_of_odd_pieces),
		cmocka_unit_test(test_round_trip_of_a_segment),
		cmocka_unit_test(test_round_trip_of_noise),
		cmocka_unit_test(test_encoder_holds_to_its_size),
		cmocka_unit_test(test_sink_that_fails),
		cmocka_unit_test(test_source_that_fails),
		cmocka_unit_test(test_truncation_is_found),
		cmocka_unit_test(test_flipped_bits_are_found),
		cmocka_unit_test(test_trailing_bytes_are_found),
		cmocka_unit_test(test_frames_before_the_stream_are_refused),
		cmocka_unit_test(test_gzip_trailer_is_checked),
		cmocka_unit_test(test_lz4_frames_of_pg_receivewal),
		cmocka_unit_test(test_lz4_content_size_is_checked),
		cmocka_unit_test(test_frames_carry_size_and_checksum),
#ifdef HAVE_ZSTD
		cmocka_unit_test(test_zstd_window_is_limited),
		cmocka_unit_test(test_zstd_holds_what_it_says),
#endif
		directory_test(test_standard_tools_read_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
