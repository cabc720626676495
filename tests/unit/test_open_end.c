/*
 * Open segments that end anywhere, and open segments that are damaged anywhere.
 */
#include "restore/open_end.h"

#include "archive_files.h"
#include "wal_builder.h"

#define BASE ((lsn)7 * WAL_BUILDER_SEGMENT)
#define ROUNDS 600

/* Two thirds of a segment; it begins with the rest of a record. */
static void
build(struct wal_builder *b, uint32_t seed)
{
	wal_builder_init(b, BASE - WAL_BUILDER_SEGMENT);
	b->seed = seed;
	wal_builder_add_many(b, WAL_BUILDER_SEGMENT - 20000);
	wal_builder_add(b, 60000);
	wal_builder_add_many(b, WAL_BUILDER_SEGMENT * 5 / 3);
}

/* Verify the segment up to a fault; false: there is none. */
static bool
verify(struct record_verifier *verifier, const unsigned char *segment)
{
	const struct wal_identity identity = {
		WAL_BUILDER_SYSTEM, WAL_BUILDER_SEGMENT};
	struct error error;

	record_verifier_init(verifier, &identity);
	record_verifier_start(verifier, 1, BASE, LSN_NONE);
	return !record_verifier_feed(
		verifier, segment, WAL_BUILDER_SEGMENT, &error);
}

static bool
is_damaged(const struct directory *directory, const unsigned char *segment,
	const struct record_verifier *verifier)
{
	struct error error;
	bool damaged;

	file_store(directory, "file", segment, WAL_BUILDER_SEGMENT);
	assert_true(
		open_end_check(directory, "file", verifier, &damaged, &error));
	return damaged;
}

/* Only bytes before len have come: that is never damage. */
static void
an_end_is_no_damage(void **state)
{
	unsigned char *segment = malloc(WAL_BUILDER_SEGMENT);
	struct record_verifier verifier;
	struct wal_builder b;

	assert_non_null(segment);
	build(&b, 3);
	for (int i = 0; i < ROUNDS; i++) {
		size_t room = (size_t)(b.at - BASE) - WAL_LONG_HEADER_LEN;
		size_t len =
			WAL_LONG_HEADER_LEN + wal_builder_random(&b) % room;

		/* Every length around some page borders, too. */
		if (i % 2 == 0)
			len = len / WAL_PAGE_SIZE * WAL_PAGE_SIZE +
				(size_t)i / 2 % 100 + WAL_LONG_HEADER_LEN;
		memset(segment, 0, WAL_BUILDER_SEGMENT);
		memcpy(segment, wal_builder_at(&b, BASE), len);
		assert_true(verify(&verifier, segment));
		if (is_damaged(*state, segment, &verifier))
			fail_msg("%zu bytes look damaged", len);
	}
	wal_builder_free(&b);
	free(segment);
}

/* A fault with more records behind it is told from an end. */
static void
damage_is_found(void **state)
{
	unsigned char *segment = malloc(WAL_BUILDER_SEGMENT);
	struct record_verifier sound;
	struct record_verifier verifier;
	struct wal_builder b;
	int found = 0;

	assert_non_null(segment);
	build(&b, 4);
	memset(segment, 0, WAL_BUILDER_SEGMENT);
	memcpy(segment, wal_builder_at(&b, BASE), (size_t)(b.at - BASE));
	assert_true(verify(&sound, segment));
	for (int i = 0; i < ROUNDS; i++) {
		size_t at = wal_builder_random(&b) % (size_t)(b.at - BASE);
		unsigned char bit = (unsigned char)(1 << (i % 8));

		segment[at] ^= bit;
		/* Padding and what belongs to an unseen record: no fault. */
		if (verify(&verifier, segment) &&
			verifier.boundary < sound.previous &&
			BASE + at < sound.previous) {
			found++;
			if (!is_damaged(*state, segment, &verifier))
				fail_msg("byte %zu, bit %02X: not seen", at,
					bit);
		}
		segment[at] ^= bit;
	}
	assert_in_range(found, ROUNDS / 2, ROUNDS);
	wal_builder_free(&b);
	free(segment);
}

/* A page that never reached the disk, with others behind it. */
static void
a_lost_page_is_found(void **state)
{
	unsigned char *segment = malloc(WAL_BUILDER_SEGMENT);
	struct record_verifier verifier;
	struct wal_builder b;

	assert_non_null(segment);
	build(&b, 5);
	for (size_t page = WAL_PAGE_SIZE;
		BASE + page + 2 * WAL_PAGE_SIZE < b.at; page += WAL_PAGE_SIZE) {
		memset(segment, 0, WAL_BUILDER_SEGMENT);
		memcpy(segment, wal_builder_at(&b, BASE),
			(size_t)(b.at - BASE));
		memset(segment + page, 0, WAL_PAGE_SIZE);
		assert_true(verify(&verifier, segment));
		assert_true(is_damaged(*state, segment, &verifier));
	}
	wal_builder_free(&b);
	free(segment);
}

/* What a recycled file held before lies behind the end: other positions. */
static void
a_recycled_file_is_no_damage(void **state)
{
	unsigned char *segment = malloc(WAL_BUILDER_SEGMENT);
	struct record_verifier verifier;
	struct wal_builder b;

	assert_non_null(segment);
	build(&b, 6);
	for (size_t len = 3000; BASE + len < b.at; len += 5 * WAL_PAGE_SIZE) {
		memcpy(segment, b.bytes, WAL_BUILDER_SEGMENT);
		memcpy(segment, wal_builder_at(&b, BASE), len);
		assert_true(verify(&verifier, segment));
		assert_false(is_damaged(*state, segment, &verifier));
	}
	wal_builder_free(&b);
	free(segment);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(an_end_is_no_damage),
		directory_test(damage_is_found),
		directory_test(a_lost_page_is_found),
		directory_test(a_recycled_file_is_no_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
