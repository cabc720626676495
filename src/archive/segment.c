#include "archive/segment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define COPY_BUFFER_SIZE ((size_t)1 << 20)

struct segment {
	struct segment_spec spec;
	lsn start;
	lsn end;
	lsn written;
	lsn durable;
	int fd;		   /* of the raw file; -1: not open yet */
	bool has_raw;	   /* a raw file exists, as .partial or temporary */
	bool named;	   /* the raw file bears its .partial name */
	bool name_durable; /* and that name survives a power cut */
	bool prepared;
	bool has_encoded; /* a finished encoding under its temporary name */
	char name[ARCHIVE_NAME_MAX];	/* final, in the codec */
	char partial[ARCHIVE_NAME_MAX]; /* raw, open */
	char raw_temporary[ARCHIVE_NAME_MAX];
	char encoded_temporary[ARCHIVE_NAME_MAX];
};

/* Where an encoder's output goes. */
struct output {
	int fd;
	const char *name;
	uint64_t offset;
};

static void
name_files(struct segment *segment)
{
	struct archive_name name = {
		.kind = NAME_SEGMENT,
		.timeline = segment->spec.timeline,
		.number = segment->spec.number,
		.codec = segment->spec.codec,
	};
	char raw[ARCHIVE_NAME_MAX];
	uint32_t size = segment->spec.segment_size;

	archive_name_format(segment->name, &name, size);
	archive_name_temporary(segment->encoded_temporary, segment->name);
	name.codec = CODEC_NONE;
	archive_name_format(raw, &name, size);
	archive_name_temporary(segment->raw_temporary, raw);
	name.kind = NAME_PARTIAL;
	archive_name_format(segment->partial, &name, size);
}

bool
segment_open(struct segment **result, const struct segment_spec *spec,
	struct error *error)
{
	struct segment *segment = calloc(1, sizeof(*segment));

	if (segment == NULL)
		return error_set_memory(error);
	segment->spec = *spec;
	segment->start = spec->number * spec->segment_size;
	segment->end = segment->start + spec->segment_size;
	segment->written = spec->begin;
	segment->durable = spec->begin;
	segment->fd = -1;
	segment->has_raw = spec->held > segment->start;
	segment->named = segment->has_raw;
	segment->name_durable = segment->has_raw;
	assert(segment->has_raw || spec->begin == segment->start);
	name_files(segment);
	*result = segment;
	return true;
}

static const char *
raw_name(const struct segment *segment)
{
	return segment->named ? segment->partial : segment->raw_temporary;
}

static bool
open_raw(struct segment *segment, struct error *error)
{
	const struct directory *directory = segment->spec.directory;

	if (segment->fd >= 0)
		return true;
	if (segment->has_raw)
		return durable_open(
			directory, raw_name(segment), &segment->fd, error);
	if (!durable_create(directory, segment->raw_temporary,
		    segment->spec.segment_size, &segment->fd, error))
		return false;
	segment->has_raw = true;
	return true;
}

bool
segment_write(struct segment *segment, const void *data, size_t len,
	struct error *error)
{
	assert(len <= segment->end - segment->written);
	if (!open_raw(segment, error))
		return false;
	if (!durable_write(segment->fd, raw_name(segment), data, len,
		    segment->written - segment->start, error))
		return false;
	segment->written += len;
	return true;
}

bool
segment_persist(struct segment *segment, struct error *error)
{
	const struct directory *directory = segment->spec.directory;

	if (segment->durable == segment->written)
		return true;
	if (!durable_sync(directory, segment->fd, raw_name(segment), error))
		return false;
	if (!segment->named) {
		if (!durable_rename(directory, segment->raw_temporary,
			    segment->partial, error))
			return false;
		segment->named = true;
	}
	if (!segment->name_durable) {
		if (!durable_sync_directory(directory, error))
			return false;
		segment->name_durable = true;
	}
	segment->durable = segment->written;
	return true;
}

static bool
write_output(void *context, const void *data, size_t len, struct error *error)
{
	struct output *output = context;

	if (!durable_write(
		    output->fd, output->name, data, len, output->offset, error))
		return false;
	output->offset += len;
	return true;
}

/* Feed the encoder from the raw file: len bytes from the segment's start. */
static bool
encode_from_file(struct segment *segment, struct codec_encoder *encoder,
	uint64_t len, struct error *error)
{
	unsigned char *buffer = aligned_alloc(DURABLE_BLOCK, COPY_BUFFER_SIZE);
	uint64_t offset = 0;
	bool success = buffer != NULL ? open_raw(segment, error)
				      : error_set_memory(error);

	while (success && offset < len) {
		size_t piece = COPY_BUFFER_SIZE;

		if (len - offset < piece)
			piece = (size_t)(len - offset);
		success = durable_read(segment->fd, raw_name(segment), buffer,
				  piece, offset, error) &&
			codec_encoder_write(encoder, buffer, piece, error);
		offset += piece;
	}
	free(buffer);
	return success;
}

/* Make the encoded file, durable but under its temporary name. */
static bool
encode(struct segment *segment, const void *whole, uint64_t len,
	struct error *error)
{
	const struct directory *directory = segment->spec.directory;
	struct output output = {.fd = -1, .name = segment->encoded_temporary};
	const struct codec_stream stream = {
		segment->spec.codec, segment->spec.level, len};
	struct codec_encoder *encoder = NULL;
	bool success = false;
	int fd;

	if (!durable_create(directory, output.name, 0, &output.fd, error))
		return false;
	segment->has_encoded = true;
	if (!codec_encoder_open(
		    &encoder, &stream, write_output, &output, error))
		goto finish;
	if (whole != NULL ? !codec_encoder_write(encoder, whole, len, error)
			  : !encode_from_file(segment, encoder, len, error))
		goto finish;
	if (!codec_encoder_finish(encoder, error))
		goto finish;
	if (!durable_sync(directory, output.fd, output.name, error))
		goto finish;
	fd = output.fd;
	output.fd = -1;
	success = durable_close(fd, output.name, error);

finish:
	codec_encoder_free(encoder);
	if (output.fd >= 0) {
		struct error ignored;

		(void)durable_close(output.fd, output.name, &ignored);
	}
	return success;
}

bool
segment_prepare(struct segment *segment, const void *whole, struct error *error)
{
	if (segment->spec.codec != CODEC_NONE) {
		if (!encode(segment, whole, segment->spec.segment_size, error))
			return false;
		segment->prepared = true;
		return true;
	}

	if (segment->written < segment->end) {
		uint64_t offset = segment->written - segment->start;
		size_t rest = (size_t)(segment->end - segment->written);

		if (!segment_write(segment,
			    (const unsigned char *)whole + offset, rest, error))
			return false;
	}
	if (!open_raw(segment, error) ||
		!durable_sync(segment->spec.directory, segment->fd,
			raw_name(segment), error))
		return false;
	segment->prepared = true;
	return true;
}

static bool
close_raw(struct segment *segment, struct error *error)
{
	int fd = segment->fd;

	segment->fd = -1;
	return fd < 0 || durable_close(fd, raw_name(segment), error);
}

static bool
remove_raw(struct segment *segment, struct error *error)
{
	if (!close_raw(segment, error))
		return false;
	if (segment->has_raw &&
		!durable_unlink(
			segment->spec.directory, raw_name(segment), error))
		return false;
	segment->has_raw = false;
	return true;
}

bool
segment_fill(struct segment *segment, struct error *error)
{
	struct error ignored;

	assert(!segment->has_raw);
	if (open_raw(segment, error) &&
		durable_fill(segment->fd, raw_name(segment),
			segment->spec.segment_size, error) &&
		durable_sync(segment->spec.directory, segment->fd,
			raw_name(segment), error))
		return true;
	(void)remove_raw(segment, &ignored);
	return false;
}

/* Rename what encode() made to name, durably, and drop the raw file. */
static bool
replace_raw(struct segment *segment, const char *name, struct error *error)
{
	const struct directory *directory = segment->spec.directory;

	if (!durable_rename(directory, segment->encoded_temporary, name, error))
		return false;
	segment->has_encoded = false;
	return durable_sync_directory(directory, error) &&
		remove_raw(segment, error);
}

bool
segment_publish(struct segment *segment, struct error *error)
{
	const struct directory *directory = segment->spec.directory;

	assert(segment->prepared);
	if (segment->spec.codec != CODEC_NONE) {
		if (!replace_raw(segment, segment->name, error))
			return false;
	} else {
		if (!close_raw(segment, error) ||
			!durable_rename(directory, raw_name(segment),
				segment->name, error))
			return false;
		segment->has_raw = false;
		if (!durable_sync_directory(directory, error))
			return false;
	}
	segment->written = segment->end;
	segment->durable = segment->end;
	/* One that held nothing was not resumed, and is still there. */
	return segment->named ||
		durable_unlink(directory, segment->partial, error);
}

bool
segment_abandon(struct segment *segment, struct error *error)
{
	struct archive_name name = {
		.kind = NAME_PARTIAL,
		.timeline = segment->spec.timeline,
		.number = segment->spec.number,
		.codec = segment->spec.codec,
	};
	char partial[ARCHIVE_NAME_MAX];
	lsn upto;

	if (!segment_persist(segment, error))
		return false;
	upto = segment->written > segment->spec.held ? segment->written
						     : segment->spec.held;
	if (name.codec == CODEC_NONE || upto == segment->start)
		return close_raw(segment, error);
	archive_name_format(partial, &name, segment->spec.segment_size);
	return encode(segment, NULL, upto - segment->start, error) &&
		replace_raw(segment, partial, error);
}

lsn
segment_written(const struct segment *segment)
{
	return segment->written;
}

lsn
segment_durable(const struct segment *segment)
{
	return segment->durable;
}

void
segment_free(struct segment *segment)
{
	struct error ignored;

	if (segment == NULL)
		return;
	(void)close_raw(segment, &ignored);
	if (segment->has_raw && !segment->named)
		(void)durable_unlink(segment->spec.directory,
			segment->raw_temporary, &ignored);
	if (segment->has_encoded)
		(void)durable_unlink(segment->spec.directory,
			segment->encoded_temporary, &ignored);
	free(segment);
}
