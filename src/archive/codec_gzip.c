#define ZLIB_CONST
#include "archive/codec_rows.h"

#include <stdlib.h>
#include <zlib.h>

/* The largest window, and a gzip header and trailer around the data. */
#define GZIP_WINDOW_BITS (15 + 16)

/* What deflateInit() takes. */
#define GZIP_MEMORY_LEVEL 8

static bool
set_zlib_error(const z_stream *stream, int result, struct error *error)
{
	const char *why = stream->msg != NULL ? stream->msg : zError(result);

	if (result == Z_MEM_ERROR)
		return error_set_memory(error);
	return error_set(error, ERR_SYSTEM, "could not compress data: %s", why);
}

static bool
gzip_encoder_open(void **state, struct codec_output *output, int level,
	uint64_t plain_size, struct error *error)
{
	z_stream *stream = calloc(1, sizeof(*stream));
	int result;

	(void)output;
	(void)plain_size;
	if (stream == NULL)
		return error_set_memory(error);
	result = deflateInit2(stream, level, Z_DEFLATED, GZIP_WINDOW_BITS,
		GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
	if (result != Z_OK) {
		(void)set_zlib_error(stream, result, error);
		free(stream);
		return false;
	}
	*state = stream;
	return true;
}

static bool
run_deflate(z_stream *stream, struct codec_output *output, int flush,
	struct error *error)
{
	int result;

	do {
		if (!codec_output_reserve(output, 1, error))
			return false;
		stream->next_out = output->buffer + output->used;
		stream->avail_out = (uInt)(CODEC_OUTPUT_ROOM - output->used);
		result = deflate(stream, flush);
		output->used = CODEC_OUTPUT_ROOM - stream->avail_out;
		if (result != Z_OK && result != Z_STREAM_END)
			return set_zlib_error(stream, result, error);
	} while (flush == Z_FINISH ? result != Z_STREAM_END
				   : stream->avail_in > 0);
	return true;
}

static bool
gzip_encode(void *state, struct codec_output *output, const void *data,
	size_t len, struct error *error)
{
	z_stream *stream = state;

	stream->next_in = data;
	stream->avail_in = (uInt)len;
	return run_deflate(stream, output, Z_NO_FLUSH, error);
}

static bool
gzip_encoder_finish(
	void *state, struct codec_output *output, struct error *error)
{
	return run_deflate(state, output, Z_FINISH, error);
}

static void
gzip_encoder_free(void *state)
{
	(void)deflateEnd(state);
	free(state);
}

const struct codec_encoder_functions codec_gzip_encoder = {
	.open = gzip_encoder_open,
	.encode = gzip_encode,
	.finish = gzip_encoder_finish,
	.free = gzip_encoder_free,
};

#ifndef HAVE_ISAL

static bool
gzip_decoder_open(void **state, struct error *error)
{
	z_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return error_set_memory(error);
	if (inflateInit2(stream, GZIP_WINDOW_BITS) != Z_OK) {
		free(stream);
		return error_set_memory(error);
	}
	*state = stream;
	return true;
}

static bool
gzip_decode(void *state, struct codec_input *input, struct codec_plain *plain,
	bool *ended, struct error *error)
{
	z_stream *stream = state;
	int result;

	stream->next_in = input->next;
	stream->avail_in = (uInt)input->left;
	stream->next_out = plain->next;
	stream->avail_out = (uInt)plain->room;
	result = inflate(stream, Z_NO_FLUSH);
	input->next = stream->next_in;
	input->left = stream->avail_in;
	plain->next = stream->next_out;
	plain->room = stream->avail_out;

	*ended = result == Z_STREAM_END;
	if (result == Z_MEM_ERROR)
		return error_set_memory(error);
	/* Z_BUF_ERROR: nothing to do for want of input or room. */
	if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
		return error_set(error, ERR_DAMAGED,
			"gzip stream is damaged: %s",
			stream->msg != NULL ? stream->msg : zError(result));
	return true;
}

static void
gzip_decoder_free(void *state)
{
	(void)inflateEnd(state);
	free(state);
}

const struct codec_decoder_functions codec_gzip_decoder = {
	.magic = {0x1f, 0x8b, 8},
	.magic_len = 3,
	.open = gzip_decoder_open,
	.decode = gzip_decode,
	.free = gzip_decoder_free,
};

#endif
