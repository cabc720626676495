#include "archive/codec_rows.h"

#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>

/*
 * Input for one call of the library: one block, so that what it makes of that
 * and of up to one block more that it kept back fits the output's room. Blocks
 * of this size stay in the processor's nearer cache.
 */
#define LZ4_PIECE ((size_t)64 * 1024)

struct lz4_encoder {
	LZ4F_cctx *context;
	LZ4F_preferences_t preferences;
};

/* The code as a number is not part of the library's stable interface. */
static bool
lacks_memory(size_t result)
{
	return strcmp(LZ4F_getErrorName(result), "ERROR_allocation_failed") ==
		0;
}

static bool
set_lz4_error(size_t result, struct error *error)
{
	if (lacks_memory(result))
		return error_set_memory(error);
	return error_set(error, ERR_SYSTEM, "could not compress data: %s",
		LZ4F_getErrorName(result));
}

static void
set_preferences(LZ4F_preferences_t *preferences, int level, uint64_t plain_size)
{
	memset(preferences, 0, sizeof(*preferences));
	preferences->compressionLevel = level;
	preferences->frameInfo.blockSizeID = LZ4F_max64KB;
	preferences->frameInfo.blockMode = LZ4F_blockIndependent;
	/*
	 * A checksum of each block as it is stored finds the same damage as one
	 * of the content, over a fraction of the bytes: that one took half of
	 * the encoder's time.
	 */
	preferences->frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
	if (plain_size != CODEC_SIZE_UNKNOWN)
		preferences->frameInfo.contentSize = plain_size;
}

static bool
lz4_encoder_open(void **state, struct codec_output *output, int level,
	uint64_t plain_size, struct error *error)
{
	struct lz4_encoder *encoder = malloc(sizeof(*encoder));
	size_t result;

	if (encoder == NULL)
		return error_set_memory(error);
	set_preferences(&encoder->preferences, level, plain_size);
	if (LZ4F_isError(LZ4F_createCompressionContext(
		    &encoder->context, LZ4F_VERSION))) {
		free(encoder);
		return error_set_memory(error);
	}
	result = LZ4F_compressBegin(encoder->context, output->buffer,
		CODEC_OUTPUT_ROOM, &encoder->preferences);
	if (LZ4F_isError(result)) {
		(void)LZ4F_freeCompressionContext(encoder->context);
		free(encoder);
		return set_lz4_error(result, error);
	}
	output->used = result;
	*state = encoder;
	return true;
}

static bool
lz4_encode(void *state, struct codec_output *output, const void *data,
	size_t len, struct error *error)
{
	struct lz4_encoder *encoder = state;
	const unsigned char *next = data;

	while (len > 0) {
		size_t piece = len < LZ4_PIECE ? len : LZ4_PIECE;
		size_t result;

		if (!codec_output_reserve(output,
			    LZ4F_compressBound(piece, &encoder->preferences),
			    error))
			return false;
		result = LZ4F_compressUpdate(encoder->context,
			output->buffer + output->used,
			CODEC_OUTPUT_ROOM - output->used, next, piece, NULL);
		if (LZ4F_isError(result))
			return set_lz4_error(result, error);
		output->used += result;
		next += piece;
		len -= piece;
	}
	return true;
}

static bool
lz4_encoder_finish(
	void *state, struct codec_output *output, struct error *error)
{
	struct lz4_encoder *encoder = state;
	size_t result;

	if (!codec_output_reserve(output,
		    LZ4F_compressBound(0, &encoder->preferences), error))
		return false;
	result = LZ4F_compressEnd(encoder->context,
		output->buffer + output->used, CODEC_OUTPUT_ROOM - output->used,
		NULL);
	if (LZ4F_isError(result))
		return set_lz4_error(result, error);
	output->used += result;
	return true;
}

static void
lz4_encoder_free(void *state)
{
	struct lz4_encoder *encoder = state;

	(void)LZ4F_freeCompressionContext(encoder->context);
	free(encoder);
}

static bool
lz4_decoder_open(void **state, struct error *error)
{
	LZ4F_dctx *context;

	if (LZ4F_isError(
		    LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
		return error_set_memory(error);
	*state = context;
	return true;
}

static bool
lz4_decode(void *state, struct codec_input *input, struct codec_plain *plain,
	bool *ended, struct error *error)
{
	size_t made = plain->room;
	size_t taken = input->left;
	size_t result;

	result = LZ4F_decompress(
		state, plain->next, &made, input->next, &taken, NULL);
	if (LZ4F_isError(result) && lacks_memory(result))
		return error_set_memory(error);
	if (LZ4F_isError(result))
		return error_set(error, ERR_DAMAGED,
			"lz4 stream is damaged: %s", LZ4F_getErrorName(result));
	plain->next += made;
	plain->room -= made;
	input->next += taken;
	input->left -= taken;
	*ended = result == 0;
	return true;
}

static void
lz4_decoder_free(void *state)
{
	(void)LZ4F_freeDecompressionContext(state);
}

const struct codec_encoder_functions codec_lz4_encoder = {
	.open = lz4_encoder_open,
	.encode = lz4_encode,
	.finish = lz4_encoder_finish,
	.free = lz4_encoder_free,
};

const struct codec_decoder_functions codec_lz4_decoder = {
	.magic = {0x04, 0x22, 0x4d, 0x18},
	.magic_len = 4,
	.open = lz4_decoder_open,
	.decode = lz4_decode,
	.free = lz4_decoder_free,
};
