/*
 * One segment into a file: what is checked, and what is left on failure.
 */
#include "restore/transfer.h"

#include "archive_files.h"
#include "wal_builder.h"

#define BASE ((lsn)5 * WAL_BUILDER_SEGMENT)
#define SEGMENT "000000010000000000000005"
#define TEMPORARY ".target.tmp"

static const enum codec codecs[] = {
	CODEC_NONE, CODEC_GZIP, CODEC_LZ4, CODEC_ZSTD};
#define CODEC_COUNT (sizeof(codecs) / sizeof(codecs[0]))

/* A full segment, and some of the next one. */
static unsigned char *
build(struct wal_builder *b)
{
	wal_builder_init(b, BASE);
	wal_builder_add_many(b, WAL_BUILDER_SEGMENT + WAL_PAGE_SIZE);
	return b->bytes;
}

static struct transfer_spec
make_spec(const struct directory *directory, const char *file, enum codec codec)
{
	return (struct transfer_spec){
		.archive = directory,
		.file = file,
		.codec = codec,
		.segment = SEGMENT,
		.system_identifier = WAL_BUILDER_SYSTEM,
		.verify = true,
		.target = directory,
		.temporary = TEMPORARY,
	};
}

static void
assert_refused(const struct transfer_spec *spec, enum error_code code)
{
	struct transfer_result result;
	struct error error;

	assert_false(transfer_segment(spec, &result, &error));
	assert_int_equal(error.code, code);
	assert_int_not_equal(
		faccessat(spec->target->fd, TEMPORARY, F_OK, 0), 0);
}

static void
copies_every_codec(void **state)
{
	struct wal_builder b;
	const unsigned char *bytes = build(&b);

	for (size_t i = 0; i < CODEC_COUNT; i++) {
		struct transfer_spec spec =
			make_spec(*state, "file", codecs[i]);
		struct transfer_result result;
		struct error error;

		if (!codec_available(codecs[i]))
			continue;
		file_encode(
			*state, "file", codecs[i], bytes, WAL_BUILDER_SEGMENT);
		assert_true(transfer_segment(&spec, &result, &error));
		assert_plain(*state, TEMPORARY, CODEC_NONE, bytes,
			WAL_BUILDER_SEGMENT);
		assert_int_equal(result.timeline, 1);
		assert_int_equal(result.number, 5);
		assert_int_equal(result.segment_size, WAL_BUILDER_SEGMENT);
		assert_true(
			result.verifier.position == BASE + WAL_BUILDER_SEGMENT);
	}
	wal_builder_free(&b);
}

static void
refuses_a_damaged_record(void **state)
{
	struct wal_builder b;
	unsigned char *bytes = build(&b);

	for (size_t at = WAL_LONG_HEADER_LEN; at < WAL_BUILDER_SEGMENT;
		at += WAL_BUILDER_SEGMENT / 7) {
		bytes[at + 4] ^= 0x40;
		for (size_t i = 0; i < CODEC_COUNT; i++) {
			struct transfer_spec spec =
				make_spec(*state, "file", codecs[i]);
			struct transfer_result result;
			struct error error;

			if (!codec_available(codecs[i]))
				continue;
			file_encode(*state, "file", codecs[i], bytes,
				WAL_BUILDER_SEGMENT);
			assert_refused(&spec, ERR_DAMAGED);
			spec.verify = false;
			assert_true(transfer_segment(&spec, &result, &error));
			assert_plain(*state, TEMPORARY, CODEC_NONE, bytes,
				WAL_BUILDER_SEGMENT);
		}
		bytes[at + 4] ^= 0x40;
	}
	wal_builder_free(&b);
}

static void
refuses_another_size(void **state)
{
	static const size_t lens[] = {0, 1, WAL_LONG_HEADER_LEN - 1,
		WAL_LONG_HEADER_LEN, WAL_BUILDER_SEGMENT / 2,
		WAL_BUILDER_SEGMENT - 1, WAL_BUILDER_SEGMENT + 1,
		WAL_BUILDER_SEGMENT + WAL_PAGE_SIZE};
	struct wal_builder b;
	const unsigned char *bytes = build(&b);

	for (size_t n = 0; n < 2 * sizeof(lens) / sizeof(lens[0]); n++) {
		size_t len = lens[n / 2];

		for (size_t i = 0; i < CODEC_COUNT; i++) {
			struct transfer_spec spec =
				make_spec(*state, "file", codecs[i]);

			spec.verify = n % 2 == 0;
			if (!codec_available(codecs[i]))
				continue;
			file_encode(*state, "file", codecs[i], bytes, len);
			assert_refused(&spec, ERR_DAMAGED);
		}
	}
	wal_builder_free(&b);
}

static void
refuses_a_damaged_stream(void **state)
{
	struct wal_builder b;
	const unsigned char *bytes = build(&b);

	for (size_t i = 1; i < CODEC_COUNT; i++) {
		struct transfer_spec spec =
			make_spec(*state, "file", codecs[i]);
		size_t len;

		if (!codec_available(codecs[i]))
			continue;
		file_encode(
			*state, "file", codecs[i], bytes, WAL_BUILDER_SEGMENT);
		len = file_size(*state, "file");
		file_cut(*state, "file", len - 1);
		spec.verify = false;
		assert_refused(&spec, ERR_DAMAGED);
		file_cut(*state, "file", len / 2);
		assert_refused(&spec, ERR_DAMAGED);
	}
	wal_builder_free(&b);
}

/* Nothing is written before the first page header was found right. */
static void
refuses_what_is_not_of_its_name(void **state)
{
	struct transfer_spec spec = make_spec(*state, "file", CODEC_NONE);
	struct wal_builder b;
	unsigned char *bytes = build(&b);

	file_encode(*state, "file", CODEC_NONE, bytes, WAL_BUILDER_SEGMENT);
	spec.verify = false;
	spec.segment = "000000010000000000000006";
	assert_refused(&spec, ERR_DAMAGED);
	spec.segment = SEGMENT;
	spec.system_identifier = WAL_BUILDER_SYSTEM + 1;
	assert_refused(&spec, ERR_DIVERGED);
	spec.system_identifier = 0;
	wal_put_le(bytes + 4, 2, 4);
	file_encode(*state, "file", CODEC_NONE, bytes, WAL_BUILDER_SEGMENT);
	assert_refused(&spec, ERR_DAMAGED);
	wal_put_le(bytes + 4, 1, 4);
	wal_put_le(bytes + 32, WAL_BUILDER_SEGMENT * 2, 4);
	file_encode(*state, "file", CODEC_NONE, bytes, WAL_BUILDER_SEGMENT);
	assert_refused(&spec, ERR_DAMAGED);
	wal_put_le(bytes + 32, WAL_BUILDER_SEGMENT + 8, 4);
	file_encode(*state, "file", CODEC_NONE, bytes, WAL_BUILDER_SEGMENT);
	assert_refused(&spec, ERR_DAMAGED);
	memset(bytes, 0, WAL_BUILDER_SEGMENT);
	file_encode(*state, "file", CODEC_NONE, bytes, WAL_BUILDER_SEGMENT);
	assert_refused(&spec, ERR_DAMAGED);
	spec.file = "missing";
	assert_refused(&spec, ERR_NOT_FOUND);
	wal_builder_free(&b);
}

/* A timeline's first segment begins with pages of the one that it left. */
static void
takes_a_younger_timeline(void **state)
{
	struct transfer_spec spec = make_spec(*state, "file", CODEC_NONE);
	struct transfer_result result;
	struct wal_builder b;
	struct error error;
	const unsigned char *bytes = build(&b);

	file_encode(*state, "file", CODEC_NONE, bytes, WAL_BUILDER_SEGMENT);
	spec.segment = "000000030000000000000005";
	assert_true(transfer_segment(&spec, &result, &error));
	assert_int_equal(result.timeline, 3);
	wal_builder_free(&b);
}

static void
fills_an_open_segment_up(void **state)
{
	unsigned char *expected = calloc(1, WAL_BUILDER_SEGMENT);
	size_t len = WAL_BUILDER_SEGMENT / 3;
	struct wal_builder b;
	const unsigned char *bytes = build(&b);

	assert_non_null(expected);
	memcpy(expected, bytes, len);
	for (size_t i = 0; i < CODEC_COUNT; i++) {
		struct transfer_spec spec =
			make_spec(*state, "file", codecs[i]);
		struct transfer_result result;
		struct error error;

		if (!codec_available(codecs[i]))
			continue;
		spec.open = true;
		file_encode(*state, "file", codecs[i], bytes, len);
		assert_true(transfer_segment(&spec, &result, &error));
		assert_plain(*state, TEMPORARY, CODEC_NONE, expected,
			WAL_BUILDER_SEGMENT);
		assert_true(result.verifier.position == BASE + len);

		file_encode(*state, "file", codecs[i], expected,
			WAL_BUILDER_SEGMENT);
		assert_true(transfer_segment(&spec, &result, &error));
		assert_plain(*state, TEMPORARY, CODEC_NONE, expected,
			WAL_BUILDER_SEGMENT);
		assert_int_equal(result.fault.code, ERR_DAMAGED);
		assert_in_range(
			result.verifier.boundary, BASE + len / 2, BASE + len);
	}
	wal_builder_free(&b);
	free(expected);
}

/* Somebody else's link at the temporary name is not written through. */
static void
follows_no_link(void **state)
{
	const struct directory *directory = *state;
	struct transfer_spec spec = make_spec(directory, "file", CODEC_NONE);
	struct transfer_result result;
	struct wal_builder b;
	struct error error;
	const unsigned char *bytes = build(&b);

	file_encode(directory, "file", CODEC_NONE, bytes, WAL_BUILDER_SEGMENT);
	file_store(directory, "victim", "precious", 8);
	assert_int_equal(symlinkat("victim", directory->fd, TEMPORARY), 0);
	assert_true(transfer_segment(&spec, &result, &error));
	assert_plain(directory, "victim", CODEC_NONE, "precious", 8);
	assert_plain(
		directory, TEMPORARY, CODEC_NONE, bytes, WAL_BUILDER_SEGMENT);
	wal_builder_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(copies_every_codec),
		directory_test(refuses_a_damaged_record),
		directory_test(refuses_another_size),
		directory_test(refuses_a_damaged_stream),
		directory_test(refuses_what_is_not_of_its_name),
		directory_test(takes_a_younger_timeline),
		directory_test(fills_an_open_segment_up),
		directory_test(follows_no_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
