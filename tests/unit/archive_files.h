/*
 * The files of an archive under test: made, and compared.
 */
#ifndef ARCHIVE_FILES_H
#define ARCHIVE_FILES_H

#include "archive/codec.h"
#include "temporary_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

/* Store len bytes as the file name. */
static inline void
file_store(const struct directory *directory, const char *name,
	const void *data, size_t len)
{
	int fd = openat(directory->fd, name, O_WRONLY | O_CREAT | O_TRUNC,
		S_IRUSR | S_IWUSR);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(close(fd), 0);
}

static inline bool
file_sink(void *context, const void *data, size_t len, struct error *error)
{
	const int *fd = context;

	(void)error;
	return write(*fd, data, len) == (ssize_t)len;
}

/* Store len bytes in codec; CODEC_NONE: as they are. */
static inline void
file_encode(const struct directory *directory, const char *name,
	enum codec codec, const void *data, size_t len)
{
	const struct codec_stream stream = {codec, 1, len};
	struct codec_encoder *encoder;
	struct error error;
	int fd;

	file_store(directory, name, data, codec == CODEC_NONE ? len : 0);
	if (codec == CODEC_NONE)
		return;
	fd = openat(directory->fd, name, O_WRONLY);
	assert_true(fd >= 0);
	assert_true(
		codec_encoder_open(&encoder, &stream, file_sink, &fd, &error));
	assert_true(codec_encoder_write(encoder, data, len, &error));
	assert_true(codec_encoder_finish(encoder, &error));
	codec_encoder_free(encoder);
	assert_int_equal(close(fd), 0);
}

static inline size_t
file_size(const struct directory *directory, const char *name)
{
	struct stat status;

	assert_int_equal(
		fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW), 0);
	return (size_t)status.st_size;
}

/* Tells whether a file is still the one that it was. */
static inline ino_t
file_number(const struct directory *directory, const char *name)
{
	struct stat status;

	assert_int_equal(
		fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW), 0);
	return status.st_ino;
}

static inline void
file_cut(const struct directory *directory, const char *name, size_t len)
{
	int fd = openat(directory->fd, name, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(close(fd), 0);
}

/* The file's bytes as they are; the caller frees them. */
static inline unsigned char *
file_load(const struct directory *directory, const char *name, size_t *len)
{
	size_t size = file_size(directory, name);
	unsigned char *data = malloc(size + 1);
	int fd = openat(directory->fd, name, O_RDONLY);

	assert_non_null(data);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, data, size + 1), size);
	assert_int_equal(close(fd), 0);
	*len = size;
	return data;
}

/* The bytes of a file in memory; a codec_source. */
struct file_bytes {
	const unsigned char *next;
	size_t left;
};

static inline bool
file_source(void *context, void *data, size_t *len, struct error *error)
{
	struct file_bytes *bytes = context;

	(void)error;
	if (*len > bytes->left)
		*len = bytes->left;
	memcpy(data, bytes->next, *len);
	bytes->next += *len;
	bytes->left -= *len;
	return true;
}

/* The file is whole and holds exactly these plain bytes. */
static inline void
assert_plain(const struct directory *directory, const char *name,
	enum codec codec, const void *expected, size_t len)
{
	size_t stored_len;
	unsigned char *stored = file_load(directory, name, &stored_len);
	struct file_bytes bytes = {stored, stored_len};
	unsigned char *plain = malloc(len + 1);
	struct codec_decoder *decoder;
	struct error error;
	size_t got = len + 1;

	assert_non_null(plain);
	if (codec == CODEC_NONE) {
		assert_int_equal(stored_len, len);
		assert_memory_equal(stored, expected, len);
	} else {
		assert_true(codec_decoder_open(
			&decoder, codec, file_source, &bytes, &error));
		assert_true(codec_decoder_read(decoder, plain, &got, &error));
		assert_int_equal(got, len);
		assert_memory_equal(plain, expected, len);
		codec_decoder_free(decoder);
	}
	free(plain);
	free(stored);
}

/* Write the names in the directory, in order, each with a blank after it. */
static inline void
list_names(const struct directory *directory, char *names, size_t size)
{
	struct dirent **entries;
	int count = scandir(directory->path, &entries, NULL, alphasort);
	size_t used = 0;

	assert_true(count >= 0);
	names[0] = '\0';
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			used += (size_t)snprintf(
				names + used, size - used, "%s ", name);
		assert_true(used < size);
		free(entries[i]);
	}
	free(entries);
}

/* The directory holds these names, in the C locale's order, and no other. */
static inline void
assert_names(const struct directory *directory, const char *expected)
{
	char names[4096];
	size_t len;

	list_names(directory, names, sizeof(names));
	len = strlen(names);
	if (len > 0)
		names[len - 1] = '\0';
	assert_string_equal(names, expected);
}

#endif
