/*
 * archive/codec.h - how a segment is stored: none, gzip, lz4, zstd.
 *
 * One table, one row per codec; the rows live in codec_gzip.c, codec_lz4.c and
 * codec_zstd.c. CODEC_NONE has a row without functions. What a row makes, the
 * standard tools (gzip, lz4, zstd) read; LZ4 and Zstandard frames carry the
 * content's size and checksums.
 *
 * Encoder life cycle: codec_encoder_open (declares the plain size) ->
 * codec_encoder_write* -> codec_encoder_finish -> codec_encoder_free. One that
 * was not finished leaves nothing usable.
 * Decoder life cycle: codec_decoder_open -> codec_decoder_read* ->
 * codec_decoder_free.
 * Neither is safe for two threads at once; two of them are.
 */
#ifndef ARCHIVE_CODEC_H
#define ARCHIVE_CODEC_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum codec {
	CODEC_NONE,
	CODEC_GZIP,
	CODEC_LZ4,
	CODEC_ZSTD,
	CODECS /* how many there are */
};

/* Where an encoder puts its bytes, in order. False: error is set. */
typedef bool (*codec_sink)(
	void *context, const void *data, size_t len, struct error *error);

/* Where a decoder gets bytes from: *len is the room, then what was read (0:
 * end of file). False: error is set. */
typedef bool (*codec_source)(
	void *context, void *data, size_t *len, struct error *error);

struct codec_encoder; /* opaque */
struct codec_decoder;

/* ".gz"; "" for CODEC_NONE. */
const char *codec_suffix(enum codec codec);

/* True if this program was built with it (Zstandard may be missing). */
bool codec_available(enum codec codec);

/*
 * Read the argument of --compress: METHOD, METHOD:LEVEL, METHOD:level=N, or a
 * number alone (0: none, 1-9: gzip of that level). METHOD is none, gzip, lz4
 * or zstd. Without a level, *level is the codec's default (gzip 1, lz4 0: the
 * fast mode, zstd 1). Levels: gzip 1-9, lz4 1-12, zstd 1-22 (a codec's own
 * limits).
 * Both are only set on success. Errors: ERR_USAGE, worded as PostgreSQL's
 * tools do: invalid compression specification: compression algorithm "none"
 * does not accept a compression level.
 */
bool codec_parse(const char *specification, enum codec *codec, int *level,
	struct error *error);

#define CODEC_SIZE_UNKNOWN UINT64_MAX

/* What an encoder of this level takes at most, in bytes, roughly. */
uint64_t codec_encoder_memory(enum codec codec, int level);

/* What an encoder makes. */
struct codec_stream {
	enum codec codec; /* not CODEC_NONE */
	int level;
	uint64_t plain_size; /* exactly so many bytes will be written; or
				CODEC_SIZE_UNKNOWN */
};

/*
 * Begin a stream. The sink's context is borrowed. Errors: ERR_MEMORY,
 * ERR_SYSTEM.
 */
bool codec_encoder_open(struct codec_encoder **encoder,
	const struct codec_stream *stream, codec_sink sink, void *context,
	struct error *error);

/* Encode len bytes (any number). Errors: the sink's, ERR_SYSTEM. */
bool codec_encoder_write(struct codec_encoder *encoder, const void *data,
	size_t len, struct error *error);

/* End the stream: everything has gone to the sink on return. */
bool codec_encoder_finish(struct codec_encoder *encoder, struct error *error);

/* Free; NULL is fine. */
void codec_encoder_free(struct codec_encoder *encoder);

/* Begin to decode. codec is not CODEC_NONE. The context is borrowed. */
bool codec_decoder_open(struct codec_decoder **decoder, enum codec codec,
	codec_source source, void *context, struct error *error);

/*
 * Decode up to *len bytes into data; *len becomes what was decoded, 0 only at
 * the end of a stream that is whole and followed by nothing. *len is set on
 * failure too: bytes decoded before the fault are good as far as the codec
 * can tell. Errors: ERR_DAMAGED (truncated, checksum, trailing bytes), the
 * source's, ERR_MEMORY.
 */
bool codec_decoder_read(struct codec_decoder *decoder, void *data, size_t *len,
	struct error *error);

/* Free; NULL is fine. */
void codec_decoder_free(struct codec_decoder *decoder);

#endif
