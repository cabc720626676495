#include "archive/segment_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "temporary_directory.h"

#define PLAIN_LEN ((size_t)1024 * 1024)

struct file {
	int fd;
	const char *name;
	uint64_t len;
};

static bool
write_to_file(void *context, const void *data, size_t len, struct error *error)
{
	struct file *file = context;

	if (!durable_write(file->fd, file->name, data, len, file->len, error))
		return false;
	file->len += len;
	return true;
}

static unsigned char *
make_plain(void)
{
	unsigned char *plain = malloc(PLAIN_LEN);
	uint32_t seed = 5;

	assert_non_null(plain);
	for (size_t i = 0; i < PLAIN_LEN; i++) {
		seed = seed * 1664525 + 1013904223;
		plain[i] = seed >> 30 == 0 ? (unsigned char)(seed >> 16) : 0;
	}
	return plain;
}

/* Store plain as the file "segment". */
static void
store(const struct directory *directory, enum codec codec,
	const unsigned char *plain)
{
	struct file file = {.fd = -1, .name = "segment"};
	const struct codec_stream stream = {codec, 1, PLAIN_LEN};
	struct codec_encoder *encoder = NULL;
	struct error error;

	assert_true(durable_create(directory, file.name, 0, &file.fd, &error));
	if (codec == CODEC_NONE) {
		assert_true(write_to_file(&file, plain, PLAIN_LEN, &error));
	} else {
		assert_true(codec_encoder_open(
			&encoder, &stream, write_to_file, &file, &error));
		assert_true(
			codec_encoder_write(encoder, plain, PLAIN_LEN, &error));
		assert_true(codec_encoder_finish(encoder, &error));
		codec_encoder_free(encoder);
	}
	assert_true(durable_close(file.fd, file.name, &error));
}

static bool
read_all(const struct directory *directory, enum codec codec,
	unsigned char *plain, size_t *len, struct error *error)
{
	struct segment_reader *reader = NULL;
	bool ok;

	*len = 0;
	assert_true(segment_reader_open(
		&reader, directory, "segment", codec, error));
	for (;;) {
		size_t piece = PLAIN_LEN + 1 - *len;

		if (piece > 100 * 1000)
			piece = 100 * 1000;
		ok = segment_reader_read(reader, plain + *len, &piece, error);
		*len += piece;
		if (!ok || piece == 0)
			break;
	}
	segment_reader_close(reader);
	return ok;
}

static void
test_reads_every_codec(void **state)
{
	unsigned char *plain = make_plain();
	unsigned char *got = malloc(PLAIN_LEN + 1);

	assert_non_null(got);
	for (int i = 0; i < CODECS; i++) {
		struct error error;
		size_t len = 0;

		if (!codec_available((enum codec)i))
			continue;
		store(*state, (enum codec)i, plain);
		assert_true(read_all(*state, (enum codec)i, got, &len, &error));
		assert_int_equal(len, PLAIN_LEN);
		assert_memory_equal(got, plain, PLAIN_LEN);
	}
	free(got);
	free(plain);
}

static void
test_damage_names_the_file(void **state)
{
	static const char *const names[CODECS] = {
		[CODEC_GZIP] = "gzip",
		[CODEC_LZ4] = "lz4",
		[CODEC_ZSTD] = "zstd",
	};
	const struct directory *directory = *state;
	unsigned char *plain = make_plain();
	unsigned char *got = malloc(PLAIN_LEN + 1);

	assert_non_null(got);
	for (int i = CODEC_NONE + 1; i < CODECS; i++) {
		struct error error;
		char expected[200];
		size_t len = 0;
		int fd;

		if (!codec_available((enum codec)i))
			continue;
		store(directory, (enum codec)i, plain);
		assert_true(durable_open(directory, "segment", &fd, &error));
		assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - 1), 0);
		assert_true(durable_close(fd, "segment", &error));
		assert_false(
			read_all(directory, (enum codec)i, got, &len, &error));
		assert_int_equal(error.code, ERR_DAMAGED);
		(void)snprintf(expected, sizeof(expected),
			"could not read file \"segment\": %s stream is "
			"truncated",
			names[i]);
		assert_string_equal(error.message, expected);
		assert_memory_equal(got, plain, len);
	}
	free(got);
	free(plain);
}

static void
test_empty_file(void **state)
{
	unsigned char *got = malloc(PLAIN_LEN + 1);
	struct error error;
	size_t len = 42;
	int fd;

	assert_non_null(got);
	assert_true(durable_create(*state, "segment", 0, &fd, &error));
	assert_true(durable_close(fd, "segment", &error));
	assert_true(read_all(*state, CODEC_NONE, got, &len, &error));
	assert_int_equal(len, 0);
	assert_false(read_all(*state, CODEC_GZIP, got, &len, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	free(got);
}

static void
test_open_failures(void **state)
{
	const struct directory *directory = *state;
	struct segment_reader *reader = NULL;
	struct error error;

	assert_false(segment_reader_open(
		&reader, directory, "missing", CODEC_NONE, &error));
	assert_int_equal(error.code, ERR_NOT_FOUND);
	assert_int_equal(error.sys_errno, 0);
	assert_string_equal(error.message,
		"could not open file \"missing\": No such file or directory");
	assert_int_equal(symlinkat("target", directory->fd, "soft"), 0);
	assert_false(segment_reader_open(
		&reader, directory, "soft", CODEC_GZIP, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_null(reader);
	segment_reader_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_reads_every_codec),
		directory_test(test_damage_names_the_file),
		directory_test(test_empty_file),
		directory_test(test_open_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
