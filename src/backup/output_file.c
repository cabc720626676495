#include "backup/output_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Small pieces are collected, so that the disk begins early with large ones. */
#define BUFFER_SIZE ((size_t)1 << 20)

struct output_file {
	const struct directory *directory;
	char name[ARCHIVE_NAME_MAX];
	char temporary[ARCHIVE_NAME_MAX];
	int fd;
	uint64_t offset;
	struct codec_encoder *encoder; /* NULL: plain */
	unsigned char *buffer;
	size_t used;
};

static bool
flush(struct output_file *file, struct error *error)
{
	size_t len = file->used;

	file->used = 0;
	if (len == 0)
		return true;
	if (!durable_write(file->fd, file->temporary, file->buffer, len,
		    file->offset, error))
		return false;
	file->offset += len;
	return true;
}

static bool
collect(void *context, const void *data, size_t len, struct error *error)
{
	struct output_file *file = context;
	const unsigned char *next = data;

	while (len > 0) {
		size_t piece = BUFFER_SIZE - file->used;

		if (piece > len)
			piece = len;
		memcpy(file->buffer + file->used, next, piece);
		file->used += piece;
		next += piece;
		len -= piece;
		if (file->used == BUFFER_SIZE && !flush(file, error))
			return false;
	}
	return true;
}

static bool
open_encoder(struct output_file *file, enum codec codec, int level,
	struct error *error)
{
	struct codec_stream stream = {
		.codec = codec,
		.level = level,
		.plain_size = CODEC_SIZE_UNKNOWN,
	};

	return codec == CODEC_NONE ||
		codec_encoder_open(
			&file->encoder, &stream, collect, file, error);
}

bool
output_file_open(struct output_file **file, const struct directory *directory,
	const char *name, enum codec codec, int level, struct error *error)
{
	struct output_file *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return error_set_memory(error);
	made->directory = directory;
	made->fd = -1;
	(void)snprintf(made->name, sizeof(made->name), "%s%s", name,
		codec_suffix(codec));
	archive_name_temporary(made->temporary, made->name);
	made->buffer = aligned_alloc(DURABLE_BLOCK, BUFFER_SIZE);
	if (made->buffer == NULL) {
		(void)error_set_memory(error);
		goto failed;
	}
	if (!durable_create(directory, made->temporary, 0, &made->fd, error) ||
		!open_encoder(made, codec, level, error))
		goto failed;
	*file = made;
	return true;

failed:
	output_file_free(made);
	return false;
}

bool
output_file_write(struct output_file *file, const void *data, size_t len,
	struct error *error)
{
	if (file->encoder != NULL)
		return codec_encoder_write(file->encoder, data, len, error);
	return collect(file, data, len, error);
}

bool
output_file_finish(struct output_file *file, struct error *error)
{
	int fd = file->fd;

	if ((file->encoder != NULL &&
		    !codec_encoder_finish(file->encoder, error)) ||
		!flush(file, error) ||
		!durable_sync(file->directory, fd, file->temporary, error))
		return false;
	file->fd = -1;
	/* Only its names are needed until it is published. */
	free(file->buffer);
	file->buffer = NULL;
	codec_encoder_free(file->encoder);
	file->encoder = NULL;
	return durable_close(fd, file->temporary, error);
}

bool
output_file_publish(struct output_file *file, struct error *error)
{
	return durable_rename(
		file->directory, file->temporary, file->name, error);
}

void
output_file_free(struct output_file *file)
{
	if (file == NULL)
		return;
	codec_encoder_free(file->encoder);
	if (file->fd >= 0)
		(void)close(file->fd);
	free(file->buffer);
	free(file);
}
