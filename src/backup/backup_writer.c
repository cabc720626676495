#include "backup/writing.h"

#include "base/condition.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECODED_SIZE ((size_t)256 * 1024)

/* With what a tar archive ends; before version 15 the server leaves it out. */
#define TAR_END_SIZE 1024

#define MANIFEST_MAX ((size_t)1 << 30)

struct backup_writer {
	struct backup_writer_config config;
	struct chunk_queue *queue;
	pthread_t thread;
	bool running;
	atomic_uint_fast64_t bytes;
	pthread_mutex_t mutex; /* of the two after it */
	struct text shown;     /* what backup_writer_notices takes */
	bool ended;
	pthread_cond_t ending;
	struct error failure; /* ERR_NONE: none */

	/* The thread's. */
	struct member_check check;
	struct text notices;
	struct text manifest;
	struct output_file **outputs; /* by tablespace; tar only */
	struct output_file *tee;      /* where bytes go as they come */
	struct base_backup_event current;
	const char *left_data; /* of it */
	size_t left;
	struct codec_decoder *decoder; /* NULL: they come plain */
	unsigned char *decoded;
};

/* The archive's bytes as they come; *len 0: its end. */
static bool
next_raw(struct backup_writer *writer, const void **data, size_t *len,
	struct error *error)
{
	enum base_backup_event_kind kind;

	do {
		copy_message_free(&writer->current.message);
		*len = 0;
		if (!chunk_queue_peek(writer->queue, &kind, error))
			return false;
		if (kind != BACKUP_DATA)
			return true;
		chunk_queue_take(writer->queue, &writer->current);
		*data = writer->current.message.data + writer->current.offset;
		*len = writer->current.message.len - writer->current.offset;
	} while (*len == 0);
	return writer->tee == NULL ||
		output_file_write(writer->tee, *data, *len, error);
}

static bool
feed_decoder(void *context, void *data, size_t *len, struct error *error)
{
	struct backup_writer *writer = context;
	const void *next = NULL;
	size_t piece = *len;

	if (writer->left == 0) {
		if (!next_raw(writer, &next, &writer->left, error))
			return false;
		writer->left_data = next;
	}
	if (piece > writer->left)
		piece = writer->left;
	if (piece > 0)
		memcpy(data, writer->left_data, piece);
	writer->left_data += piece;
	writer->left -= piece;
	*len = piece;
	return true;
}

/* The archive's plain bytes: a tar_source. */
static bool
next_plain(void *context, const void **data, size_t *len, struct error *error)
{
	struct backup_writer *writer = context;
	bool ok;

	if (writer->decoder == NULL) {
		ok = next_raw(writer, data, len, error);
	} else {
		*len = DECODED_SIZE;
		*data = writer->decoded;
		ok = codec_decoder_read(
			writer->decoder, writer->decoded, len, error);
	}
	if (ok)
		(void)atomic_fetch_add(&writer->bytes, *len);
	return ok;
}

static void
publish_notices(void *context)
{
	struct backup_writer *writer = context;

	if (writer->notices.len == 0)
		return;
	(void)pthread_mutex_lock(&writer->mutex);
	text_append(
		&writer->shown, writer->notices.string, writer->notices.len);
	(void)pthread_mutex_unlock(&writer->mutex);
	text_clear(&writer->notices);
}

static bool
open_decoder(struct backup_writer *writer, struct error *error)
{
	enum codec codec = writer->config.server_codec;

	writer->left = 0;
	if (codec == CODEC_NONE)
		return true;
	if (writer->decoded == NULL)
		writer->decoded = malloc(DECODED_SIZE);
	if (writer->decoded == NULL)
		return error_set_memory(error);
	return codec_decoder_open(
		&writer->decoder, codec, feed_decoder, writer, error);
}

static bool
open_output(struct backup_writer *writer, struct writing *writing,
	struct error *error)
{
	const struct backup_writer_config *config = &writer->config;
	struct output_file **output = &writer->outputs[writing->index];
	char name[ARCHIVE_NAME_MAX];
	char oid[16] = "base";

	if (writing->tablespace->oid != 0)
		(void)snprintf(
			oid, sizeof(oid), "%" PRIu32, writing->tablespace->oid);
	(void)snprintf(name, sizeof(name), "%s.tar%s", oid,
		codec_suffix(config->server_codec));
	if (!output_file_open(output, &config->data->directory, name,
		    config->codec, config->level, error))
		return false;
	writing->output = *output;
	writing->tee =
		config->settings == NULL || writing->tablespace->oid != 0;
	writer->tee = writing->tee ? *output : NULL;
	return true;
}

static bool
close_output(struct backup_writer *writer, const struct writing *writing,
	struct error *error)
{
	static const char zeros[TAR_END_SIZE];

	writer->tee = NULL;
	if (writing->tee && !writer->config.backup->one_copy &&
		!output_file_write(
			writing->output, zeros, sizeof(zeros), error))
		return false;
	return output_file_finish(writing->output, error);
}

static bool
read_archive(struct backup_writer *writer, struct writing *writing,
	struct error *error)
{
	bool plain = writer->config.plain;

	if (!plain && !open_output(writer, writing, error))
		return false;
	if (!open_decoder(writer, error) ||
		!tar_reader_open(&writing->reader, next_plain, writer, error))
		return false;
	if (plain)
		return unpack_archive(writing, error);
	return pack_archive(writing, error) &&
		close_output(writer, writing, error);
}

static bool
do_archive(struct backup_writer *writer, struct error *error)
{
	struct base_backup_event event;
	struct writing writing = {
		.config = &writer->config,
		.check = &writer->check,
		.notices = &writer->notices,
		.publish_notices = publish_notices,
		.context = writer,
	};
	bool ok;

	chunk_queue_take(writer->queue, &event);
	writing.index = event.index;
	writing.tablespace = &writer->config.backup->tablespaces[event.index];
	ok = read_archive(writer, &writing, error);
	tar_reader_free(writing.reader);
	codec_decoder_free(writer->decoder);
	writer->decoder = NULL;
	publish_notices(writer);
	return ok;
}

static bool
do_manifest(struct backup_writer *writer, struct error *error)
{
	struct base_backup_event event;
	const void *data;
	size_t len = 1;

	chunk_queue_take(writer->queue, &event);
	while (len > 0) {
		if (!next_raw(writer, &data, &len, error))
			return false;
		if (len > 0)
			text_append(&writer->manifest, data, len);
		if (writer->manifest.failed)
			return error_set_memory(error);
		if (writer->manifest.len > MANIFEST_MAX)
			return error_set(error, ERR_PROTOCOL,
				"the server's backup manifest is larger than "
				"%zu bytes",
				MANIFEST_MAX);
	}
	return true;
}

static bool
write_all(struct backup_writer *writer, struct error *error)
{
	enum base_backup_event_kind kind;

	for (;;) {
		bool ok = true;

		if (!chunk_queue_peek(writer->queue, &kind, error))
			return false;
		switch (kind) {
		case BACKUP_ARCHIVE:
			ok = do_archive(writer, error);
			break;
		case BACKUP_MANIFEST:
			ok = do_manifest(writer, error);
			break;
		case BACKUP_END:
			return true;
		case BACKUP_DATA:
		case BACKUP_WAITING:
			ok = error_set(error, ERR_PROTOCOL,
				"unexpected message in the base backup");
			break;
		}
		if (!ok)
			return false;
	}
}

static void *
run(void *argument)
{
	struct backup_writer *writer = argument;
	struct error error;

	if (!write_all(writer, &error)) {
		writer->failure = error;
		chunk_queue_fail(writer->queue, &error);
	}
	(void)pthread_mutex_lock(&writer->mutex);
	writer->ended = true;
	(void)pthread_cond_signal(&writer->ending);
	(void)pthread_mutex_unlock(&writer->mutex);
	return NULL;
}

static bool
backup_writer_open(struct backup_writer *writer, struct error *error)
{
	size_t count = writer->config.backup->count;

	writer->outputs = calloc(count, sizeof(struct output_file *));
	if (writer->outputs == NULL)
		return error_set_memory(error);
	if (!chunk_queue_create(&writer->queue, error) ||
		!member_check_init(&writer->check, writer->config.digest,
			&writer->config.pages, error))
		return false;
	writer->check.wal = writer->config.wal;
	return true;
}

bool
backup_writer_start(struct backup_writer **writer,
	const struct backup_writer_config *config, struct error *error)
{
	struct backup_writer *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return error_set_memory(error);
	made->config = *config;
	(void)pthread_mutex_init(&made->mutex, NULL);
	condition_init(&made->ending);
	text_init(&made->shown);
	text_init(&made->notices);
	text_init(&made->manifest);
	text_init(&made->check.path);
	if (!backup_writer_open(made, error)) {
		backup_writer_free(made);
		return false;
	}
	errno = pthread_create(&made->thread, NULL, run, made);
	if (errno != 0) {
		(void)error_set_errno(error, "could not start a thread");
		backup_writer_free(made);
		return false;
	}
	made->running = true;
	*writer = made;
	return true;
}

struct chunk_queue *
backup_writer_queue(struct backup_writer *writer)
{
	return writer->queue;
}

uint64_t
backup_writer_bytes(struct backup_writer *writer)
{
	return atomic_load(&writer->bytes);
}

void
backup_writer_notices(struct backup_writer *writer, struct text *notices)
{
	(void)pthread_mutex_lock(&writer->mutex);
	text_append(notices, writer->shown.string, writer->shown.len);
	text_clear(&writer->shown);
	(void)pthread_mutex_unlock(&writer->mutex);
}

bool
backup_writer_ended(struct backup_writer *writer, int64_t timeout_us)
{
	bool ended;

	(void)pthread_mutex_lock(&writer->mutex);
	if (!writer->ended)
		condition_wait(&writer->ending, &writer->mutex, timeout_us);
	ended = writer->ended;
	(void)pthread_mutex_unlock(&writer->mutex);
	return ended;
}

bool
backup_writer_join(struct backup_writer *writer, struct error *error)
{
	(void)pthread_join(writer->thread, NULL);
	writer->running = false;
	if (writer->failure.code == ERR_NONE)
		return true;
	*error = writer->failure;
	return false;
}

struct backup_writer_results
backup_writer_results(struct backup_writer *writer)
{
	return (struct backup_writer_results){
		.list = &writer->check.list,
		.manifest = &writer->manifest,
		.bad_pages = writer->check.bad_pages,
	};
}

bool
backup_writer_publish(struct backup_writer *writer, struct error *error)
{
	const struct backup_writer_config *config = &writer->config;

	if (config->plain)
		return tree_rename(
			config->data, CONTROL_TEMPORARY, CONTROL_NAME, error);
	for (size_t i = 0; i < config->backup->count; i++)
		if (!output_file_publish(writer->outputs[i], error))
			return false;
	return durable_sync_directory(&config->data->directory, error);
}

void
backup_writer_free(struct backup_writer *writer)
{
	struct error ignored;

	if (writer == NULL)
		return;
	if (writer->running) {
		chunk_queue_abort(writer->queue);
		(void)backup_writer_join(writer, &ignored);
	}
	for (size_t i = 0;
		writer->outputs != NULL && i < writer->config.backup->count;
		i++)
		output_file_free(writer->outputs[i]);
	free(writer->outputs);
	copy_message_free(&writer->current.message);
	chunk_queue_free(writer->queue);
	member_check_free(&writer->check);
	free(writer->decoded);
	text_free(&writer->manifest);
	text_free(&writer->notices);
	text_free(&writer->shown);
	(void)pthread_cond_destroy(&writer->ending);
	(void)pthread_mutex_destroy(&writer->mutex);
	free(writer);
}
