#include "archive/codec_rows.h"

#ifdef HAVE_ZSTD

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* A frame that wants a larger window than 128 MiB was not made for us. */
#define ZSTD_DECODER_WINDOW_LOG 27

/*
 * 1 MiB keeps the high levels below 20 MiB of memory; in WAL a larger window
 * finds next to nothing more.
 */
#define ZSTD_ENCODER_WINDOW_LOG 20

static bool
lacks_memory(size_t result)
{
	return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation;
}

static bool
set_zstd_error(size_t result, struct error *error)
{
	if (lacks_memory(result))
		return error_set_memory(error);
	return error_set(error, ERR_SYSTEM, "could not compress data: %s",
		ZSTD_getErrorName(result));
}

static size_t
set_parameters(ZSTD_CCtx *context, int level, uint64_t plain_size)
{
	size_t result =
		ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);

	if (!ZSTD_isError(result))
		result = ZSTD_CCtx_setParameter(
			context, ZSTD_c_windowLog, ZSTD_ENCODER_WINDOW_LOG);
	if (!ZSTD_isError(result))
		result =
			ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	if (!ZSTD_isError(result))
		result = ZSTD_CCtx_setParameter(
			context, ZSTD_c_contentSizeFlag, 1);
	if (!ZSTD_isError(result) && plain_size != CODEC_SIZE_UNKNOWN)
		result = ZSTD_CCtx_setPledgedSrcSize(context, plain_size);
	return result;
}

static bool
zstd_encoder_open(void **state, struct codec_output *output, int level,
	uint64_t plain_size, struct error *error)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t result;

	(void)output;
	if (context == NULL)
		return error_set_memory(error);
	result = set_parameters(context, level, plain_size);
	if (ZSTD_isError(result)) {
		(void)ZSTD_freeCCtx(context);
		return set_zstd_error(result, error);
	}
	*state = context;
	return true;
}

static bool
run_compress(ZSTD_CCtx *context, struct codec_output *output, ZSTD_inBuffer *in,
	ZSTD_EndDirective directive, struct error *error)
{
	size_t result;

	do {
		ZSTD_outBuffer out = {output->buffer, CODEC_OUTPUT_ROOM, 0};

		if (!codec_output_reserve(output, 1, error))
			return false;
		out.pos = output->used;
		result = ZSTD_compressStream2(context, &out, in, directive);
		output->used = out.pos;
		if (ZSTD_isError(result))
			return set_zstd_error(result, error);
	} while (directive == ZSTD_e_end ? result > 0 : in->pos < in->size);
	return true;
}

static bool
zstd_encode(void *state, struct codec_output *output, const void *data,
	size_t len, struct error *error)
{
	ZSTD_inBuffer in = {data, len, 0};

	return run_compress(state, output, &in, ZSTD_e_continue, error);
}

static bool
zstd_encoder_finish(
	void *state, struct codec_output *output, struct error *error)
{
	ZSTD_inBuffer in = {NULL, 0, 0};

	return run_compress(state, output, &in, ZSTD_e_end, error);
}

static void
zstd_encoder_free(void *state)
{
	(void)ZSTD_freeCCtx(state);
}

/*
 * A frame says how much it holds. Fed in pieces, the library does not hold it
 * to that if its last block is empty.
 */
struct zstd_decoder {
	ZSTD_DCtx *context;
	bool begun;
	unsigned long long declared; /* ZSTD_CONTENTSIZE_UNKNOWN: it does not */
	unsigned long long decoded;
};

static bool
zstd_decoder_open(void **state, struct error *error)
{
	struct zstd_decoder *decoder = calloc(1, sizeof(*decoder));

	if (decoder == NULL)
		return error_set_memory(error);
	decoder->context = ZSTD_createDCtx();
	if (decoder->context == NULL) {
		free(decoder);
		return error_set_memory(error);
	}
	(void)ZSTD_DCtx_setParameter(
		decoder->context, ZSTD_d_windowLogMax, ZSTD_DECODER_WINDOW_LOG);
	*state = decoder;
	return true;
}

/* The first input has the whole header, or the stream is too short anyway. */
static void
read_declared(struct zstd_decoder *decoder, const struct codec_input *input)
{
	if (decoder->begun)
		return;
	decoder->begun = true;
	decoder->declared = ZSTD_getFrameContentSize(input->next, input->left);
	if (decoder->declared == ZSTD_CONTENTSIZE_ERROR)
		decoder->declared = ZSTD_CONTENTSIZE_UNKNOWN;
}

static bool
zstd_decode(void *state, struct codec_input *input, struct codec_plain *plain,
	bool *ended, struct error *error)
{
	struct zstd_decoder *decoder = state;
	ZSTD_inBuffer in = {input->next, input->left, 0};
	ZSTD_outBuffer out = {plain->next, plain->room, 0};
	size_t result;

	read_declared(decoder, input);
	result = ZSTD_decompressStream(decoder->context, &out, &in);
	input->next += in.pos;
	input->left -= in.pos;
	plain->next += out.pos;
	plain->room -= out.pos;
	decoder->decoded += out.pos;
	if (ZSTD_isError(result) && lacks_memory(result))
		return error_set_memory(error);
	if (ZSTD_isError(result))
		return error_set(error, ERR_DAMAGED,
			"zstd stream is damaged: %s",
			ZSTD_getErrorName(result));
	*ended = result == 0;
	if (*ended && decoder->declared != ZSTD_CONTENTSIZE_UNKNOWN &&
		decoder->declared != decoder->decoded)
		return error_set(error, ERR_DAMAGED,
			"zstd stream is damaged: it holds %llu bytes and says "
			"%llu",
			decoder->decoded, decoder->declared);
	return true;
}

static void
zstd_decoder_free(void *state)
{
	struct zstd_decoder *decoder = state;

	(void)ZSTD_freeDCtx(decoder->context);
	free(decoder);
}

const struct codec_encoder_functions codec_zstd_encoder = {
	.open = zstd_encoder_open,
	.encode = zstd_encode,
	.finish = zstd_encoder_finish,
	.free = zstd_encoder_free,
};

const struct codec_decoder_functions codec_zstd_decoder = {
	.magic = {0x28, 0xb5, 0x2f, 0xfd},
	.magic_len = 4,
	.open = zstd_decoder_open,
	.decode = zstd_decode,
	.free = zstd_decoder_free,
};

#endif
