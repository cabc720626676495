#include "archive/resume.h"

#include "archive/gap_record.h"
#include "archive/segment_reader.h"
#include "archive_files.h"
#include "wal_builder.h"

#include <zlib.h>

#define SIZE WAL_BUILDER_SEGMENT
#define BASE ((lsn)0x1200000000)

/* The segments from BASE on, without their timeline. */
#define A "0000001200000000"
#define B "0000001200000001"
#define C "0000001200000002"
#define T1 "00000001"
#define T2 "00000002"
#define T3 "00000003"

/* What happens beside the wrapped functions, and what they were called for. */
struct beside {
	const char *listed; /* this file goes once the directory was read */
	bool comes_back;    /* and is there again for the next reading */
	const char *opened; /* this one goes */
	int opening;	    /* at this opening of it; 0: never */
	bool held_open;	    /* behind the opening, not before */
	int looks;	    /* readings of the directory */
	size_t written;	    /* bytes since the last sync of a file */
	size_t synced;	    /* those of them that were synced */
	int directory_syncs;
};

static struct beside beside;

bool __wrap_catalog_scan(struct catalog *catalog,
	const struct directory *directory, uint32_t segment_size,
	struct error *error);
bool __real_catalog_scan(struct catalog *catalog,
	const struct directory *directory, uint32_t segment_size,
	struct error *error);
bool __wrap_segment_reader_open(struct segment_reader **reader,
	const struct directory *directory, const char *name, enum codec codec,
	struct error *error);
bool __real_segment_reader_open(struct segment_reader **reader,
	const struct directory *directory, const char *name, enum codec codec,
	struct error *error);
bool __wrap_durable_write(int fd, const char *name, const void *data,
	size_t len, uint64_t offset, struct error *error);
bool __real_durable_write(int fd, const char *name, const void *data,
	size_t len, uint64_t offset, struct error *error);
bool __wrap_durable_sync(const struct directory *directory, int fd,
	const char *name, struct error *error);
bool __real_durable_sync(const struct directory *directory, int fd,
	const char *name, struct error *error);
bool __wrap_durable_sync_directory(
	const struct directory *directory, struct error *error);
bool __real_durable_sync_directory(
	const struct directory *directory, struct error *error);

bool
__wrap_catalog_scan(struct catalog *catalog, const struct directory *directory,
	uint32_t segment_size, struct error *error)
{
	bool success;

	if (beside.comes_back)
		file_store(directory, beside.listed, "", 0);
	success = __real_catalog_scan(catalog, directory, segment_size, error);
	if (beside.listed != NULL)
		(void)unlinkat(directory->fd, beside.listed, 0);
	beside.looks++;
	return success;
}

bool
__wrap_segment_reader_open(struct segment_reader **reader,
	const struct directory *directory, const char *name, enum codec codec,
	struct error *error)
{
	bool goes = beside.opening > 0 && strcmp(name, beside.opened) == 0 &&
		--beside.opening == 0;
	bool success;

	if (goes && !beside.held_open)
		assert_int_equal(unlinkat(directory->fd, name, 0), 0);
	success = __real_segment_reader_open(
		reader, directory, name, codec, error);
	if (goes && beside.held_open)
		assert_int_equal(unlinkat(directory->fd, name, 0), 0);
	return success;
}

bool
__wrap_durable_write(int fd, const char *name, const void *data, size_t len,
	uint64_t offset, struct error *error)
{
	beside.written += len;
	return __real_durable_write(fd, name, data, len, offset, error);
}

bool
__wrap_durable_sync(const struct directory *directory, int fd, const char *name,
	struct error *error)
{
	beside.synced += beside.written;
	beside.written = 0;
	return __real_durable_sync(directory, fd, name, error);
}

bool
__wrap_durable_sync_directory(
	const struct directory *directory, struct error *error)
{
	beside.directory_syncs++;
	return __real_durable_sync_directory(directory, error);
}

struct fixture {
	struct directory *directory;
	struct wal_builder wal;
	struct text notices;
	struct archive_resume resume;
	struct timeline_history history;
	struct archive_position found;
	struct error error;
};

static void
set_history(struct fixture *f, uint32_t target, const char *text)
{
	timeline_history_free(&f->history);
	timeline_history_init(&f->history);
	assert_true(timeline_history_parse(
		&f->history, target, text, strlen(text), &f->error));
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *directory;

	if (f == NULL || temporary_directory_setup(&directory) != 0)
		return -1;
	f->directory = directory;
	wal_builder_init(&f->wal, BASE);
	text_init(&f->notices);
	f->resume = (struct archive_resume){
		.directory = f->directory,
		.identity = {WAL_BUILDER_SYSTEM, SIZE},
		.codec = CODEC_NONE,
		.level = 1,
		.notices = &f->notices,
	};
	timeline_history_init(&f->history);
	set_history(f, 1, "");
	memset(&beside, 0, sizeof(beside));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	void *directory = f->directory;

	timeline_history_free(&f->history);
	text_free(&f->notices);
	wal_builder_free(&f->wal);
	(void)temporary_directory_teardown(&directory);
	free(f);
	return 0;
}

/* The WAL as it is on disk. */
static const unsigned char *
bytes_at(struct fixture *f, lsn at)
{
	return wal_builder_at(&f->wal, at);
}

/* The start of the segment with this index. */
static lsn
start_of(unsigned index)
{
	return BASE + (lsn)index * SIZE;
}

/* Go on to the end of a segment; straddle: with a record that reaches on. */
static void
fill_segment(struct fixture *f, bool straddle)
{
	struct wal_builder *b = &f->wal;
	lsn end = lsn_segment_start(b->at, SIZE) + SIZE;

	while (b->at < end - WAL_PAGE_SIZE)
		wal_builder_add(b, 1 + wal_builder_random(b) % 900 + 24);
	if (straddle) {
		wal_builder_add(b, (size_t)3 * WAL_PAGE_SIZE);
		return;
	}
	if (wal_builder_page_room(b) < 100)
		wal_builder_add(b, 200);
	while (b->at < end)
		wal_builder_leave_room(b, 0);
	assert_true(b->at == end);
}

/* Store a complete segment, from the WAL as it is now. */
static void
store(struct fixture *f, const char *name, enum codec codec, unsigned index)
{
	file_encode(
		f->directory, name, codec, bytes_at(f, start_of(index)), SIZE);
}

/* Store an open segment that holds the WAL up to end. */
static void
store_open(struct fixture *f, const char *name, enum codec codec, lsn end)
{
	lsn start = lsn_segment_start(end - 1, SIZE);

	file_encode(f->directory, name, codec, bytes_at(f, start),
		(size_t)(end - start));
	if (codec == CODEC_NONE)
		file_cut(f->directory, name, SIZE);
}

static void
locate(struct fixture *f)
{
	text_clear(&f->notices);
	memset(&f->found, 0xA5, sizeof(f->found));
	assert_true(archive_check_identity(&f->resume, &f->error));
	if (!archive_locate(&f->resume, &f->history, &f->found, &f->error))
		fail_msg("%s", f->error.message);
}

static void
assert_found(
	struct fixture *f, uint32_t timeline, lsn at, lsn previous, lsn held)
{
	assert_int_equal(f->found.timeline, timeline);
	assert_int_equal(f->found.at, at);
	/* LSN_NONE: what lies before is not asked for. */
	if (previous != LSN_NONE)
		assert_int_equal(
			record_verifier_previous(&f->found.verifier), previous);
	assert_int_equal(f->found.held, held);
}

/* No notice, or one line with this in it. */
static void
assert_notice(const struct fixture *f, const char *part)
{
	const char *line = f->notices.string;

	if (part == NULL) {
		assert_string_equal(line, "");
		return;
	}
	if (strstr(line, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, line);
	assert_ptr_equal(strchr(line, '\n'), line + f->notices.len - 1);
}

/* A raw open segment with the WAL up to end and zeros behind it. */
static void
assert_open(struct fixture *f, const char *name, lsn end)
{
	lsn start = lsn_segment_start(end - 1, SIZE);
	unsigned char *expected = calloc(1, SIZE);

	assert_non_null(expected);
	memcpy(expected, bytes_at(f, start), (size_t)(end - start));
	assert_plain(f->directory, name, CODEC_NONE, expected, SIZE);
	free(expected);
}

static void
assert_complete(
	struct fixture *f, const char *name, enum codec codec, unsigned index)
{
	assert_plain(
		f->directory, name, codec, bytes_at(f, start_of(index)), SIZE);
}

static const char *
with_suffix(char name[ARCHIVE_NAME_MAX], const char *segment, enum codec codec,
	const char *after)
{
	(void)snprintf(name, ARCHIVE_NAME_MAX, "%s%s%s", segment,
		codec_suffix(codec), after);
	return name;
}

/* The last byte that is not zero below end, and one more. */
static lsn
last_byte(struct fixture *f, lsn end)
{
	while (*bytes_at(f, end - 1) == 0)
		end--;
	return end;
}

static void
test_empty_archive(void **state)
{
	struct fixture *f = *state;

	locate(f);
	assert_int_equal(f->found.at, LSN_NONE);
	assert_notice(f, NULL);
	file_store(f->directory, "00000002.history", "x", 1);
	file_store(f->directory, "backup_label", "x", 1);
	file_store(f->directory, ".walfetch.lock", "x", 1);
	locate(f);
	assert_int_equal(f->found.at, LSN_NONE);
	assert_notice(f, NULL);
	assert_names(
		f->directory, ".walfetch.lock 00000002.history backup_label");
}

static void
test_newest_is_complete(void **state)
{
	struct fixture *f = *state;
	ino_t number;

	fill_segment(f, true);
	fill_segment(f, false);
	store(f, T1 A, CODEC_NONE, 0);
	locate(f);
	assert_found(f, 1, start_of(1), LSN_NONE, start_of(1));

	for (int codec = CODEC_NONE; codec < CODECS; codec++) {
		char name[ARCHIVE_NAME_MAX];

		if (!codec_available((enum codec)codec))
			continue;
		with_suffix(name, T1 B, (enum codec)codec, "");
		store(f, name, (enum codec)codec, 1);
		number = file_number(f->directory, name);
		locate(f);
		assert_found(f, 1, start_of(2), f->wal.previous, start_of(2));
		assert_notice(f, NULL);
		assert_int_equal(file_number(f->directory, name), number);
		assert_complete(f, name, (enum codec)codec, 1);
		assert_int_equal(unlinkat(f->directory->fd, name, 0), 0);
	}
	assert_names(f->directory, T1 A);
}

static void
test_newest_is_open(void **state)
{
	struct fixture *f = *state;
	ino_t number;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	store(f, T1 A ".gz", CODEC_GZIP, 0);
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	number = file_number(f->directory, T1 B ".partial");
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_notice(f, NULL);
	assert_names(f->directory, T1 A ".gz " T1 B ".partial");
	assert_open(f, T1 B ".partial", f->wal.at);
	assert_int_equal(file_number(f->directory, T1 B ".partial"), number);
}

/* Made, but nothing came: it holds no byte. */
/* A record goes on behind the newest segment: the verifier knows its head. */
static void
test_a_record_across_the_end(void **state)
{
	struct fixture *f = *state;
	lsn head;

	wal_builder_add_many(&f->wal, SIZE - 20000);
	head = wal_builder_add(&f->wal, 50000);
	store(f, T1 A, CODEC_NONE, 0);
	locate(f);
	assert_int_equal(f->found.at, start_of(1));
	assert_true(f->found.follows);
	assert_int_equal(f->found.verifier.position, start_of(1));
	assert_int_equal(f->found.verifier.record_start, head);
}

/* An empty file says by its name where to begin, and stays for the next. */
static void
test_an_empty_open_segment(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, false);
	store(f, T1 A, CODEC_NONE, 0);
	store(f, T1 C ".partial", CODEC_NONE, 0);
	file_cut(f->directory, T1 C ".partial", 0);
	locate(f);
	assert_found(f, 1, start_of(2), LSN_NONE, start_of(2));
	assert_string_equal(f->notices.string, "");
	assert_names(f->directory, T1 A " " T1 C ".partial");
}

static void
test_an_open_segment_of_zeros(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	file_store(f->directory, T1 B ".partial", "", 0);
	file_cut(f->directory, T1 B ".partial", SIZE);
	locate(f);
	assert_found(f, 1, start_of(1), LSN_NONE, start_of(1));
	assert_names(f->directory, T1 A " " T1 B ".partial");
	assert_notice(f, NULL);
}

static void
test_every_codec_becomes_raw(void **state)
{
	struct fixture *f = *state;

	wal_builder_add_many(&f->wal, 500000);
	for (int codec = CODEC_GZIP; codec < CODECS; codec++) {
		char name[ARCHIVE_NAME_MAX];

		if (!codec_available((enum codec)codec))
			continue;
		with_suffix(name, T1 A, (enum codec)codec, ".partial");
		store_open(f, name, (enum codec)codec, f->wal.at);
		locate(f);
		assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
		assert_names(f->directory, T1 A ".partial");
		assert_open(f, T1 A ".partial", f->wal.at);
		assert_notice(f, NULL);
		assert_int_equal(
			unlinkat(f->directory->fd, T1 A ".partial", 0), 0);
	}
}

/* A sound stream over nothing is no more than no file. */
static void
test_an_empty_stream(void **state)
{
	struct fixture *f = *state;

	file_encode(f->directory, T1 A ".gz.partial", CODEC_GZIP, "", 0);
	locate(f);
	assert_found(f, 1, BASE, LSN_NONE, BASE);
	assert_names(f->directory, "");
	assert_notice(f, NULL);
}

static void
test_the_longest_form_is_kept(void **state)
{
	struct fixture *f = *state;
	lsn ends[3];
	lsn longest_previous;

	for (int i = 0; i < 3; i++) {
		wal_builder_add_many(&f->wal, wal_builder_len(&f->wal) + 99999);
		ends[i] = f->wal.at;
	}
	longest_previous = f->wal.previous;

	/* Which of the three holds most: each in turn. */
	for (int turn = 0; turn < 3; turn++) {
		ino_t number;

		store_open(f, T1 A ".partial", CODEC_NONE, ends[turn]);
		store_open(f, T1 A ".gz.partial", CODEC_GZIP,
			ends[(turn + 1) % 3]);
		store_open(f, T1 A ".lz4.partial", CODEC_LZ4,
			ends[(turn + 2) % 3]);
		number = file_number(f->directory, T1 A ".partial");
		locate(f);
		assert_found(f, 1, ends[2], longest_previous, ends[2]);
		assert_names(f->directory, T1 A ".partial");
		assert_open(f, T1 A ".partial", ends[2]);
		assert_notice(f, NULL);
		if (turn == 2)
			assert_int_equal(
				file_number(f->directory, T1 A ".partial"),
				number);
	}
}

/* Of two that hold the same, the raw one stays as it is. */
static void
test_equal_forms(void **state)
{
	struct fixture *f = *state;
	ino_t number;

	wal_builder_add_many(&f->wal, 100000);
	store_open(f, T1 A ".gz.partial", CODEC_GZIP, f->wal.at);
	store_open(f, T1 A ".partial", CODEC_NONE, f->wal.at);
	number = file_number(f->directory, T1 A ".partial");
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_names(f->directory, T1 A ".partial");
	assert_int_equal(file_number(f->directory, T1 A ".partial"), number);
}

/* The raw one is damaged: what comes before counts, and only that. */
static void
test_a_damaged_form(void **state)
{
	struct fixture *f = *state;
	lsn whole;

	wal_builder_add_many(&f->wal, 300000);
	whole = f->wal.at;
	store_open(f, T1 A ".gz.partial", CODEC_GZIP, whole);
	wal_builder_add_many(&f->wal, 500000);
	f->wal.bytes[200000] ^= 1;
	store_open(f, T1 A ".partial", CODEC_NONE, f->wal.at);
	f->wal.bytes[200000] ^= 1;
	locate(f);
	assert_int_equal(f->found.at, whole);
	assert_names(f->directory, T1 A ".partial");
	assert_open(f, T1 A ".partial", whole);
}

/* Bytes of a record in progress may have been reported as flushed. */
static void
test_a_record_in_progress_is_kept(void **state)
{
	struct fixture *f = *state;
	lsn boundary;
	lsn previous;
	lsn held;

	wal_builder_add_many(&f->wal, 300000);
	boundary = f->wal.at;
	previous = f->wal.previous;
	(void)wal_builder_add_unfinished(&f->wal, 90000, 70000);
	held = last_byte(f, f->wal.at);
	for (int codec = CODEC_NONE; codec < CODECS; codec++) {
		char name[ARCHIVE_NAME_MAX];

		if (!codec_available((enum codec)codec))
			continue;
		with_suffix(name, T1 A, (enum codec)codec, ".partial");
		store_open(f, name, (enum codec)codec, f->wal.at);
		locate(f);
		assert_found(f, 1, boundary, previous, held);
		assert_names(f->directory, T1 A ".partial");
		assert_open(f, T1 A ".partial", f->wal.at);
		assert_notice(f, NULL);
		assert_int_equal(
			unlinkat(f->directory->fd, T1 A ".partial", 0), 0);
	}
}

/* Same boundary, but one holds more of the record that comes next. */
static void
test_a_longer_record_in_progress_wins(void **state)
{
	struct fixture *f = *state;
	lsn boundary;
	lsn less;

	wal_builder_add_many(&f->wal, 100000);
	boundary = f->wal.at;
	(void)wal_builder_add_unfinished(&f->wal, 90000, 70000);
	less = f->wal.at - 30000;

	store_open(f, T1 A ".partial", CODEC_NONE, less);
	store_open(f, T1 A ".gz.partial", CODEC_GZIP, f->wal.at);
	locate(f);
	assert_int_equal(f->found.at, boundary);
	assert_int_equal(f->found.held, last_byte(f, f->wal.at));
	assert_open(f, T1 A ".partial", f->wal.at);

	store_open(f, T1 A ".gz.partial", CODEC_GZIP, less);
	locate(f);
	assert_int_equal(f->found.held, last_byte(f, f->wal.at));
	assert_names(f->directory, T1 A ".partial");
	assert_open(f, T1 A ".partial", f->wal.at);
}

/* No record ends in the segment; all of it is of one in progress. */
static void
test_nothing_but_a_record_in_progress(void **state)
{
	struct fixture *f = *state;

	(void)wal_builder_add_unfinished(&f->wal, 90000, 70000);
	store_open(f, T1 A ".lz4.partial", CODEC_LZ4, f->wal.at);
	locate(f);
	assert_found(f, 1, BASE, LSN_NONE, last_byte(f, f->wal.at));
	assert_open(f, T1 A ".partial", f->wal.at);
	assert_names(f->directory, T1 A ".partial");
}

static void
full_segment_gets_its_name(
	struct fixture *f, enum codec from, enum codec wanted)
{
	char open_name[ARCHIVE_NAME_MAX];
	char final_name[ARCHIVE_NAME_MAX];

	with_suffix(open_name, T1 A, from, ".partial");
	with_suffix(final_name, T1 A, wanted, "");
	store_open(f, open_name, from, start_of(1));
	f->resume.codec = wanted;
	locate(f);
	assert_found(f, 1, start_of(1), f->wal.previous, start_of(1));
	assert_names(f->directory, final_name);
	assert_complete(f, final_name, wanted, 0);
	assert_notice(f, NULL);
	assert_int_equal(unlinkat(f->directory->fd, final_name, 0), 0);
}

static void
test_a_full_segment_is_completed(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, false);
	for (int from = CODEC_NONE; from < CODECS; from++)
		for (int to = CODEC_NONE; to < CODECS; to++)
			if (codec_available((enum codec)from) &&
				codec_available((enum codec)to))
				full_segment_gets_its_name(
					f, (enum codec)from, (enum codec)to);
}

static void
test_a_switched_segment_is_completed(void **state)
{
	struct fixture *f = *state;

	wal_builder_add_many(&f->wal, 100000);
	wal_builder_add_switch(&f->wal, false);
	store_open(f, T1 A ".partial", CODEC_NONE, start_of(1));
	locate(f);
	assert_found(f, 1, start_of(1), f->wal.previous, start_of(1));
	assert_names(f->directory, T1 A);
	assert_complete(f, T1 A, CODEC_NONE, 0);
}

/*
 * A switch that begins in the last bytes of segment A, and so takes up B, too.
 */
static lsn
add_crossing_switch(struct fixture *f)
{
	struct wal_builder *b = &f->wal;
	lsn end = lsn_segment_start(b->at, SIZE) + SIZE;

	while (b->at < end - WAL_PAGE_SIZE)
		wal_builder_leave_room(b, 0);
	wal_builder_leave_room(b, 16);
	assert_int_equal(b->at, end - 16);
	return wal_builder_add_switch(b, false);
}

static void
test_a_switch_across_a_border(void **state)
{
	struct fixture *f = *state;
	lsn switched = add_crossing_switch(f);

	assert_int_equal(f->wal.at, start_of(2));
	store(f, T1 A, CODEC_NONE, 0);
	locate(f);
	assert_int_equal(f->found.at, start_of(1));
	store_open(f, T1 B ".partial", CODEC_NONE, start_of(1) + 48);
	locate(f);
	assert_found(f, 1, start_of(2), switched, start_of(2));
	assert_names(f->directory, T1 A " " T1 B);
	assert_complete(f, T1 B, CODEC_NONE, 1);
}

/* Zeros that were not written would look the same: B is fetched again. */
static void
test_a_switch_whose_head_is_not_there(void **state)
{
	struct fixture *f = *state;
	lsn switched = add_crossing_switch(f);

	store_open(f, T1 B ".partial", CODEC_NONE, start_of(1) + 48);
	locate(f);
	assert_found(f, 1, start_of(1), LSN_NONE, start_of(2));
	assert_names(f->directory, T1 B ".partial");

	/* What follows tells. */
	store_open(f, T1 C ".partial", CODEC_NONE, start_of(2) + 40);
	locate(f);
	assert_names(f->directory, T1 B ".partial " T1 C ".partial");
	wal_builder_add(&f->wal, 100);
	store_open(f, T1 C ".partial", CODEC_NONE, f->wal.at);
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_names(f->directory, T1 B " " T1 C ".partial");
	assert_complete(f, T1 B, CODEC_NONE, 1);

	assert_int_equal(unlinkat(f->directory->fd, T1 C ".partial", 0), 0);
	locate(f);
	assert_found(f, 1, start_of(2), switched, start_of(2));
}

/* Its last record goes on in the next segment, and was never whole. */
static void
test_full_but_for_the_last_record(void **state)
{
	struct fixture *f = *state;
	lsn boundary;

	fill_segment(f, true);
	boundary = f->wal.previous;
	store_open(f, T1 A ".partial", CODEC_NONE, start_of(1));
	locate(f);
	assert_int_equal(f->found.at, boundary);
	assert_int_equal(f->found.held, last_byte(f, start_of(1)));
	assert_names(f->directory, T1 A ".partial");
	assert_open(f, T1 A ".partial", start_of(1));
}

static void
test_an_older_full_segment_is_completed(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	for (int from = CODEC_NONE; from < CODECS; from++) {
		enum codec wanted = from == CODEC_LZ4 ? CODEC_NONE : CODEC_LZ4;
		char open_name[ARCHIVE_NAME_MAX];
		char final_name[ARCHIVE_NAME_MAX];
		char expected[200];

		if (!codec_available((enum codec)from))
			continue;
		with_suffix(open_name, T1 A, (enum codec)from, ".partial");
		with_suffix(final_name, T1 A, wanted, "");
		store_open(f, open_name, (enum codec)from, start_of(1));
		store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
		f->resume.codec = wanted;
		locate(f);
		assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
		assert_notice(f, NULL);
		(void)snprintf(expected, sizeof(expected),
			"%s " T1 B ".partial", final_name);
		assert_names(f->directory, expected);
		assert_complete(f, final_name, wanted, 0);
		assert_int_equal(unlinkat(f->directory->fd, final_name, 0), 0);
	}
}

/* The newest may be complete as well. */
static void
test_older_below_a_complete_one(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	fill_segment(f, true);
	store_open(f, T1 A ".partial", CODEC_NONE, start_of(1));
	store(f, T1 B ".gz", CODEC_GZIP, 1);
	locate(f);
	assert_int_equal(f->found.at, start_of(2));
	assert_names(f->directory, T1 A " " T1 B ".gz");
	assert_complete(f, T1 A, CODEC_NONE, 0);
}

static void
test_an_older_segment_that_is_not_full(void **state)
{
	struct fixture *f = *state;
	struct gap gap;
	lsn end;

	wal_builder_add_many(&f->wal, 300000);
	end = f->wal.at;
	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	store_open(f, T1 A ".partial", CODEC_NONE, end);
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_notice(f, "file \"" T1 A ".partial\" is not full");
	assert_names(f->directory, T1 A ".partial " T1 B ".partial");
	assert_open(f, T1 A ".partial", end);

	/* Somebody knows that, and has accepted it. */
	gap = (struct gap){.timeline = 1, .begin = end, .end = start_of(1)};
	assert_true(gap_record_add(f->directory, &gap, &f->error));
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_notice(f, NULL);
	assert_names(f->directory,
		GAP_FILE_NAME " " T1 A ".partial " T1 B ".partial");
	assert_open(f, T1 A ".partial", end);
}

/*
 * The bytes of its last record are missing, and zeros look like such bytes:
 * only the rest of that record, in the next segment, tells.
 */
static void
test_an_older_segment_without_its_last_bytes(void **state)
{
	struct fixture *f = *state;
	struct gap gap;

	fill_segment(f, true);
	gap = (struct gap){1, f->wal.previous, start_of(1)};
	wal_builder_add_many(&f->wal, SIZE + 300000);
	store_open(f, T1 A ".partial", CODEC_NONE, start_of(1) - 1000);
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_names(f->directory, T1 A ".partial " T1 B ".partial");
	assert_notice(f, "file \"" T1 A ".partial\" is not full");

	/* The loss is accepted from that record on, not from one before. */
	gap.begin += 8;
	assert_true(gap_record_add(f->directory, &gap, &f->error));
	locate(f);
	assert_notice(f, "file \"" T1 A ".partial\" is not full");
	gap.begin -= 8;
	assert_true(gap_record_add(f->directory, &gap, &f->error));
	locate(f);
	assert_notice(f, NULL);
	assert_names(f->directory,
		GAP_FILE_NAME " " T1 A ".partial " T1 B ".partial");
	assert_open(f, T1 A ".partial", start_of(1) - 1000);
}

/*
 * The process died when its last record was not whole in the next segment
 * either: that the next page goes on with it tells.
 */
static void
test_an_older_segment_whose_last_record_is_not_whole(void **state)
{
	struct fixture *f = *state;
	lsn upto = start_of(1) + WAL_PAGE_SIZE;
	struct gap gap;

	fill_segment(f, true);
	gap = (struct gap){1, f->wal.previous, start_of(1)};
	wal_builder_add_many(&f->wal, SIZE);

	/* Unless WAL was let go there, or the next one is not the newest. */
	store_open(f, T1 A ".partial", CODEC_NONE, start_of(1));
	store_open(f, T1 B ".partial", CODEC_NONE, upto);
	store_open(f, T1 C ".partial", CODEC_NONE, f->wal.at);
	locate(f);
	assert_names(f->directory,
		T1 A ".partial " T1 B ".partial " T1 C ".partial");
	assert_int_equal(unlinkat(f->directory->fd, T1 C ".partial", 0), 0);
	assert_true(gap_record_add(f->directory, &gap, &f->error));
	locate(f);
	assert_notice(f, NULL);
	assert_names(f->directory,
		GAP_FILE_NAME " " T1 A ".partial " T1 B ".partial");

	assert_int_equal(unlinkat(f->directory->fd, GAP_FILE_NAME, 0), 0);
	locate(f);
	assert_found(f, 1, start_of(1), LSN_NONE, last_byte(f, upto));
	assert_notice(f, NULL);
	assert_names(f->directory, T1 A " " T1 B ".partial");
	assert_complete(f, T1 A, CODEC_NONE, 0);
}

static void
test_older_forms_of_which_one_is_unreadable(void **state)
{
	struct fixture *f = *state;
	lsn end;

	wal_builder_add_many(&f->wal, 300000);
	end = f->wal.at;
	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	store_open(f, T1 A ".partial", CODEC_NONE, end);
	file_store(f->directory, T1 A ".gz.partial", "", 0);
	file_store(f->directory, T1 A ".lz4.partial", "", 0);
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_names(f->directory,
		"." T1 A ".gz.partial.bad ." T1 A ".lz4.partial.bad " T1 A
		".partial " T1 B ".partial");
	assert_open(f, T1 A ".partial", end);
}

/* A process died between the final name and the end of the open one. */
static void
test_an_open_segment_beside_the_complete_one(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	store(f, T1 A ".gz", CODEC_GZIP, 0);
	store_open(f, T1 A ".partial", CODEC_NONE, start_of(1));
	store_open(f, T1 A ".lz4.partial", CODEC_LZ4, BASE + 100000);
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_notice(f, NULL);
	assert_names(f->directory, T1 A ".gz " T1 B ".partial");
	assert_complete(f, T1 A ".gz", CODEC_GZIP, 0);

	/* Also if that one is the newest. */
	store_open(f, T1 A ".partial", CODEC_NONE, start_of(1));
	assert_int_equal(unlinkat(f->directory->fd, T1 B ".partial", 0), 0);
	locate(f);
	assert_found(f, 1, start_of(1), LSN_NONE, start_of(1));
	assert_notice(f, NULL);
	assert_names(f->directory, T1 A ".gz");
	assert_complete(f, T1 A ".gz", CODEC_GZIP, 0);
}

/* The open one is all that is left of the WAL, or the better part of it. */
static void
test_an_open_segment_beside_a_damaged_one(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	store(f, T1 A ".gz", CODEC_GZIP, 0);
	file_cut(f->directory, T1 A ".gz",
		file_size(f->directory, T1 A ".gz") - 1);
	store_open(f, T1 A ".partial", CODEC_NONE, start_of(1));
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	locate(f);
	assert_int_equal(f->found.at, f->wal.at);
	assert_names(
		f->directory, T1 A ".gz " T1 A ".partial " T1 B ".partial");
	assert_open(f, T1 A ".partial", start_of(1));

	assert_int_equal(unlinkat(f->directory->fd, T1 B ".partial", 0), 0);
	locate(f);
	assert_int_equal(f->found.held, last_byte(f, start_of(1)));
	assert_names(f->directory, "." T1 A ".gz.bad " T1 A ".partial");
	assert_open(f, T1 A ".partial", start_of(1));

	store_open(f, T1 A, CODEC_NONE, start_of(1) - 1000);
	locate(f);
	assert_names(
		f->directory, "." T1 A ".gz.bad " T1 A " " T1 A ".partial");
	assert_open(f, T1 A ".partial", start_of(1));
}

/* What must be moved aside; the archive goes on behind segment A. */
static void
assert_moved_aside(struct fixture *f, const char *name)
{
	char bad[ARCHIVE_NAME_MAX + 8];
	char expected[200];
	size_t size = file_size(f->directory, name);

	locate(f);
	assert_found(f, 1, start_of(1), LSN_NONE, start_of(1));
	(void)snprintf(bad, sizeof(bad), ".%s.bad", name);
	(void)snprintf(expected, sizeof(expected), "%s " T1 A, bad);
	assert_names(f->directory, expected);
	assert_int_equal(file_size(f->directory, bad), size);
	(void)snprintf(expected, sizeof(expected),
		"file \"%s\" is not a readable segment; moved aside to \"%s\"",
		name, bad);
	assert_notice(f, expected);
	locate(f);
	assert_notice(f, NULL);
	assert_int_equal(unlinkat(f->directory->fd, bad, 0), 0);
}

static void
test_odd_sizes_are_moved_aside(void **state)
{
	static const size_t sizes[] = {0, 1, 300000, SIZE - 1, SIZE + 1};
	struct fixture *f = *state;

	fill_segment(f, true);
	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (sizes[i] > 0) {
			store(f, T1 B ".partial", CODEC_NONE, 1);
			file_cut(f->directory, T1 B ".partial", sizes[i]);
			assert_moved_aside(f, T1 B ".partial");
		}
		store(f, T1 B, CODEC_NONE, 1);
		file_cut(f->directory, T1 B, sizes[i]);
		assert_moved_aside(f, T1 B);
	}
}

static void
test_damaged_streams_are_moved_aside(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	for (int codec = CODEC_GZIP; codec < CODECS; codec++) {
		char name[ARCHIVE_NAME_MAX];
		size_t cuts[5];
		size_t size;

		if (!codec_available((enum codec)codec))
			continue;
		with_suffix(name, T1 B, (enum codec)codec, "");
		store(f, name, (enum codec)codec, 1);
		size = file_size(f->directory, name);
		cuts[0] = 0;
		cuts[1] = 5;
		cuts[2] = size / 2;
		cuts[3] = size - 4;
		cuts[4] = size - 1;
		for (int i = 0; i < 5; i++) {
			store(f, name, (enum codec)codec, 1);
			file_cut(f->directory, name, cuts[i]);
			assert_moved_aside(f, name);
		}
		file_store(f->directory, name, "no such stream at all", 21);
		assert_moved_aside(f, name);
		with_suffix(name, T1 B, (enum codec)codec, ".partial");
		file_store(f->directory, name, "", 0);
		assert_moved_aside(f, name);
	}
}

/* A sound stream, but of too few or too many bytes for a segment. */
static void
test_streams_of_an_odd_size_are_moved_aside(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	fill_segment(f, true);
	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	for (int codec = CODEC_GZIP; codec < CODECS; codec++) {
		char name[ARCHIVE_NAME_MAX];

		if (!codec_available((enum codec)codec))
			continue;
		with_suffix(name, T1 B, (enum codec)codec, "");
		file_encode(f->directory, name, (enum codec)codec,
			bytes_at(f, start_of(1)), SIZE / 2);
		assert_moved_aside(f, name);
		file_encode(f->directory, name, (enum codec)codec,
			bytes_at(f, start_of(1)), SIZE + 1);
		assert_moved_aside(f, name);
	}
}

/* A final name is final, but whoever relies on it should know. */
static void
test_damage_in_a_complete_segment(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	f->wal.bytes[40 + 30] ^= 1;
	store(f, T1 A ".gz", CODEC_GZIP, 0);
	locate(f);
	assert_found(f, 1, start_of(1), LSN_NONE, start_of(1));
	assert_notice(f,
		"file \"" T1 A ".gz\" holds damaged WAL from 12/00000000 on");
	assert_names(f->directory, T1 A ".gz");
	assert_complete(f, T1 A ".gz", CODEC_GZIP, 0);
}

/* Several in a row, down to nothing. */
static void
test_all_is_unreadable(void **state)
{
	struct fixture *f = *state;

	file_store(f->directory, T1 A ".gz", "", 0);
	file_store(f->directory, T1 B ".lz4", "x", 1);
	file_store(f->directory, T1 C ".partial", "x", 1);
	locate(f);
	assert_int_equal(f->found.at, LSN_NONE);
	assert_names(f->directory,
		"." T1 A ".gz.bad ." T1 B ".lz4.bad ." T1 C ".partial.bad");
}

/* The one in another codec is still good. */
static void
test_two_complete_forms(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	store(f, T1 A ".gz", CODEC_GZIP, 0);
	store(f, T1 A ".lz4", CODEC_LZ4, 0);
	file_cut(f->directory, T1 A ".gz", 0);
	locate(f);
	if (f->notices.len == 0) {
		assert_names(f->directory, T1 A ".gz " T1 A ".lz4");
		store(f, T1 A ".gz", CODEC_GZIP, 0);
		file_cut(f->directory, T1 A ".lz4", 0);
		locate(f);
		assert_names(f->directory, "." T1 A ".lz4.bad " T1 A ".gz");
	} else {
		assert_names(f->directory, "." T1 A ".gz.bad " T1 A ".lz4");
	}
	assert_found(f, 1, start_of(1), LSN_NONE, start_of(1));
}

/* As pg_receivewal leaves one that was killed: flushed, not finished. */
static void
store_unfinished_gzip(struct fixture *f, const char *name, size_t len)
{
	size_t room = SIZE + 4096;
	unsigned char *stored = malloc(room);
	z_stream stream = {0};

	assert_non_null(stored);
	assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8,
				 Z_DEFAULT_STRATEGY),
		Z_OK);
	stream.next_in = f->wal.bytes;
	stream.avail_in = (uInt)len;
	stream.next_out = stored;
	stream.avail_out = (uInt)room;
	assert_int_equal(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
	assert_int_equal(stream.avail_in, 0);
	file_store(f->directory, name, stored, room - stream.avail_out);
	(void)deflateEnd(&stream);
	free(stored);
}

static void
test_unfinished_gzip(void **state)
{
	struct fixture *f = *state;

	wal_builder_add_many(&f->wal, 400000);
	store_unfinished_gzip(f, T1 A ".gz.partial", wal_builder_len(&f->wal));
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_names(f->directory, T1 A ".partial");
	assert_open(f, T1 A ".partial", f->wal.at);
	assert_notice(f, NULL);
}

/* And cut anywhere: a prefix of the WAL, up to a record's end. */
static void
test_cut_streams(void **state)
{
	struct fixture *f = *state;

	wal_builder_add_many(&f->wal, 400000);
	for (int codec = CODEC_GZIP; codec < CODECS; codec++) {
		char name[ARCHIVE_NAME_MAX];
		struct record_verifier v;

		if (!codec_available((enum codec)codec))
			continue;
		with_suffix(name, T1 A, (enum codec)codec, ".partial");
		store_open(f, name, (enum codec)codec, f->wal.at);
		file_cut(f->directory, name,
			file_size(f->directory, name) / 4 * 3);
		locate(f);
		assert_true(f->found.at > BASE && f->found.at < f->wal.at);
		record_verifier_init(&v, &f->resume.identity);
		record_verifier_start(&v, 1, BASE, LSN_NONE);
		assert_true(record_verifier_feed(&v, f->wal.bytes,
			(size_t)(f->found.held - BASE), &f->error));
		assert_int_equal(record_verifier_boundary(&v), f->found.at);
		assert_int_equal(record_verifier_previous(&v),
			record_verifier_previous(&f->found.verifier));
		assert_names(f->directory, T1 A ".partial");
		assert_open(f, T1 A ".partial", f->found.held);
		assert_int_equal(
			unlinkat(f->directory->fd, T1 A ".partial", 0), 0);
	}
}

/* A shorter stream over a longer one's tail, as pg_receivewal leaves it. */
static void
test_a_stream_with_an_old_tail(void **state)
{
	struct fixture *f = *state;
	lsn end;
	size_t old_len;
	size_t new_len;
	unsigned char *old;
	unsigned char *new;

	wal_builder_add_many(&f->wal, 300000);
	end = f->wal.at;
	wal_builder_add_many(&f->wal, 600000);
	store_open(f, T1 A ".gz.partial", CODEC_GZIP, f->wal.at);
	old = file_load(f->directory, T1 A ".gz.partial", &old_len);
	store_open(f, T1 A ".gz.partial", CODEC_GZIP, end);
	new = file_load(f->directory, T1 A ".gz.partial", &new_len);
	memcpy(old, new, new_len);
	file_store(f->directory, T1 A ".gz.partial", old, old_len);
	free(new);
	free(old);
	locate(f);
	assert_int_equal(f->found.at, end);
	assert_names(f->directory, T1 A ".partial");
	assert_open(f, T1 A ".partial", end);
}

static void
test_temporaries_are_swept(void **state)
{
	struct fixture *f = *state;

	wal_builder_add_many(&f->wal, 100000);
	store_open(f, T1 A ".partial", CODEC_NONE, f->wal.at);
	file_store(f->directory, "." T1 B ".tmp", "x", 1);
	file_store(f->directory, "." T1 A ".gz.tmp", "x", 1);
	file_store(f->directory, ".00000002.history.tmp", "x", 1);
	file_store(f->directory, ".other.tmp", "x", 1);
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_names(f->directory, ".other.tmp " T1 A ".partial");
	assert_notice(f, NULL);
}

/* A history in which timeline 2 leaves timeline 1 at the LSN. */
static void
fork_at(struct fixture *f, lsn at)
{
	char text[100];

	(void)snprintf(
		text, sizeof(text), "1\t" LSN_FORMAT "\tx\n", LSN_ARGS(at));
	set_history(f, 2, text);
}

static void
test_beyond_the_fork(void **state)
{
	struct fixture *f = *state;
	lsn fork;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	fork = f->wal.at;
	wal_builder_add_many(&f->wal, SIZE + 600000);
	store(f, T1 A, CODEC_NONE, 0);
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	fork_at(f, fork);
	locate(f);
	assert_found(f, 2, start_of(1), LSN_NONE, start_of(1));
	assert_notice(f, "the archive's WAL of timeline 1 reaches 12/001");
	assert_names(f->directory, T1 A " " T1 B ".partial");
	assert_open(f, T1 B ".partial", f->wal.at);
}

/* Whole segments beyond it, too. */
static void
test_segments_beyond_the_fork(void **state)
{
	struct fixture *f = *state;
	lsn fork;

	wal_builder_add_many(&f->wal, 300000);
	fork = f->wal.at;
	fill_segment(f, true);
	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	store(f, T1 B, CODEC_NONE, 1);
	fork_at(f, fork);
	locate(f);
	assert_found(f, 2, start_of(0), LSN_NONE, start_of(0));
	assert_notice(f, "the server left that timeline at 12/000");
	assert_names(f->directory, T1 A " " T1 B);
}

/* It is full, in a codec, and its end is where the server left the timeline. */
static void
test_full_and_compressed_at_the_fork(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, false);
	store_open(f, T1 A ".gz.partial", CODEC_GZIP, start_of(1));
	fork_at(f, start_of(1));
	locate(f);
	assert_int_equal(f->found.timeline, 2);
	assert_int_equal(f->found.at, start_of(1));
	assert_names(f->directory, T1 A);
}

static void
test_exactly_at_the_fork(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	store(f, T1 A, CODEC_NONE, 0);
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	fork_at(f, f->wal.at);
	locate(f);
	assert_found(f, 2, start_of(1), LSN_NONE, start_of(1));
	assert_notice(f, NULL);
	assert_names(f->directory, T1 A " " T1 B ".partial");
}

static void
test_just_below_the_fork(void **state)
{
	struct fixture *f = *state;
	lsn end;
	lsn previous;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	end = f->wal.at;
	previous = f->wal.previous;
	wal_builder_add(&f->wal, 24);
	store_open(f, T1 B ".partial", CODEC_NONE, end);
	fork_at(f, f->wal.at);
	locate(f);
	assert_found(f, 1, end, previous, end);
	assert_notice(f, NULL);
}

static void
test_the_fork_is_at_a_segments_start(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, false);
	store(f, T1 A ".gz", CODEC_GZIP, 0);
	fork_at(f, start_of(1));
	locate(f);
	assert_found(f, 2, start_of(1), LSN_NONE, start_of(1));
	assert_notice(f, NULL);

	assert_int_equal(unlinkat(f->directory->fd, T1 A ".gz", 0), 0);
	store_open(f, T1 A ".partial", CODEC_NONE, start_of(1));
	locate(f);
	assert_found(f, 2, start_of(1), LSN_NONE, start_of(1));
	assert_notice(f, NULL);
	assert_names(f->directory, T1 A);
}

/* Timeline 2 goes on in the segment that it left 1 in. */
static void
test_the_new_timeline_is_there(void **state)
{
	struct fixture *f = *state;
	lsn fork;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	fork = f->wal.at;
	store(f, T1 A, CODEC_NONE, 0);
	store_open(f, T1 B ".partial", CODEC_NONE, fork);
	f->wal.timeline = 2;
	wal_builder_add_many(&f->wal, SIZE + 500000);
	store_open(f, T2 B ".gz.partial", CODEC_GZIP, f->wal.at);
	fork_at(f, fork);
	locate(f);
	assert_found(f, 2, f->wal.at, f->wal.previous, f->wal.at);
	assert_notice(f, NULL);
	assert_names(f->directory, T1 A " " T1 B ".partial " T2 B ".partial");
	assert_open(f, T2 B ".partial", f->wal.at);
}

/* The old one's last segment stays open, however full it is. */
static void
test_the_old_timeline_stays_open(void **state)
{
	struct fixture *f = *state;
	lsn fork;

	fill_segment(f, false);
	fork = start_of(1);
	store_open(f, T1 A ".partial", CODEC_NONE, fork);
	f->wal.timeline = 2;
	wal_builder_add_many(&f->wal, SIZE + 300000);
	store_open(f, T2 B ".partial", CODEC_NONE, f->wal.at);
	fork_at(f, fork);
	locate(f);
	assert_found(f, 2, f->wal.at, f->wal.previous, f->wal.at);
	assert_names(f->directory, T1 A ".partial " T2 B ".partial");
}

/* The highest name is of a fork that the server knows nothing of. */
static void
test_an_abandoned_fork(void **state)
{
	struct fixture *f = *state;
	lsn end;
	lsn previous;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	end = f->wal.at;
	previous = f->wal.previous;
	store(f, T1 A, CODEC_NONE, 0);
	store_open(f, T1 B ".partial", CODEC_NONE, end);
	f->wal.timeline = 3;
	fill_segment(f, true);
	wal_builder_add_many(&f->wal, 2 * SIZE + 300000);
	store(f, T3 B, CODEC_NONE, 1);
	store_open(f, T3 C ".gz.partial", CODEC_GZIP, f->wal.at);
	file_store(f->directory, "00000003.history", "x", 1);
	locate(f);
	assert_found(f, 1, end, previous, end);
	assert_notice(f, NULL);
	assert_names(f->directory,
		T1 A " " T1 B ".partial 00000003.history " T3 B " " T3 C
		     ".gz.partial");
}

/* Only the fork is there: nothing that the server could continue. */
static void
test_nothing_but_an_abandoned_fork(void **state)
{
	struct fixture *f = *state;

	f->wal.timeline = 3;
	wal_builder_add_many(&f->wal, 300000);
	store_open(f, T3 A ".partial", CODEC_NONE, f->wal.at);
	assert_false(
		archive_locate(&f->resume, &f->history, &f->found, &f->error));
	assert_int_equal(f->error.code, ERR_DIVERGED);
	assert_names(f->directory, T3 A ".partial");
}

/* Timeline 1 up to first, 2 up to second, then 3. */
static void
set_two_forks(struct fixture *f, lsn first, lsn second)
{
	char text[200];

	(void)snprintf(text, sizeof(text),
		"1\t" LSN_FORMAT "\tx\n2\t" LSN_FORMAT "\tx\n", LSN_ARGS(first),
		LSN_ARGS(second));
	set_history(f, 3, text);
}

static void
test_three_timelines(void **state)
{
	struct fixture *f = *state;
	lsn first;
	lsn second;

	wal_builder_add_many(&f->wal, 300000);
	first = f->wal.at;
	store_open(f, T1 A ".partial", CODEC_NONE, first);
	f->wal.timeline = 2;
	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	second = f->wal.at;
	store(f, T2 A ".gz", CODEC_GZIP, 0);
	set_two_forks(f, first, second);

	/* Timeline 2 is open below its end. */
	store_open(f, T2 B ".partial", CODEC_NONE, second - 10000);
	locate(f);
	assert_int_equal(f->found.timeline, 2);
	assert_true(f->found.at > start_of(1) && f->found.at < second);

	/* It is there up to its end. */
	store_open(f, T2 B ".partial", CODEC_NONE, second);
	locate(f);
	assert_found(f, 3, start_of(1), LSN_NONE, start_of(1));
	assert_notice(f, NULL);

	/* So is some of the third. */
	f->wal.timeline = 3;
	wal_builder_add_many(&f->wal, SIZE + 600000);
	store_open(f, T3 B ".lz4.partial", CODEC_LZ4, f->wal.at);
	locate(f);
	assert_found(f, 3, f->wal.at, f->wal.previous, f->wal.at);
	assert_names(f->directory,
		T1 A ".partial " T2 A ".gz " T2 B ".partial " T3 B ".partial");
}

/* Beyond the first fork: back to its segment, on the second timeline. */
static void
test_three_timelines_from_the_first(void **state)
{
	struct fixture *f = *state;
	lsn first;

	wal_builder_add_many(&f->wal, 300000);
	first = f->wal.at;
	fill_segment(f, true);
	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	store(f, T1 B, CODEC_NONE, 1);
	set_two_forks(f, first, first + SIZE);
	locate(f);
	assert_found(f, 2, BASE, LSN_NONE, BASE);

	/* Both forks are in one segment. */
	set_two_forks(f, first, first + 8);
	locate(f);
	assert_found(f, 2, BASE, LSN_NONE, BASE);

	/* The second timeline never had a byte. */
	set_two_forks(f, start_of(1), start_of(1));
	locate(f);
	assert_found(f, 3, start_of(1), LSN_NONE, start_of(1));
}

/* They are none of the second timeline's, whatever their name. */
static void
test_segments_before_a_timeline_began(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	store(f, T2 A, CODEC_NONE, 0);
	store(f, T1 A, CODEC_NONE, 0);
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	fork_at(f, start_of(2));
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_notice(f, NULL);

	/* One that ends where the timeline begins is none either. */
	fork_at(f, start_of(1));
	locate(f);
	assert_found(f, 2, start_of(1), LSN_NONE, start_of(1));
}

/* Pages of a version that nobody knows: the segment comes again. */
static void
test_an_unknown_magic(void **state)
{
	struct fixture *f = *state;

	f->wal.magic = 0xD200;
	wal_builder_add_many(&f->wal, 300000);
	store_open(f, T1 A ".partial", CODEC_NONE, f->wal.at);
	locate(f);
	assert_found(f, 1, BASE, LSN_NONE, last_byte(f, f->wal.at));
	assert_names(f->directory, T1 A ".partial");
	assert_open(f, T1 A ".partial", f->wal.at);
}

static void
assert_refused(struct fixture *f, const char *part)
{
	assert_false(archive_check_identity(&f->resume, &f->error));
	assert_int_equal(f->error.code, ERR_DIVERGED);
	if (strstr(f->error.message, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, f->error.message);
	assert_non_null(strstr(f->error.message, f->directory->path));
	assert_notice(f, NULL);
}

static void
test_another_cluster(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, false);
	for (int codec = CODEC_NONE; codec < CODECS; codec++) {
		char name[ARCHIVE_NAME_MAX];

		if (!codec_available((enum codec)codec))
			continue;
		for (int open = 0; open < 2; open++) {
			char part[200];
			char names[200];

			with_suffix(name, T1 A, (enum codec)codec,
				open != 0 ? ".partial" : "");
			store(f, name, (enum codec)codec, 0);
			file_store(f->directory, "." T1 A ".tmp", "x", 1);
			f->resume.identity.system_identifier = 42;
			(void)snprintf(part, sizeof(part),
				"file \"%s\" has system identifier "
				"7100000000000000001, the server's is 42",
				name);
			assert_refused(f, part);
			assert_true(f->error.hint[0] != '\0');
			(void)snprintf(
				names, sizeof(names), "." T1 A ".tmp %s", name);
			assert_names(f->directory, names);
			assert_complete(f, name, (enum codec)codec, 0);
			f->resume.identity.system_identifier =
				WAL_BUILDER_SYSTEM;
			assert_true(
				archive_check_identity(&f->resume, &f->error));
			assert_int_equal(
				unlinkat(f->directory->fd, name, 0), 0);
		}
	}
}

static void
test_another_segment_size(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	f->resume.identity.segment_size = 2 * SIZE;
	assert_refused(f,
		"file \"" T1 A "\" says 1048576 bytes, the server "
		"2097152");
	assert_names(f->directory, T1 A);
	assert_complete(f, T1 A, CODEC_NONE, 0);
}

/* 0x800 is no legal third part with 256 segments to 4 GiB. */
static void
test_names_of_another_segment_size(void **state)
{
	struct fixture *f = *state;

	file_store(f->directory, T1 "0000001200000800.gz", "", 0);
	assert_true(archive_check_identity(&f->resume, &f->error));
	f->resume.identity.segment_size = 16 * SIZE;
	assert_refused(f,
		"file \"" T1 "0000001200000800.gz\" cannot be one of "
		"a server with segments of 16777216 bytes");
	assert_names(f->directory, T1 "0000001200000800.gz");
	assert_int_equal(file_size(f->directory, T1 "0000001200000800.gz"), 0);
}

/* Files that cannot be read say nothing; one that can decides. */
static void
test_identity_in_a_damaged_archive(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	store(f, T1 A ".gz.partial", CODEC_GZIP, 0);
	file_store(f->directory, T1 B ".gz", "", 0);
	file_store(f->directory, T2 C ".lz4", "rubbish", 7);
	file_store(f->directory, T3 C, "", 0);
	assert_true(archive_check_identity(&f->resume, &f->error));
	f->resume.identity.system_identifier = 42;
	assert_refused(f, T1 A ".gz.partial");
	assert_names(f->directory,
		T1 A ".gz.partial " T1 B ".gz " T2 C ".lz4 " T3 C);
}

/* A newer server's WAL tells as much of its cluster as any other's. */
static void
test_identity_with_an_unknown_magic(void **state)
{
	struct fixture *f = *state;

	f->wal.magic = 0xD200;
	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	assert_true(archive_check_identity(&f->resume, &f->error));
	f->resume.identity.system_identifier = 42;
	assert_refused(f, "system identifier");
}

static void
test_an_archive_without_wal_fits(void **state)
{
	struct fixture *f = *state;

	assert_true(archive_check_identity(&f->resume, &f->error));
	file_store(f->directory, "00000002.history", "x", 1);
	file_store(f->directory, T1 A ".partial", "", 0);
	file_cut(f->directory, T1 A ".partial", SIZE);
	f->resume.identity.system_identifier = 42;
	assert_true(archive_check_identity(&f->resume, &f->error));
	assert_names(f->directory, T1 A ".partial 00000002.history");
}

/*
 * The process that wrote the file may have died before its sync, or have seen
 * it fail: what counts as held was written again and synced.
 */
static void
test_what_is_held_is_synced(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	store(f, T1 A, CODEC_NONE, 0);
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	locate(f);
	assert_int_equal(f->found.held, f->wal.at);
	assert_true(beside.synced >= f->wal.at - start_of(1));
	assert_int_equal(beside.written, 0);
	assert_true(beside.directory_syncs > 0);

	/* The name of a complete one is all that may not be durable. */
	assert_int_equal(unlinkat(f->directory->fd, T1 B ".partial", 0), 0);
	memset(&beside, 0, sizeof(beside));
	locate(f);
	assert_int_equal(f->found.held, start_of(1));
	assert_true(beside.directory_syncs > 0);
}

/* Locate without the check of the identity; it looked so often. */
static void
locate_in(struct fixture *f, int looks)
{
	text_clear(&f->notices);
	memset(&f->found, 0xA5, sizeof(f->found));
	beside.looks = 0;
	if (!archive_locate(&f->resume, &f->history, &f->found, &f->error))
		fail_msg("%s", f->error.message);
	assert_int_equal(beside.looks, looks);
}

static void
test_the_newest_vanishes(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	for (int codec = CODEC_NONE; codec < CODECS; codec++) {
		for (int open = 0; open < 2; open++) {
			char name[ARCHIVE_NAME_MAX];

			if (!codec_available((enum codec)codec))
				continue;
			with_suffix(name, T1 B, (enum codec)codec,
				open != 0 ? ".partial" : "");
			store(f, name, (enum codec)codec, 1);
			beside.listed = name;
			locate_in(f, 2);
			assert_found(f, 1, start_of(1), LSN_NONE, start_of(1));
			assert_notice(f, NULL);
			assert_names(f->directory, T1 A);
		}
	}
}

/* It goes at the first opening, at the next, and so on: until it stays. */
static void
open_segment_vanishes_in_work(struct fixture *f, enum codec codec)
{
	char name[ARCHIVE_NAME_MAX];

	with_suffix(name, T1 B, codec, ".partial");
	beside.opened = name;
	for (int opening = 1;; opening++) {
		store_open(f, name, codec, start_of(2));
		beside.opening = opening;
		locate(f);
		assert_notice(f, NULL);
		if (beside.opening > 0) {
			assert_true(opening > 2);
			break;
		}
		assert_found(f, 1, start_of(1), LSN_NONE, start_of(1));
		assert_names(f->directory, T1 A);
	}
	beside.opening = 0;
	assert_int_equal(f->found.at, start_of(2));
	assert_names(f->directory, T1 A " " T1 B ".lz4");
	assert_int_equal(unlinkat(f->directory->fd, T1 B ".lz4", 0), 0);
}

static void
test_an_open_segment_vanishes_in_work(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	fill_segment(f, false);
	store(f, T1 A, CODEC_NONE, 0);
	f->resume.codec = CODEC_LZ4;
	for (int codec = CODEC_NONE; codec < CODECS; codec++)
		if (codec_available((enum codec)codec))
			open_segment_vanishes_in_work(f, (enum codec)codec);
}

static void
test_a_damaged_file_vanishes(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	file_store(f->directory, T1 B ".gz", "", 0);
	beside.opened = T1 B ".gz";
	beside.opening = 1;
	beside.held_open = true;
	locate_in(f, 2);
	assert_found(f, 1, start_of(1), LSN_NONE, start_of(1));
	assert_notice(f, NULL);
	assert_names(f->directory, T1 A);
}

/* What was found odd before another look is said once. */
static void
test_notices_of_two_looks(void **state)
{
	struct fixture *f = *state;
	lsn end;

	wal_builder_add_many(&f->wal, 300000);
	end = f->wal.at;
	fill_segment(f, true);
	fill_segment(f, true);
	fill_segment(f, false);
	store_open(f, T1 A ".partial", CODEC_NONE, end);
	store(f, T1 B, CODEC_NONE, 1);
	store(f, T1 C, CODEC_NONE, 2);
	beside.opened = T1 C;
	beside.opening = 1;
	locate_in(f, 2);
	assert_found(f, 1, start_of(2), LSN_NONE, start_of(2));
	assert_notice(f, "file \"" T1 A ".partial\" is not full");
	assert_names(f->directory, T1 A ".partial " T1 B);
}

/* The segment that the end of an older one is proven with. */
static void
test_a_proof_vanishes(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	fill_segment(f, true);
	wal_builder_add_many(&f->wal, (size_t)2 * SIZE + 300000);
	store_open(f, T1 A ".partial", CODEC_NONE, start_of(1));
	store(f, T1 B, CODEC_NONE, 1);
	store_open(f, T1 C ".partial", CODEC_NONE, f->wal.at);
	beside.opened = T1 B;
	beside.opening = 1;
	locate_in(f, 2);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
	assert_notice(f, "file \"" T1 A ".partial\" is not full");
	assert_names(f->directory, T1 A ".partial " T1 C ".partial");
	assert_open(f, T1 A ".partial", start_of(1));
}

/* There is an end to looking again. */
static void
test_files_that_never_stay(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	beside.listed = T1 B ".gz";
	beside.comes_back = true;
	assert_false(
		archive_locate(&f->resume, &f->history, &f->found, &f->error));
	assert_int_equal(f->error.code, ERR_NOT_FOUND);
	assert_non_null(strstr(f->error.message, T1 B ".gz"));
	assert_in_range(beside.looks, 10, 1000);

	beside.looks = 0;
	assert_false(archive_check_identity(&f->resume, &f->error));
	assert_int_equal(f->error.code, ERR_NOT_FOUND);
	assert_in_range(beside.looks, 10, 1000);
}

/* What is there still tells whose archive it is. */
static void
test_identity_while_files_vanish(void **state)
{
	struct fixture *f = *state;

	fill_segment(f, true);
	fill_segment(f, true);
	store(f, T1 A, CODEC_NONE, 0);
	store(f, T1 B ".gz", CODEC_GZIP, 1);
	beside.listed = T1 B ".gz";
	f->resume.identity.system_identifier = 42;
	assert_refused(f, "file \"" T1 A "\" has system identifier");
	assert_int_equal(beside.looks, 2);

	beside.listed = T1 A;
	assert_true(archive_check_identity(&f->resume, &f->error));
	assert_names(f->directory, "");
}

/* From the start of a segment on, it carries on the one before. */
static void
assert_follows(const struct fixture *f, lsn at)
{
	assert_int_equal(f->found.at, at);
	assert_true(f->found.follows);
	assert_int_equal(f->found.verifier.position, at);
}

/*
 * Zeros where the rest of a record should be, at the start of an open segment:
 * that they were never written shows only where the record is whole.
 */
static void
test_head_that_did_not_come(void **state)
{
	struct fixture *f = *state;
	lsn whole;

	fill_segment(f, true);
	whole = f->wal.at;
	assert_in_range(whole, start_of(1) + WAL_PAGE_SIZE,
		start_of(1) + 3 * WAL_PAGE_SIZE);
	store(f, T1 A, CODEC_NONE, 0);

	/* All of it, and all but a part of its last page. */
	store_open(f, T1 B ".partial", CODEC_NONE, whole);
	locate(f);
	assert_follows(f, whole);
	assert_int_equal(
		record_verifier_previous(&f->found.verifier), f->wal.previous);
	for (lsn missing = 8; missing < 6000; missing += 997) {
		store_open(f, T1 B ".partial", CODEC_NONE, whole - missing);
		locate(f);
		assert_follows(f, start_of(1));
		assert_open(f, T1 B ".partial", whole - missing);
	}

	/* Nor is there anything to follow, then. */
	file_cut(f->directory, T1 A, 0);
	locate(f);
	assert_int_equal(f->found.at, start_of(1));
	assert_false(f->found.follows);
	store(f, T1 A, CODEC_NONE, 0);

	/* None of it came. */
	fill_segment(f, false);
	store_open(f, T1 C ".partial", CODEC_NONE, start_of(2) + 1);
	store(f, T1 B, CODEC_NONE, 1);
	assert_int_equal(unlinkat(f->directory->fd, T1 B ".partial", 0), 0);
	locate(f);
	assert_follows(f, start_of(2));
	assert_int_equal(
		record_verifier_previous(&f->found.verifier), f->wal.previous);
	assert_int_equal(unlinkat(f->directory->fd, T1 B, 0), 0);
	assert_int_equal(unlinkat(f->directory->fd, T1 C ".partial", 0), 0);

	/* Where the archive begins with it nothing proves it. */
	assert_int_equal(unlinkat(f->directory->fd, T1 A, 0), 0);
	store_open(f, T1 B ".partial", CODEC_NONE, whole);
	locate(f);
	assert_int_equal(f->found.at, start_of(1));
	assert_int_equal(f->found.held, whole);
}

/* A power cut may keep later pages and lose earlier ones. */
static void
test_head_with_a_hole(void **state)
{
	struct fixture *f = *state;
	unsigned char *hole;
	unsigned char kept[512];

	fill_segment(f, true);
	hole = wal_builder_at(&f->wal, start_of(1)) + 4096;
	wal_builder_add_many(&f->wal, SIZE + 100000);
	store(f, T1 A, CODEC_NONE, 0);
	memcpy(kept, hole, sizeof(kept));
	memset(hole, 0, sizeof(kept));
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	locate(f);
	assert_int_equal(f->found.at, start_of(1));

	memcpy(hole, kept, sizeof(kept));
	store_open(f, T1 B ".partial", CODEC_NONE, f->wal.at);
	locate(f);
	assert_found(f, 1, f->wal.at, f->wal.previous, f->wal.at);
}

/* What archive_locate did once, it need not do again. */
static void
test_locate_twice(void **state)
{
	struct fixture *f = *state;
	struct archive_position first;
	ino_t number;

	fill_segment(f, true);
	wal_builder_add_many(&f->wal, SIZE + 300000);
	store_open(f, T1 A ".gz.partial", CODEC_GZIP, start_of(1));
	store_open(f, T1 B ".gz.partial", CODEC_GZIP, f->wal.at);
	locate(f);
	first = f->found;
	number = file_number(f->directory, T1 B ".partial");
	locate(f);
	assert_found(f, first.timeline, first.at,
		record_verifier_previous(&first.verifier), first.held);
	assert_int_equal(file_number(f->directory, T1 B ".partial"), number);
	assert_names(f->directory, T1 A " " T1 B ".partial");
}

#define resume_test(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		resume_test(test_empty_archive),
		resume_test(test_newest_is_complete),
		resume_test(test_newest_is_open),
		resume_test(test_a_record_across_the_end),
		resume_test(test_an_empty_open_segment),
		resume_test(test_an_open_segment_of_zeros),
		resume_test(test_every_codec_becomes_raw),
		resume_test(test_an_empty_stream),
		resume_test(test_the_longest_form_is_kept),
		resume_test(test_equal_forms),
		resume_test(test_a_damaged_form),
		resume_test(test_a_record_in_progress_is_kept),
		resume_test(test_a_longer_record_in_progress_wins),
		resume_test(test_nothing_but_a_record_in_progress),
		resume_test(test_a_full_segment_is_completed),
		resume_test(test_a_switched_segment_is_completed),
		resume_test(test_a_switch_across_a_border),
		resume_test(test_a_switch_whose_head_is_not_there),
		resume_test(test_full_but_for_the_last_record),
		resume_test(test_an_older_full_segment_is_completed),
		resume_test(test_older_below_a_complete_one),
		resume_test(test_an_older_segment_that_is_not_full),
		resume_test(test_an_older_segment_without_its_last_bytes),
		resume_test(
			test_an_older_segment_whose_last_record_is_not_whole),
		resume_test(test_older_forms_of_which_one_is_unreadable),
		resume_test(test_an_open_segment_beside_the_complete_one),
		resume_test(test_an_open_segment_beside_a_damaged_one),
		resume_test(test_odd_sizes_are_moved_aside),
		resume_test(test_damaged_streams_are_moved_aside),
		resume_test(test_streams_of_an_odd_size_are_moved_aside),
		resume_test(test_damage_in_a_complete_segment),
		resume_test(test_all_is_unreadable),
		resume_test(test_two_complete_forms),
		resume_test(test_unfinished_gzip),
		resume_test(test_cut_streams),
		resume_test(test_a_stream_with_an_old_tail),
		resume_test(test_temporaries_are_swept),
		resume_test(test_beyond_the_fork),
		resume_test(test_segments_beyond_the_fork),
		resume_test(test_full_and_compressed_at_the_fork),
		resume_test(test_exactly_at_the_fork),
		resume_test(test_just_below_the_fork),
		resume_test(test_the_fork_is_at_a_segments_start),
		resume_test(test_the_new_timeline_is_there),
		resume_test(test_the_old_timeline_stays_open),
		resume_test(test_an_abandoned_fork),
		resume_test(test_nothing_but_an_abandoned_fork),
		resume_test(test_three_timelines),
		resume_test(test_three_timelines_from_the_first),
		resume_test(test_segments_before_a_timeline_began),
		resume_test(test_an_unknown_magic),
		resume_test(test_another_cluster),
		resume_test(test_another_segment_size),
		resume_test(test_names_of_another_segment_size),
		resume_test(test_identity_in_a_damaged_archive),
		resume_test(test_identity_with_an_unknown_magic),
		resume_test(test_an_archive_without_wal_fits),
		resume_test(test_what_is_held_is_synced),
		resume_test(test_the_newest_vanishes),
		resume_test(test_an_open_segment_vanishes_in_work),
		resume_test(test_a_damaged_file_vanishes),
		resume_test(test_notices_of_two_looks),
		resume_test(test_a_proof_vanishes),
		resume_test(test_files_that_never_stay),
		resume_test(test_identity_while_files_vanish),
		resume_test(test_head_that_did_not_come),
		resume_test(test_head_with_a_hole),
		resume_test(test_locate_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
