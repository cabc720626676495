/*
 * One segment, and what lies across its end: verify/segment_check.c,
 * crossing.c and what they read with.
 */
#include "verify/segment_check.h"

#include "verify/segment_input.h"
#include "verify_archive.h"

#define FILE_5 "000000010000000000000005"
#define FILE_6 "000000010000000000000006"
#define FILE_7 "000000010000000000000007"

/* Three segments; a record goes across each border. */
static void
build(struct wal_builder *b)
{
	wal_builder_init(b, (lsn)FIRST * SIZE);
	for (size_t i = 1; i < 3; i++) {
		wal_builder_add_many(b, i * SIZE - 70000);
		while (wal_builder_len(b) < i * SIZE - 9000)
			wal_builder_add(b, 800);
		wal_builder_add(b, 20000);
	}
	wal_builder_add_many(b, 3 * SIZE - 70000);
	while (wal_builder_len(b) < 3 * SIZE - 9000)
		wal_builder_add(b, 800);
	wal_builder_add(b, 9500);
	assert_true(wal_builder_len(b) > 3 * SIZE);
}

static void
store_all(const struct directory *directory, struct wal_builder *b)
{
	for (uint64_t number = FIRST; number < FIRST + 3; number++)
		store(directory, b, number);
}

static void
test_sound(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;

	build(&b);
	store_all(directory, &b);
	assert_clean(directory, 3);
	wal_builder_free(&b);
}

static void
test_codecs(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;

	build(&b);
	for (int codec = CODEC_GZIP; codec < CODECS; codec++) {
		const struct archive_name name = {NAME_SEGMENT, 1,
			FIRST + (uint64_t)codec - 1, (enum codec)codec};

		if (codec_available((enum codec)codec))
			store_as(directory, &b, &name);
		else
			store(directory, &b, name.number);
	}
	assert_clean(directory, 3);
	wal_builder_free(&b);
}

/* One byte in the middle of a segment is another one. */
static void
test_damaged_record(void **state)
{
	const struct directory *directory = *state;
	struct verify_report report;
	struct wal_builder b;

	build(&b);
	*wal_builder_at(&b, 6 * SIZE + SIZE / 2 + 77) ^= 4;
	store_all(directory, &b);
	report = verify_all(directory);
	assert_finding(&report, FINDING_DAMAGE, FILE_6, " at 0/");
	assert_in_range(report.findings->items[0].at,
		6 * SIZE + SIZE / 2 - 60000, 6 * SIZE + SIZE / 2 + 77);
	assert_int_equal(findings_code(report.findings), ERR_DAMAGED);
	verify_report_free(&report);
	wal_builder_free(&b);
}

/* The stream is the cause, not the record that it spoils. */
static void
test_damaged_stream(void **state)
{
	const struct directory *directory = *state;
	const struct archive_name name = {NAME_SEGMENT, 1, 6, CODEC_GZIP};
	struct wal_builder b;
	unsigned char *bytes;
	size_t len;

	build(&b);
	store(directory, &b, 5);
	store_as(directory, &b, &name);
	store(directory, &b, 7);
	bytes = file_load(directory, FILE_6 ".gz", &len);
	bytes[len / 2] ^= 1;
	file_store(directory, FILE_6 ".gz", bytes, len);
	assert_found(
		directory, FINDING_DAMAGE, FILE_6 ".gz", "could not read file");

	/* Cut, and with something behind. */
	bytes[len / 2] ^= 1;
	file_store(directory, FILE_6 ".gz", bytes, len - 3);
	assert_found(
		directory, FINDING_DAMAGE, FILE_6 ".gz", "could not read file");
	bytes = realloc(bytes, len + 1);
	assert_non_null(bytes);
	bytes[len] = 0;
	file_store(directory, FILE_6 ".gz", bytes, len + 1);
	assert_found(
		directory, FINDING_DAMAGE, FILE_6 ".gz", "could not read file");
	free(bytes);
	wal_builder_free(&b);
}

static void
test_sizes(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;

	build(&b);
	store_all(directory, &b);
	file_store(directory, FILE_6, wal_builder_at(&b, 6 * SIZE), SIZE - 1);
	assert_found(
		directory, FINDING_DAMAGE, FILE_6, "too short: 1048575 bytes");
	file_store(directory, FILE_6, wal_builder_at(&b, 6 * SIZE), 0);
	assert_found(directory, FINDING_DAMAGE, FILE_6, "too short: 0 bytes");
	file_store(directory, FILE_6, wal_builder_at(&b, 6 * SIZE), SIZE + 1);
	assert_found(directory, FINDING_DAMAGE, FILE_6, "longer than");
	wal_builder_free(&b);
}

/* The valid WAL of a complete segment ends before the segment does. */
static void
test_not_full(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;

	build(&b);
	store_all(directory, &b);
	memset(wal_builder_at(&b, 7 * SIZE + SIZE / 2), 0, SIZE / 2);
	store(directory, &b, 7);
	assert_found(directory, FINDING_DAMAGE, FILE_7, " at 0/");
	wal_builder_free(&b);
}

/* A record is damaged in the part that lies in the next segment. */
static void
test_damage_behind_the_border(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;

	build(&b);
	*wal_builder_at(&b, 6 * SIZE + 100) ^= 1;
	store_all(directory, &b);
	assert_found(directory, FINDING_DAMAGE, FILE_5,
		"\"" FILE_6 "\" does not carry it on: invalid record checksum");
	wal_builder_free(&b);
}

/* A segment is exchanged for one whose WAL is sound in itself. */
static void
test_other_wal(void **state)
{
	const struct directory *directory = *state;
	struct verify_report report;
	struct wal_builder b;
	struct wal_builder other;

	build(&b);
	wal_builder_init(&other, (lsn)FIRST * SIZE);
	other.seed = 7;
	wal_builder_add_many(&other, 3 * SIZE);
	store_all(directory, &b);
	store(directory, &other, 6);
	report = verify_all(directory);
	assert_int_equal(report.findings->count, 2);
	assert_string_equal(report.findings->items[0].file, FILE_5);
	assert_string_equal(report.findings->items[1].file, FILE_6);
	verify_report_free(&report);
	wal_builder_free(&other);
	wal_builder_free(&b);
}

/* No record goes across; the link of the first record behind is wrong. */
static void
test_link_across(void **state)
{
	const struct directory *directory = *state;
	unsigned char *record;
	struct wal_builder b;
	lsn at;

	wal_builder_init(&b, (lsn)FIRST * SIZE);
	wal_builder_add_many(&b, SIZE - 70000);
	while (wal_builder_len(&b) < SIZE - 9000)
		wal_builder_add(&b, 800);
	while (wal_builder_len(&b) < SIZE - WAL_PAGE_SIZE)
		wal_builder_add(&b, 24);
	wal_builder_leave_room(&b, 0);
	assert_int_equal(wal_builder_len(&b), SIZE);
	at = wal_builder_add(&b, 100);
	wal_builder_add_many(&b, 2 * SIZE);
	store(directory, &b, 5);
	store(directory, &b, 6);
	assert_clean(directory, 2);

	record = wal_builder_at(&b, at);
	wal_put_le(record + 8, at - 4096, 8);
	wal_seal_record(record, 100);
	store(directory, &b, 6);
	assert_found(directory, FINDING_DAMAGE, FILE_5,
		"does not carry it on: incorrect prev-link");
	wal_builder_free(&b);
}

/* A record that fills segments; every one of them is needed to prove it. */
static void
test_long_record(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;

	wal_builder_init(&b, (lsn)FIRST * SIZE);
	wal_builder_add_many(&b, SIZE / 2);
	wal_builder_add(&b, 5 * SIZE / 2);
	wal_builder_add_many(&b, 3 * SIZE + SIZE / 4);
	for (uint64_t number = FIRST; number < FIRST + 3; number++)
		store(directory, &b, number);
	store_open(directory, &b, FIRST + 3);
	assert_clean(directory, 4);

	*wal_builder_at(&b, 8 * SIZE + 100) ^= 1;
	store_open(directory, &b, FIRST + 3);
	assert_found(directory, FINDING_DAMAGE, FILE_5,
		"\"000000010000000000000008.partial\" does not carry it on");
	*wal_builder_at(&b, 8 * SIZE + 100) ^= 1;
	store_open(directory, &b, FIRST + 3);
	*wal_builder_at(&b, 6 * SIZE + SIZE / 2 + 99) ^= 1;
	store(directory, &b, FIRST + 1);
	assert_found(directory, FINDING_DAMAGE, FILE_5,
		"\"000000010000000000000008.partial\" does not carry it on");
	wal_builder_free(&b);
}

/* A crash gave a record up: the next segment begins afresh, and says so. */
static void
test_overwritten_contrecord(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;
	lsn last;

	wal_builder_init(&b, (lsn)FIRST * SIZE);
	wal_builder_add_many(&b, SIZE - 70000);
	while (wal_builder_len(&b) < SIZE - 9000)
		wal_builder_add(&b, 800);
	last = b.previous;
	wal_builder_add_unfinished(&b, 30000,
		SIZE - wal_builder_len(&b) - 2 * WAL_PAGE_HEADER_LEN);
	b.at = 6 * SIZE;
	b.previous = last;
	b.next_flags = 8;
	wal_builder_add_many(&b, 2 * SIZE);
	store(directory, &b, 5);
	store(directory, &b, 6);
	assert_clean(directory, 2);
	wal_builder_free(&b);
}

static void
test_switch(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;

	wal_builder_init(&b, (lsn)FIRST * SIZE);
	wal_builder_add_many(&b, SIZE / 3);
	wal_builder_add_switch(&b, false);
	wal_builder_add_many(&b, SIZE + SIZE / 4);
	wal_builder_add_switch(&b, true);
	wal_builder_add_many(&b, 3 * SIZE);
	store_all(directory, &b);
	assert_clean(directory, 3);
	*wal_builder_at(&b, 5 * SIZE + SIZE / 2 + 99) = 1;
	store(directory, &b, 5);
	assert_found(directory, FINDING_DAMAGE, FILE_5,
		"is not zero after the segment switch");
	wal_builder_free(&b);
}

static void
test_another_cluster(void **state)
{
	const struct directory *directory = *state;
	struct verify_report report;
	struct wal_builder b;

	build(&b);
	store_all(directory, &b);
	wal_put_le(wal_builder_at(&b, 6 * SIZE) + 24, 77, 8);
	store(directory, &b, 6);
	report = verify_all(directory);
	assert_string_equal(report.findings->items[0].file, FILE_6);
	assert_int_equal(report.findings->items[0].kind, FINDING_CLUSTER);
	assert_int_equal(report.findings->count, 1);
	assert_int_equal(findings_code(report.findings), ERR_DIVERGED);
	verify_report_free(&report);
	wal_builder_free(&b);
}

static void
test_swapped_names(void **state)
{
	const struct directory *directory = *state;
	struct verify_report report;
	struct wal_builder b;

	build(&b);
	store_all(directory, &b);
	file_store(directory, FILE_5, wal_builder_at(&b, 7 * SIZE), SIZE);
	file_store(directory, FILE_7, wal_builder_at(&b, 5 * SIZE), SIZE);
	report = verify_all(directory);
	assert_int_equal(report.findings->count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_non_null(strstr(report.findings->items[i].message,
			"unexpected page address"));
	assert_string_equal(report.findings->items[0].file, FILE_5);
	assert_string_equal(report.findings->items[1].file, FILE_7);
	verify_report_free(&report);
	wal_builder_free(&b);
}

/* Segment 6, and 7 up to its middle, are timeline 1's; then comes timeline 2.
 */
static void
build_fork(struct wal_builder *b, char *history, size_t size)
{
	build(b);
	b->at = 6 * SIZE;
	wal_builder_free(b);
	wal_builder_init(b, (lsn)FIRST * SIZE);
	wal_builder_add_many(b, 2 * SIZE - 9000);
	wal_builder_add(b, 20000);
	wal_builder_add_many(b, 2 * SIZE + SIZE / 2);
	(void)snprintf(history, size, "1\t" LSN_FORMAT "\tpromoted\n",
		LSN_ARGS(b->at));
	b->timeline = 2;
	wal_builder_add_many(b, 3 * SIZE + SIZE / 2);
}

static void
store_fork(const struct directory *directory, struct wal_builder *b)
{
	b->timeline = 1;
	store(directory, b, 5);
	store(directory, b, 6);
	b->timeline = 2;
	store(directory, b, 7);
	store_open(directory, b, 8);
}

static void
test_fork(void **state)
{
	const struct directory *directory = *state;
	char history[64];
	struct wal_builder b;

	build_fork(&b, history, sizeof(history));
	store_fork(directory, &b);
	store_history(directory, 2, history);
	assert_clean(directory, 4);

	/* What the record needs that began on timeline 1. */
	*wal_builder_at(&b, 7 * SIZE + 100) ^= 1;
	store(directory, &b, 7);
	assert_found(directory, FINDING_DAMAGE, FILE_6,
		"\"000000020000000000000007\" does not carry it on");
	wal_builder_free(&b);
}

static void
test_wrong_timeline(void **state)
{
	const struct directory *directory = *state;
	const struct archive_name early = {NAME_SEGMENT, 2, 6, CODEC_NONE};
	const struct archive_name late = {NAME_SEGMENT, 1, 7, CODEC_NONE};
	char history[64];
	struct wal_builder b;

	build_fork(&b, history, sizeof(history));
	store_fork(directory, &b);
	store_history(directory, 2, history);

	/* Timeline 2 has no segment 6. */
	store_as(directory, &b, &early);
	assert_found(directory, FINDING_DAMAGE, "000000020000000000000006",
		"timeline 2 begins at 0/00700000, behind this segment");
	assert_int_equal(
		unlinkat(directory->fd, "000000020000000000000006", 0), 0);

	/* Timeline 1's segment 7 has no pages of timeline 2. */
	store_as(directory, &b, &late);
	assert_found(
		directory, FINDING_DAMAGE, FILE_7, "unexpected timeline 2");
	assert_int_equal(unlinkat(directory->fd, FILE_7, 0), 0);

	/* Timeline 2's has none of timeline 1 behind the switch. */
	for (lsn page = 7 * SIZE; page < 8 * SIZE; page += WAL_PAGE_SIZE)
		wal_put_le(wal_builder_at(&b, page) + 4, 1, 4);
	store(directory, &b, 7);
	assert_found(directory, FINDING_DAMAGE, "000000020000000000000007",
		"the history has timeline 2 there");
	wal_builder_free(&b);
}

/* An open segment counts as far as it is filled. */
static void
test_open(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;
	lsn end;

	build(&b);
	store(directory, &b, 5);
	for (lsn cut = 6 * SIZE; cut < 7 * SIZE; cut += SIZE / 16 + 1) {
		memset(wal_builder_at(&b, cut), 0, (size_t)(7 * SIZE - cut));
		store_open(directory, &b, 6);
		assert_clean(directory, 2);
		wal_builder_free(&b);
		build(&b);
	}

	/* Bytes that are wrong below others are damage. */
	end = 6 * SIZE + SIZE / 2;
	memset(wal_builder_at(&b, end), 0, SIZE / 2);
	*wal_builder_at(&b, 6 * SIZE + SIZE / 4) ^= 1;
	store_open(directory, &b, 6);
	assert_found(directory, FINDING_DAMAGE, FILE_6 ".partial", " at 0/006");
	*wal_builder_at(&b, 6 * SIZE + SIZE / 4) ^= 1;
	memset(wal_builder_at(&b, 6 * SIZE + SIZE / 4), 0, 16384);
	store_open(directory, &b, 6);
	assert_found(directory, FINDING_DAMAGE, FILE_6 ".partial", " at 0/006");

	/* No bytes yet is no fault; another size is. */
	file_store(directory, FILE_6 ".partial", "", 0);
	assert_clean(directory, 2);
	file_store(directory, FILE_6 ".partial", "x", 1);
	assert_found(directory, FINDING_DAMAGE, FILE_6 ".partial",
		"of a wrong size: 1 bytes");
	wal_builder_free(&b);
}

/* Servers archive an open segment with what the file held before. */
static void
test_open_recycled(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;

	build(&b);
	store(directory, &b, 5);
	memset(wal_builder_at(&b, 6 * SIZE + 40 * WAL_PAGE_SIZE + 300), 0,
		WAL_PAGE_SIZE - 300);
	memcpy(wal_builder_at(&b, 6 * SIZE + 41 * WAL_PAGE_SIZE),
		wal_builder_at(&b, 5 * SIZE + 41 * WAL_PAGE_SIZE),
		SIZE - 41 * WAL_PAGE_SIZE);
	store_open(directory, &b, 6);
	assert_clean(directory, 2);
	wal_builder_free(&b);
}

static void
test_open_in_codecs(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;
	char file[ARCHIVE_NAME_MAX];

	build(&b);
	store(directory, &b, 5);
	for (int i = CODEC_GZIP; i < CODECS; i++) {
		enum codec codec = (enum codec)i;
		unsigned char *bytes;
		size_t len;

		if (!codec_available(codec))
			continue;
		segment_file(file, 1, 6, codec, NAME_PARTIAL);
		file_encode(directory, file, codec,
			wal_builder_at(&b, 6 * SIZE), 300001);
		assert_clean(directory, 2);
		bytes = file_load(directory, file, &len);
		bytes[len / 2] ^= 2;
		file_store(directory, file, bytes, len);
		assert_found(directory, FINDING_DAMAGE, file, "could not read");
		free(bytes);
		assert_int_equal(unlinkat(directory->fd, file, 0), 0);
	}
	wal_builder_free(&b);
}

/* Pages of a version to come are not known, and no fault. */
static void
test_unknown_version(void **state)
{
	const struct directory *directory = *state;
	struct verify_report report;
	struct wal_builder b;

	wal_builder_init(&b, (lsn)FIRST * SIZE);
	b.magic = 0xD7FF;
	wal_builder_add_many(&b, 2 * SIZE);
	store(directory, &b, 5);
	store(directory, &b, 6);
	report = verify_all(directory);
	assert_int_equal(report.findings->count, 0);
	assert_int_equal(report.unknown, 2);
	verify_report_free(&report);

	/* But one page of another version is. */
	wal_put_le(wal_builder_at(&b, 5 * SIZE), 0xD7FE, 2);
	store(directory, &b, 5);
	assert_found(
		directory, FINDING_DAMAGE, FILE_5, "invalid magic number D7FF");
	wal_builder_free(&b);
}

/* What one job of a run works with. */
struct fixture {
	struct inventory inventory;
	struct tally tally;
	struct checker checker;
};

static void
begin(struct fixture *f, const struct directory *directory)
{
	struct error error;

	assert_true(inventory_read(&f->inventory, directory, &error));
	assert_true(tally_init(&f->tally, &error));
	f->checker = (struct checker){
		directory, &f->inventory, &f->tally, malloc(SEGMENT_PIECE)};
	assert_non_null(f->checker.buffer);
}

static void
end(struct fixture *f)
{
	free(f->checker.buffer);
	tally_free(&f->tally);
	inventory_free(&f->inventory);
}

/* A file got another name, or went away, since the directory was read. */
static void
test_vanishing(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;
	struct fixture f;
	struct error error;

	build(&b);
	store(directory, &b, 5);
	store_open(directory, &b, 6);
	begin(&f, directory);
	assert_int_equal(renameat(directory->fd, FILE_6 ".partial",
				 directory->fd, FILE_6),
		0);
	assert_true(segment_check(&f.checker, &f.inventory.files[0], &error));
	assert_true(segment_check(&f.checker, &f.inventory.files[1], &error));
	assert_int_equal(f.tally.findings->count, 0);
	assert_int_equal(f.tally.segments, 2);
	assert_int_equal(f.tally.open_count, 0);

	assert_int_equal(unlinkat(directory->fd, FILE_6, 0), 0);
	assert_true(segment_check(&f.checker, &f.inventory.files[0], &error));
	assert_true(segment_check(&f.checker, &f.inventory.files[1], &error));
	assert_int_equal(f.tally.findings->count, 0);
	assert_int_equal(f.tally.segments, 3);
	assert_int_equal(f.tally.vanished, 1);
	end(&f);
	wal_builder_free(&b);
}

/* One that cannot be opened is told of; the others go on. */
static void
test_not_a_file(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;

	build(&b);
	store(directory, &b, 5);
	store(directory, &b, 7);
	assert_int_equal(mkdirat(directory->fd, FILE_6, 0700), 0);
	assert_found(directory, FINDING_DAMAGE, FILE_6, "");
	wal_builder_free(&b);
}

static void
test_stopped(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder b;
	struct fixture f;
	struct error error;

	build(&b);
	*wal_builder_at(&b, 5 * SIZE + SIZE / 2) ^= 1;
	store(directory, &b, 5);
	begin(&f, directory);
	atomic_store(&f.tally.stop, true);
	assert_true(segment_check(&f.checker, &f.inventory.files[0], &error));
	assert_int_equal(f.tally.findings->count, 0);
	assert_int_equal(f.tally.segments, 0);
	end(&f);
	wal_builder_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_sound),
		directory_test(test_codecs),
		directory_test(test_damaged_record),
		directory_test(test_damaged_stream),
		directory_test(test_sizes),
		directory_test(test_not_full),
		directory_test(test_damage_behind_the_border),
		directory_test(test_other_wal),
		directory_test(test_link_across),
		directory_test(test_long_record),
		directory_test(test_overwritten_contrecord),
		directory_test(test_switch),
		directory_test(test_another_cluster),
		directory_test(test_swapped_names),
		directory_test(test_fork),
		directory_test(test_wrong_timeline),
		directory_test(test_open),
		directory_test(test_open_recycled),
		directory_test(test_open_in_codecs),
		directory_test(test_unknown_version),
		directory_test(test_vanishing),
		directory_test(test_not_a_file),
		directory_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
