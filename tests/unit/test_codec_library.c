/*
 * What the compression libraries refuse. None of it happens with sound
 * parameters and enough memory, so their functions are replaced.
 */
#define ZLIB_CONST
#include "archive/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <lz4frame.h>
#include <string.h>
#include <zlib.h>
#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

#define LZ4_GENERIC ((size_t)-1)
#define LZ4_ALLOCATION_FAILED ((size_t)-9)

/* The function that refuses, and what it returns then; NULL: none. */
static struct {
	const char *function;
	size_t result;
} refusal;

static bool
refuses(const char *function)
{
	return refusal.function != NULL &&
		strcmp(refusal.function, function) == 0;
}

/* The linker gives the names. */
#define WRAP(type, name, parameters, arguments)                  \
	type __real_##name parameters;                           \
	type __wrap_##name parameters;                           \
	type __wrap_##name parameters                            \
	{                                                        \
		return refuses(#name) ? (type)refusal.result     \
				      : __real_##name arguments; \
	}

WRAP(int, deflateInit2_,
	(z_streamp stream, int level, int method, int bits, int memory,
		int strategy, const char *version, int size),
	(stream, level, method, bits, memory, strategy, version, size))
WRAP(int, deflate, (z_streamp stream, int flush), (stream, flush))
WRAP(size_t, LZ4F_compressBegin,
	(LZ4F_cctx * context, void *to, size_t room,
		const LZ4F_preferences_t *preferences),
	(context, to, room, preferences))
WRAP(size_t, LZ4F_compressUpdate,
	(LZ4F_cctx * context, void *to, size_t room, const void *from,
		size_t len, const LZ4F_compressOptions_t *options),
	(context, to, room, from, len, options))
WRAP(size_t, LZ4F_compressEnd,
	(LZ4F_cctx * context, void *to, size_t room,
		const LZ4F_compressOptions_t *options),
	(context, to, room, options))
WRAP(size_t, LZ4F_decompress,
	(LZ4F_dctx * context, void *to, size_t *room, const void *from,
		size_t *len, const LZ4F_decompressOptions_t *options),
	(context, to, room, from, len, options))
#ifdef HAVE_ISAL
WRAP(int, isal_deflate, (struct isal_zstream * stream), (stream))
#endif
#ifdef HAVE_ZSTD
WRAP(size_t, ZSTD_CCtx_setParameter,
	(ZSTD_CCtx * context, ZSTD_cParameter parameter, int value),
	(context, parameter, value))
WRAP(size_t, ZSTD_compressStream2,
	(ZSTD_CCtx * context, ZSTD_outBuffer *out, ZSTD_inBuffer *in,
		ZSTD_EndDirective directive),
	(context, out, in, directive))
WRAP(size_t, ZSTD_decompressStream,
	(ZSTD_DCtx * context, ZSTD_outBuffer *out, ZSTD_inBuffer *in),
	(context, out, in))
#endif

struct example {
	const char *function;
	size_t result;
	enum codec codec;
	int level;
	enum error_code code;
	const char *message;
};

static const struct example encoders[] = {
	{"deflateInit2_", (size_t)Z_STREAM_ERROR, CODEC_GZIP, 6, ERR_SYSTEM,
		"could not compress data: stream error"},
	{"deflateInit2_", (size_t)Z_MEM_ERROR, CODEC_GZIP, 6, ERR_MEMORY,
		"out of memory"},
	{"deflate", (size_t)Z_BUF_ERROR, CODEC_GZIP, 6, ERR_SYSTEM,
		"could not compress data: buffer error"},
	{"LZ4F_compressBegin", LZ4_GENERIC, CODEC_LZ4, 0, ERR_SYSTEM,
		"could not compress data: ERROR_GENERIC"},
	{"LZ4F_compressBegin", LZ4_ALLOCATION_FAILED, CODEC_LZ4, 0, ERR_MEMORY,
		"out of memory"},
	{"LZ4F_compressUpdate", LZ4_GENERIC, CODEC_LZ4, 0, ERR_SYSTEM,
		"could not compress data: ERROR_GENERIC"},
	{"LZ4F_compressEnd", LZ4_GENERIC, CODEC_LZ4, 0, ERR_SYSTEM,
		"could not compress data: ERROR_GENERIC"},
#ifdef HAVE_ISAL
	{"isal_deflate", (size_t)INVALID_FLUSH, CODEC_GZIP, 1, ERR_SYSTEM,
		"could not compress data: igzip error -7"},
#endif
#ifdef HAVE_ZSTD
	{"ZSTD_CCtx_setParameter", -(size_t)ZSTD_error_parameter_outOfBound,
		CODEC_ZSTD, 1, ERR_SYSTEM,
		"could not compress data: Parameter is out of bound"},
	{"ZSTD_compressStream2", -(size_t)ZSTD_error_GENERIC, CODEC_ZSTD, 1,
		ERR_SYSTEM, "could not compress data: Error (generic)"},
	{"ZSTD_compressStream2", -(size_t)ZSTD_error_memory_allocation,
		CODEC_ZSTD, 1, ERR_MEMORY, "out of memory"},
#endif
};

/* Want of memory says nothing of the file, which may be moved aside else. */
static const struct example decoders[] = {
	{"LZ4F_decompress", LZ4_ALLOCATION_FAILED, CODEC_LZ4, 0, ERR_MEMORY,
		"out of memory"},
	{"LZ4F_decompress", LZ4_GENERIC, CODEC_LZ4, 0, ERR_DAMAGED,
		"lz4 stream is damaged: ERROR_GENERIC"},
#ifdef HAVE_ZSTD
	{"ZSTD_decompressStream", -(size_t)ZSTD_error_memory_allocation,
		CODEC_ZSTD, 1, ERR_MEMORY, "out of memory"},
	{"ZSTD_decompressStream", -(size_t)ZSTD_error_GENERIC, CODEC_ZSTD, 1,
		ERR_DAMAGED, "zstd stream is damaged: Error (generic)"},
#endif
};

/* Encoded bytes, written and read. */
struct stored {
	unsigned char bytes[4096];
	size_t len;
	size_t at;
};

static bool
sink(void *context, const void *data, size_t len, struct error *error)
{
	struct stored *stored = context;

	(void)error;
	assert_true(len <= sizeof(stored->bytes) - stored->len);
	memcpy(stored->bytes + stored->len, data, len);
	stored->len += len;
	return true;
}

static bool
source(void *context, void *data, size_t *len, struct error *error)
{
	struct stored *stored = context;

	(void)error;
	if (*len > stored->len - stored->at)
		*len = stored->len - stored->at;
	memcpy(data, stored->bytes + stored->at, *len);
	stored->at += *len;
	return true;
}

static bool
encode(const struct example *example, struct stored *stored,
	struct error *error)
{
	const struct codec_stream stream = {
		example->codec, example->level, sizeof("plain")};
	struct codec_encoder *encoder = NULL;
	bool ok;

	stored->len = 0;
	stored->at = 0;
	ok = codec_encoder_open(&encoder, &stream, sink, stored, error) &&
		codec_encoder_write(encoder, "plain", sizeof("plain"), error) &&
		codec_encoder_finish(encoder, error);
	codec_encoder_free(encoder);
	return ok;
}

static bool
decode(const struct example *example, struct stored *stored,
	struct error *error)
{
	struct codec_decoder *decoder = NULL;
	char plain[100];
	size_t len = sizeof(plain);
	bool ok;

	assert_true(codec_decoder_open(
		&decoder, example->codec, source, stored, error));
	ok = codec_decoder_read(decoder, plain, &len, error);
	codec_decoder_free(decoder);
	return ok;
}

static void
begin_refusal(const struct example *example)
{
	refusal.function = example->function;
	refusal.result = example->result;
}

static void
end_refusal(const struct example *example, bool ok, const struct error *error)
{
	refusal.function = NULL;
	if (ok)
		fail_msg("%s: nothing was said", example->function);
	assert_string_equal(error->message, example->message);
	assert_int_equal(error->code, example->code);
}

static void
test_encoders(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(encoders) / sizeof(encoders[0]); i++) {
		struct stored stored;
		struct error error;
		bool ok;

		begin_refusal(&encoders[i]);
		ok = encode(&encoders[i], &stored, &error);
		end_refusal(&encoders[i], ok, &error);
		assert_true(encode(&encoders[i], &stored, &error));
	}
}

static void
test_decoders(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(decoders) / sizeof(decoders[0]); i++) {
		struct stored stored;
		struct error error;
		bool ok;

		assert_true(encode(&decoders[i], &stored, &error));
		begin_refusal(&decoders[i]);
		ok = decode(&decoders[i], &stored, &error);
		end_refusal(&decoders[i], ok, &error);
		stored.at = 0;
		assert_true(decode(&decoders[i], &stored, &error));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoders),
		cmocka_unit_test(test_decoders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
