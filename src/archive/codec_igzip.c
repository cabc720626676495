#include "archive/codec_rows.h"

#ifdef HAVE_ISAL

#include <isa-l/igzip_lib.h>
#include <stdlib.h>

/*
 * Input for one call of the library, which reads it twice: for the checksum,
 * then to compress it. Pieces that stay in the cache are an eighth faster than
 * a whole segment.
 */
#define IGZIP_PIECE ((size_t)256 * 1024)

struct igzip_encoder {
	struct isal_zstream stream;
	unsigned char *level_buffer;
};

static size_t
level_buffer_size(int level)
{
	switch (level) {
	case 1:
		return ISAL_DEF_LVL1_DEFAULT;
	case 2:
		return ISAL_DEF_LVL2_DEFAULT;
	default:
		return ISAL_DEF_LVL3_DEFAULT;
	}
}

static bool
igzip_encoder_open(void **state, struct codec_output *output, int level,
	uint64_t plain_size, struct error *error)
{
	/* Zeros, for the library looks a little past what it was given. */
	struct igzip_encoder *encoder = calloc(1, sizeof(*encoder));
	size_t size = level_buffer_size(level);

	(void)output;
	(void)plain_size;
	if (encoder == NULL)
		return error_set_memory(error);
	encoder->level_buffer = calloc(1, size);
	if (encoder->level_buffer == NULL) {
		free(encoder);
		return error_set_memory(error);
	}
	isal_deflate_init(&encoder->stream);
	encoder->stream.level = (uint32_t)level;
	encoder->stream.level_buf = encoder->level_buffer;
	encoder->stream.level_buf_size = (uint32_t)size;
	encoder->stream.gzip_flag = IGZIP_GZIP;
	encoder->stream.flush = NO_FLUSH;
	*state = encoder;
	return true;
}

static bool
run_deflate(struct isal_zstream *stream, struct codec_output *output,
	struct error *error)
{
	int result;

	do {
		if (!codec_output_reserve(output, 1, error))
			return false;
		stream->next_out = output->buffer + output->used;
		stream->avail_out =
			(uint32_t)(CODEC_OUTPUT_ROOM - output->used);
		result = isal_deflate(stream);
		output->used = CODEC_OUTPUT_ROOM - stream->avail_out;
		if (result != COMP_OK)
			return error_set(error, ERR_SYSTEM,
				"could not compress data: igzip error %d",
				result);
	} while (stream->end_of_stream
			? stream->internal_state.state != ZSTATE_END
			: stream->avail_in > 0);
	return true;
}

static bool
igzip_encode(void *state, struct codec_output *output, const void *data,
	size_t len, struct error *error)
{
	struct igzip_encoder *encoder = state;
	const unsigned char *next = data;

	while (len > 0) {
		size_t piece = len < IGZIP_PIECE ? len : IGZIP_PIECE;

		/* The library only reads there, but does not say so. */
		encoder->stream.next_in = (uint8_t *)(uintptr_t)next;
		encoder->stream.avail_in = (uint32_t)piece;
		if (!run_deflate(&encoder->stream, output, error))
			return false;
		next += piece;
		len -= piece;
	}
	return true;
}

static bool
igzip_encoder_finish(
	void *state, struct codec_output *output, struct error *error)
{
	struct igzip_encoder *encoder = state;

	encoder->stream.end_of_stream = 1;
	encoder->stream.avail_in = 0;
	return run_deflate(&encoder->stream, output, error);
}

static void
igzip_encoder_free(void *state)
{
	struct igzip_encoder *encoder = state;

	free(encoder->level_buffer);
	free(encoder);
}

static bool
igzip_decoder_open(void **state, struct error *error)
{
	struct inflate_state *inflate = malloc(sizeof(*inflate));

	if (inflate == NULL)
		return error_set_memory(error);
	isal_inflate_init(inflate);
	inflate->crc_flag = ISAL_GZIP;
	*state = inflate;
	return true;
}

static bool
igzip_decode(void *state, struct codec_input *input, struct codec_plain *plain,
	bool *ended, struct error *error)
{
	struct inflate_state *inflate = state;
	int result;

	inflate->next_in = (uint8_t *)(uintptr_t)input->next;
	inflate->avail_in = (uint32_t)input->left;
	inflate->next_out = plain->next;
	inflate->avail_out = (uint32_t)plain->room;
	result = isal_inflate(inflate);
	input->next = inflate->next_in;
	input->left = inflate->avail_in;
	plain->next = inflate->next_out;
	plain->room = inflate->avail_out;

	/* The trailer was checked, and nothing waits in the inner buffer. */
	*ended = result == ISAL_DECOMP_OK &&
		inflate->block_state == ISAL_BLOCK_FINISH;
	if (result == ISAL_INCORRECT_CHECKSUM)
		return error_set(error, ERR_DAMAGED,
			"gzip stream is damaged: incorrect checksum");
	if (result < ISAL_DECOMP_OK || result == ISAL_NEED_DICT)
		return error_set(error, ERR_DAMAGED,
			"gzip stream is damaged: igzip error %d", result);
	return true;
}

static void
igzip_decoder_free(void *state)
{
	free(state);
}

const struct codec_encoder_functions codec_igzip_encoder = {
	.open = igzip_encoder_open,
	.encode = igzip_encode,
	.finish = igzip_encoder_finish,
	.free = igzip_encoder_free,
};

const struct codec_decoder_functions codec_igzip_decoder = {
	.magic = {0x1f, 0x8b, 8},
	.magic_len = 3,
	.open = igzip_decoder_open,
	.decode = igzip_decode,
	.free = igzip_decoder_free,
};

#endif
