/*
 * archive/codec_rows.h - what one codec has to offer; for codec*.c only.
 *
 * A codec is two structs of functions: how a stream is made and how it is read.
 * What all of them need (buffers, sizes, the end of the input) is in codec.c,
 * so that a row only talks to its library.
 */
#ifndef ARCHIVE_CODEC_ROWS_H
#define ARCHIVE_CODEC_ROWS_H

#include "archive/codec.h"

/* Bytes that an encoder collects before its sink sees them. */
#define CODEC_OUTPUT_ROOM ((size_t)1024 * 1024)

/* The most that one call of encode or decode is given: fits 32 bits. */
#define CODEC_PIECE_MAX ((size_t)1 << 30)

struct codec_output {
	unsigned char *buffer; /* CODEC_OUTPUT_ROOM bytes */
	size_t used;
	codec_sink sink;
	void *context;
};

/* Make sure that need bytes (up to CODEC_OUTPUT_ROOM) fit after used. */
bool codec_output_reserve(
	struct codec_output *output, size_t need, struct error *error);

/* Bytes to decode; a decoder moves next on past what it took. */
struct codec_input {
	const unsigned char *next;
	size_t left;
};

/* Where decoded bytes go; a decoder moves next on past what it put there. */
struct codec_plain {
	unsigned char *next;
	size_t room;
};

/*
 * open puts what it allocates into *state on success only, and may begin to
 * write; encode takes all of data; finish ends the stream but need not flush
 * the output. The sum of all len is plain_size, unless that is
 * CODEC_SIZE_UNKNOWN: codec.c sees to that.
 */
struct codec_encoder_functions {
	bool (*open)(void **state, struct codec_output *output, int level,
		uint64_t plain_size, struct error *error);
	bool (*encode)(void *state, struct codec_output *output,
		const void *data, size_t len, struct error *error);
	bool (*finish)(
		void *state, struct codec_output *output, struct error *error);
	void (*free)(void *state);
};

/*
 * decode does as much as input and room allow and sets *ended after the last
 * byte of the stream, checked and put into plain. It is called with an empty
 * input once that has come to its end. A stream is handed to it only if it
 * begins with magic.
 */
struct codec_decoder_functions {
	unsigned char magic[4];
	size_t magic_len;
	bool (*open)(void **state, struct error *error);
	bool (*decode)(void *state, struct codec_input *input,
		struct codec_plain *plain, bool *ended, struct error *error);
	void (*free)(void *state);
};

extern const struct codec_encoder_functions codec_gzip_encoder;
extern const struct codec_encoder_functions codec_lz4_encoder;
extern const struct codec_decoder_functions codec_lz4_decoder;

/* ISA-L: the levels up to this one, and reading, in place of zlib. */
#ifdef HAVE_ISAL
#define CODEC_IGZIP_LEVEL_MAX 3
extern const struct codec_encoder_functions codec_igzip_encoder;
extern const struct codec_decoder_functions codec_igzip_decoder;
#else
extern const struct codec_decoder_functions codec_gzip_decoder;
#endif

#ifdef HAVE_ZSTD
extern const struct codec_encoder_functions codec_zstd_encoder;
extern const struct codec_decoder_functions codec_zstd_decoder;
#endif

#endif
