#include "restore/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
writer_open(struct writer *writer, struct error *error)
{
	memset(writer, 0, sizeof(*writer));
	writer->pieces = malloc(WRITER_PIECES * WRITER_PIECE);
	if (writer->pieces == NULL)
		return error_set_memory(error);
	(void)pthread_mutex_init(&writer->mutex, NULL);
	(void)pthread_cond_init(&writer->changed, NULL);
	return true;
}

static unsigned char *
piece(const struct writer *writer, uint64_t number)
{
	return writer->pieces + (number % WRITER_PIECES) * WRITER_PIECE;
}

static bool
write_fully(const struct writer *writer, const unsigned char *data, size_t len,
	struct error *fault)
{
	while (len > 0) {
		ssize_t written = write(writer->fd, data, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return error_set_errno(fault,
				"could not write to file \"%s\"", writer->name);
		data += written;
		len -= (size_t)written;
	}
	return true;
}

static void *
write_pieces(void *argument)
{
	struct writer *writer = argument;
	struct error fault = {.code = ERR_NONE};
	bool sound = true;

	(void)pthread_mutex_lock(&writer->mutex);
	while (writer->written < writer->put || !writer->ended) {
		uint64_t next = writer->written;
		size_t len;

		if (next == writer->put) {
			(void)pthread_cond_wait(
				&writer->changed, &writer->mutex);
			continue;
		}
		len = writer->lens[next % WRITER_PIECES];
		(void)pthread_mutex_unlock(&writer->mutex);
		sound = sound &&
			write_fully(writer, piece(writer, next), len, &fault);
		(void)pthread_mutex_lock(&writer->mutex);
		if (!sound)
			writer->fault = fault;
		writer->written++;
		(void)pthread_cond_signal(&writer->changed);
	}
	(void)pthread_mutex_unlock(&writer->mutex);
	return NULL;
}

bool
writer_start(
	struct writer *writer, int fd, const char *name, struct error *error)
{
	writer->fd = fd;
	writer->name = name;
	errno = pthread_create(&writer->thread, NULL, write_pieces, writer);
	if (errno != 0)
		return error_set_errno(
			error, "could not start the writing thread");
	writer->started = true;
	return true;
}

unsigned char *
writer_room(struct writer *writer)
{
	(void)pthread_mutex_lock(&writer->mutex);
	while (writer->put - writer->written == WRITER_PIECES)
		(void)pthread_cond_wait(&writer->changed, &writer->mutex);
	(void)pthread_mutex_unlock(&writer->mutex);
	return piece(writer, writer->put);
}

bool
writer_put(struct writer *writer, size_t len)
{
	bool sound;

	(void)pthread_mutex_lock(&writer->mutex);
	writer->lens[writer->put % WRITER_PIECES] = len;
	writer->put++;
	sound = writer->fault.code == ERR_NONE;
	(void)pthread_cond_signal(&writer->changed);
	(void)pthread_mutex_unlock(&writer->mutex);
	return sound;
}

static void
end_thread(struct writer *writer)
{
	if (!writer->started)
		return;
	(void)pthread_mutex_lock(&writer->mutex);
	writer->ended = true;
	(void)pthread_cond_signal(&writer->changed);
	(void)pthread_mutex_unlock(&writer->mutex);
	(void)pthread_join(writer->thread, NULL);
	writer->started = false;
}

bool
writer_finish(struct writer *writer, struct error *error)
{
	end_thread(writer);
	if (writer->fault.code == ERR_NONE)
		return true;
	*error = writer->fault;
	return false;
}

void
writer_close(struct writer *writer)
{
	if (writer->pieces == NULL)
		return;
	end_thread(writer);
	(void)pthread_cond_destroy(&writer->changed);
	(void)pthread_mutex_destroy(&writer->mutex);
	free(writer->pieces);
	writer->pieces = NULL;
}
