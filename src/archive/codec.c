#include "archive/codec_rows.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that a decoder asks its source for at a time. */
#define INPUT_ROOM ((size_t)128 * 1024)

struct codec_row {
	const char *name;
	const char *suffix;
	int level_min; /* level_min > level_max: accepts no level */
	int level_max;
	int level_default;
	int level_unset; /* stands for the default in PostgreSQL's tools */
	const struct codec_encoder_functions *encoder; /* NULL: not built in */
	const struct codec_decoder_functions *decoder;
};

static const struct codec_row codec_rows[CODECS] = {
	[CODEC_NONE] = {"none", "", 1, 0, 0, 0, NULL, NULL},
#ifdef HAVE_ISAL
	[CODEC_GZIP] = {"gzip", ".gz", 1, 9, 1, -1, &codec_gzip_encoder,
		&codec_igzip_decoder},
#else
	[CODEC_GZIP] = {"gzip", ".gz", 1, 9, 1, -1, &codec_gzip_encoder,
		&codec_gzip_decoder},
#endif
	[CODEC_LZ4] = {"lz4", ".lz4", 1, 12, 0, 0, &codec_lz4_encoder,
		&codec_lz4_decoder},
#ifdef HAVE_ZSTD
	[CODEC_ZSTD] = {"zstd", ".zst", 1, 22, 1, 1, &codec_zstd_encoder,
		&codec_zstd_decoder},
#else
	[CODEC_ZSTD] = {"zstd", ".zst", 1, 22, 1, 1, NULL, NULL},
#endif
};

struct codec_encoder {
	const struct codec_encoder_functions *functions;
	void *state;
	struct codec_output output;
	bool bounded;	     /* the size was declared */
	uint64_t plain_left; /* of it */
};

struct codec_decoder {
	const struct codec_row *row;
	void *state;
	codec_source source;
	void *context;
	unsigned char *buffer; /* INPUT_ROOM bytes */
	struct codec_input input;
	bool begun;	      /* the magic number was looked at */
	bool at_end_of_input; /* the source has no more */
	bool ended;	      /* the stream was whole */
	struct error failure; /* for good */
};

const char *
codec_suffix(enum codec codec)
{
	return codec_rows[codec].suffix;
}

bool
codec_available(enum codec codec)
{
	return codec == CODEC_NONE || codec_rows[codec].encoder != NULL;
}

uint64_t
codec_encoder_memory(enum codec codec, int level)
{
	/* Measured with a window of 1 MiB: 13, 82 and 642 MiB. */
	if (codec == CODEC_ZSTD && level > 19)
		return UINT64_C(704) << 20;
	if (codec == CODEC_ZSTD && level > 9)
		return UINT64_C(96) << 20;
	return UINT64_C(16) << 20;
}

/* True if string is a whole number, which may be too large for an int. */
static bool
parse_int(const char *string, size_t len, int *value)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(string, &end, 10);
	if (end == string || end != string + len)
		return false;
	if (number > INT_MAX || (errno == ERANGE && number > 0))
		number = INT_MAX;
	if (number < INT_MIN || (errno == ERANGE && number < 0))
		number = INT_MIN;
	*value = (int)number;
	return true;
}

static bool
parse_method(
	const char *name, size_t len, enum codec *codec, struct error *error)
{
	for (int i = 0; i < CODECS; i++) {
		if (strlen(codec_rows[i].name) == len &&
			memcmp(codec_rows[i].name, name, len) == 0) {
			*codec = (enum codec)i;
			return true;
		}
	}
	return error_set(error, ERR_USAGE,
		"unrecognized compression algorithm: \"%.*s\"", (int)len, name);
}

/* One of the options that follow METHOD: and stand between commas. */
static bool
parse_option(const char *option, size_t len, int *level, struct error *error)
{
	const char *equals = memchr(option, '=', len);
	size_t key_len = equals == NULL ? len : (size_t)(equals - option);

	if (key_len == 0)
		return error_set(error, ERR_USAGE,
			"invalid compression specification: found empty "
			"string where a compression option was expected");
	if (key_len != strlen("level") || memcmp(option, "level", key_len) != 0)
		return error_set(error, ERR_USAGE,
			"invalid compression specification: unrecognized "
			"compression option: \"%.*s\"",
			(int)key_len, option);
	if (equals == NULL)
		return error_set(error, ERR_USAGE,
			"invalid compression specification: compression "
			"option \"level\" requires a value");
	if (!parse_int(equals + 1, len - key_len - 1, level))
		return error_set(error, ERR_USAGE,
			"invalid compression specification: value for "
			"compression option \"level\" must be an integer");
	return true;
}

static bool
parse_options(const char *options, int *level, struct error *error)
{
	if (parse_int(options, strlen(options), level))
		return true;
	for (;;) {
		size_t len = strcspn(options, ",");

		if (!parse_option(options, len, level, error))
			return false;
		if (options[len] == '\0')
			return true;
		options += len + 1;
	}
}

static bool
check_level(const struct codec_row *row, int level, struct error *error)
{
	if (row->level_min > row->level_max)
		return error_set(error, ERR_USAGE,
			"invalid compression specification: compression "
			"algorithm \"%s\" does not accept a compression level",
			row->name);
	if (level != row->level_unset &&
		(level < row->level_min || level > row->level_max))
		return error_set(error, ERR_USAGE,
			"invalid compression specification: compression "
			"algorithm \"%s\" expects a compression level between "
			"%d and %d (default at %d)",
			row->name, row->level_min, row->level_max,
			row->level_unset);
	return true;
}

bool
codec_parse(const char *specification, enum codec *codec, int *level,
	struct error *error)
{
	const char *colon = strchr(specification, ':');
	const char *options = colon == NULL ? NULL : colon + 1;
	enum codec wanted = CODEC_GZIP;
	const struct codec_row *row;
	int number = 0;

	if (parse_int(specification, strlen(specification), &number)) {
		wanted = number == 0 ? CODEC_NONE : CODEC_GZIP;
		options = number == 0 ? NULL : specification;
	} else if (!parse_method(specification, strcspn(specification, ":"),
			   &wanted, error)) {
		return false;
	}
	if (!codec_available(wanted))
		return error_set(error, ERR_USAGE,
			"invalid compression specification: this build does "
			"not support compression with %s",
			codec_rows[wanted].name);

	row = &codec_rows[wanted];
	number = row->level_unset;
	if (options != NULL &&
		(!parse_options(options, &number, error) ||
			!check_level(row, number, error)))
		return false;
	*codec = wanted;
	*level = number == row->level_unset ? row->level_default : number;
	return true;
}

static bool
flush_output(struct codec_output *output, struct error *error)
{
	size_t len = output->used;

	output->used = 0;
	return len == 0 ||
		output->sink(output->context, output->buffer, len, error);
}

bool
codec_output_reserve(
	struct codec_output *output, size_t need, struct error *error)
{
	if (CODEC_OUTPUT_ROOM - output->used >= need)
		return true;
	return flush_output(output, error);
}

static const struct codec_encoder_functions *
encoder_functions(enum codec codec, int level)
{
#ifdef HAVE_ISAL
	if (codec == CODEC_GZIP && level <= CODEC_IGZIP_LEVEL_MAX)
		return &codec_igzip_encoder;
#else
	(void)level;
#endif
	return codec_rows[codec].encoder;
}

bool
codec_encoder_open(struct codec_encoder **encoder,
	const struct codec_stream *stream, codec_sink sink, void *context,
	struct error *error)
{
	struct codec_encoder *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return error_set_memory(error);
	made->functions = encoder_functions(stream->codec, stream->level);
	made->bounded = stream->plain_size != CODEC_SIZE_UNKNOWN;
	made->plain_left = stream->plain_size;
	made->output.sink = sink;
	made->output.context = context;
	made->output.buffer = malloc(CODEC_OUTPUT_ROOM);
	if (made->output.buffer == NULL) {
		(void)error_set_memory(error);
		goto failed;
	}
	if (!made->functions->open(&made->state, &made->output, stream->level,
		    stream->plain_size, error))
		goto failed;
	*encoder = made;
	return true;

failed:
	codec_encoder_free(made);
	return false;
}

bool
codec_encoder_write(struct codec_encoder *encoder, const void *data, size_t len,
	struct error *error)
{
	const unsigned char *next = data;

	if (encoder->bounded && len > encoder->plain_left)
		return error_set(error, ERR_DAMAGED,
			"%zu bytes to compress where %llu were left", len,
			(unsigned long long)encoder->plain_left);
	while (len > 0) {
		size_t piece = len < CODEC_PIECE_MAX ? len : CODEC_PIECE_MAX;

		if (!encoder->functions->encode(encoder->state,
			    &encoder->output, next, piece, error))
			return false;
		encoder->plain_left -= piece;
		next += piece;
		len -= piece;
	}
	return true;
}

bool
codec_encoder_finish(struct codec_encoder *encoder, struct error *error)
{
	if (encoder->bounded && encoder->plain_left > 0)
		return error_set(error, ERR_DAMAGED,
			"compressed stream ends %llu bytes early",
			(unsigned long long)encoder->plain_left);
	return encoder->functions->finish(
		       encoder->state, &encoder->output, error) &&
		flush_output(&encoder->output, error);
}

void
codec_encoder_free(struct codec_encoder *encoder)
{
	if (encoder == NULL)
		return;
	if (encoder->state != NULL)
		encoder->functions->free(encoder->state);
	free(encoder->output.buffer);
	free(encoder);
}

bool
codec_decoder_open(struct codec_decoder **decoder, enum codec codec,
	codec_source source, void *context, struct error *error)
{
	struct codec_decoder *made;

	if (!codec_available(codec))
		return error_set(error, ERR_SYSTEM,
			"this build does not support compression with %s",
			codec_rows[codec].name);
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return error_set_memory(error);
	made->row = &codec_rows[codec];
	made->source = source;
	made->context = context;
	made->buffer = malloc(INPUT_ROOM);
	if (made->buffer == NULL) {
		(void)error_set_memory(error);
		goto failed;
	}
	if (!made->row->decoder->open(&made->state, error))
		goto failed;
	*decoder = made;
	return true;

failed:
	codec_decoder_free(made);
	return false;
}

/* Read until the buffer is full or the source has no more. */
static bool
fill_input(struct codec_decoder *decoder, struct error *error)
{
	size_t used = 0;

	while (used < INPUT_ROOM && !decoder->at_end_of_input) {
		size_t len = INPUT_ROOM - used;

		if (!decoder->source(decoder->context, decoder->buffer + used,
			    &len, error))
			return false;
		decoder->at_end_of_input = len == 0;
		used += len;
	}
	decoder->input.next = decoder->buffer;
	decoder->input.left = used;
	return true;
}

/* The libraries would skip frames that hold no data, or read old formats. */
static bool
check_magic(struct codec_decoder *decoder, struct error *error)
{
	const struct codec_decoder_functions *functions = decoder->row->decoder;

	decoder->begun = true;
	if (!fill_input(decoder, error))
		return false;
	if (decoder->input.left >= functions->magic_len &&
		memcmp(decoder->input.next, functions->magic,
			functions->magic_len) != 0)
		return error_set(error, ERR_DAMAGED, "not a %s stream",
			decoder->row->name);
	return true;
}

static bool
check_end(struct codec_decoder *decoder, struct error *error)
{
	if (decoder->input.left == 0 && !fill_input(decoder, error))
		return false;
	if (decoder->input.left > 0)
		return error_set(error, ERR_DAMAGED,
			"%s stream is followed by trailing bytes",
			decoder->row->name);
	return true;
}

static bool
decode_piece(struct codec_decoder *decoder, struct codec_plain *plain,
	struct error *error)
{
	size_t left;
	size_t room = plain->room;

	if (decoder->input.left == 0 && !fill_input(decoder, error))
		return false;
	left = decoder->input.left;
	if (!decoder->row->decoder->decode(decoder->state, &decoder->input,
		    plain, &decoder->ended, error))
		return false;
	if (decoder->ended)
		return check_end(decoder, error);
	if (decoder->input.left == left && plain->room == room)
		return error_set(error, ERR_DAMAGED, "%s stream is %s",
			decoder->row->name,
			left == 0 ? "truncated" : "damaged");
	return true;
}

static bool
decode_all(struct codec_decoder *decoder, unsigned char *data, size_t *len,
	struct error *error)
{
	size_t wanted = *len;
	size_t done = 0;
	bool ok = decoder->begun || check_magic(decoder, error);

	while (ok && done < wanted && !decoder->ended) {
		size_t room = wanted - done < CODEC_PIECE_MAX ? wanted - done
							      : CODEC_PIECE_MAX;
		struct codec_plain plain = {data + done, room};

		ok = decode_piece(decoder, &plain, error);
		done += room - plain.room;
	}
	*len = done;
	return ok;
}

bool
codec_decoder_read(struct codec_decoder *decoder, void *data, size_t *len,
	struct error *error)
{
	if (decoder->failure.code != ERR_NONE) {
		*len = 0;
		*error = decoder->failure;
		return false;
	}
	if (!decode_all(decoder, data, len, error)) {
		decoder->failure = *error;
		return false;
	}
	return true;
}

void
codec_decoder_free(struct codec_decoder *decoder)
{
	if (decoder == NULL)
		return;
	if (decoder->state != NULL)
		decoder->row->decoder->free(decoder->state);
	free(decoder->buffer);
	free(decoder);
}
