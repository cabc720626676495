#include "archive/segment_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct segment_reader {
	int fd;
	char *name;
	struct codec_decoder *decoder; /* NULL: the file holds plain bytes */
};

static bool
open_file(const struct directory *directory, const char *name, int *fd,
	struct error *error)
{
	if (durable_open_to_read(directory, name, fd, error))
		return true;
	if (error->sys_errno == ENOENT) {
		error->code = ERR_NOT_FOUND;
		error->sys_errno = 0;
	}
	return false;
}

/* Of the file as it is; a codec_source. */
static bool
read_stored(void *context, void *data, size_t *len, struct error *error)
{
	struct segment_reader *reader = context;
	unsigned char *next = data;
	size_t wanted = *len;

	*len = 0;
	while (*len < wanted) {
		ssize_t got = read(reader->fd, next + *len, wanted - *len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(error,
				"could not read file \"%s\"", reader->name);
		if (got == 0)
			break;
		*len += (size_t)got;
	}
	return true;
}

bool
segment_reader_open(struct segment_reader **reader,
	const struct directory *directory, const char *name, enum codec codec,
	struct error *error)
{
	struct segment_reader *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return error_set_memory(error);
	made->fd = -1;
	made->name = strdup(name);
	if (made->name == NULL) {
		(void)error_set_memory(error);
		goto failed;
	}
	if (!open_file(directory, name, &made->fd, error))
		goto failed;
	if (codec != CODEC_NONE &&
		!codec_decoder_open(
			&made->decoder, codec, read_stored, made, error))
		goto failed;
	*reader = made;
	return true;

failed:
	segment_reader_close(made);
	return false;
}

bool
segment_reader_read(struct segment_reader *reader, void *data, size_t *len,
	struct error *error)
{
	struct error fault;

	if (reader->decoder == NULL)
		return read_stored(reader, data, len, error);
	if (codec_decoder_read(reader->decoder, data, len, &fault))
		return true;
	if (fault.code != ERR_DAMAGED) {
		*error = fault;
		return false;
	}
	return error_set(error, ERR_DAMAGED, "could not read file \"%s\": %s",
		reader->name, fault.message);
}

void
segment_reader_close(struct segment_reader *reader)
{
	if (reader == NULL)
		return;
	codec_decoder_free(reader->decoder);
	if (reader->fd >= 0)
		(void)close(reader->fd);
	free(reader->name);
	free(reader);
}
