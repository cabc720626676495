#include "backup/output_file.h"

#include "archive_files.h"

#define LEN ((size_t)3 << 20)

static const enum codec codecs[] = {
	CODEC_NONE, CODEC_GZIP, CODEC_LZ4, CODEC_ZSTD};

static struct output_file *
open_file(const struct directory *directory, const char *name, enum codec codec)
{
	struct output_file *file;
	struct error error;

	if (!output_file_open(&file, directory, name, codec, 1, &error))
		fail_msg("%s", error.message);
	return file;
}

static void
each_codec(void **state)
{
	const struct directory *directory = *state;
	unsigned char *data = malloc(LEN);
	struct output_file *file;
	struct error error;
	char name[64];

	assert_non_null(data);
	for (size_t i = 0; i < LEN; i++)
		data[i] = (unsigned char)(i * i >> 7);
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		if (!codec_available(codecs[i]))
			continue;
		(void)snprintf(name, sizeof(name), "base.tar%s",
			codec_suffix(codecs[i]));
		file = open_file(directory, "base.tar", codecs[i]);
		for (size_t at = 0; at < LEN; at += 65521) {
			size_t left = LEN - at;

			assert_true(output_file_write(file, data + at,
				left < 65521 ? left : 65521, &error));
		}
		assert_int_equal(faccessat(directory->fd, name, F_OK, 0), -1);
		assert_true(output_file_finish(file, &error));
		assert_int_equal(faccessat(directory->fd, name, F_OK, 0), -1);
		assert_true(output_file_publish(file, &error));
		output_file_free(file);
		assert_plain(directory, name, codecs[i], data, LEN);
	}
	assert_int_equal(temporary_directory_count(directory),
		codec_available(CODEC_ZSTD) ? 4 : 3);
	free(data);
}

static void
given_up(void **state)
{
	struct output_file *file = open_file(*state, "a.tar", CODEC_GZIP);
	struct error error;

	assert_true(output_file_write(file, "abc", 3, &error));
	output_file_free(file);
	assert_names(*state, ".a.tar.gz.tmp");
	output_file_free(NULL);
}

static void
empty(void **state)
{
	struct output_file *file = open_file(*state, "a.tar", CODEC_LZ4);
	struct error error;

	assert_true(output_file_finish(file, &error));
	assert_true(output_file_publish(file, &error));
	output_file_free(file);
	assert_plain(*state, "a.tar.lz4", CODEC_LZ4, "", 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(each_codec),
		directory_test(given_up),
		directory_test(empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
