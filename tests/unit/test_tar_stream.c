#include "backup/tar_stream.h"

#include "tar_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Hands out an archive in pieces. */
struct pieces {
	const struct text *tar;
	size_t at;
	size_t len; /* of a piece */
	bool fails; /* at the end */
};

static bool
next_piece(void *context, const void **data, size_t *len, struct error *error)
{
	struct pieces *pieces = context;
	size_t left = pieces->tar->len - pieces->at;

	if (left == 0 && pieces->fails)
		return error_set(error, ERR_UNREACHABLE, "lost");
	*data = pieces->tar->string + pieces->at;
	*len = left < pieces->len ? left : pieces->len;
	pieces->at += *len;
	return true;
}

static struct tar_reader *
open_reader(struct pieces *pieces)
{
	struct tar_reader *reader;
	struct error error;

	if (!tar_reader_open(&reader, next_piece, pieces, &error))
		fail_msg("%s", error.message);
	return reader;
}

static void
content_is(struct tar_reader *reader, const char *wanted)
{
	struct text content;
	struct error error;
	const void *data;
	size_t len;

	text_init(&content);
	do {
		if (!tar_reader_data(reader, &data, &len, &error))
			fail_msg("%s", error.message);
		if (len > 0)
			text_append(&content, data, len);
	} while (len > 0);
	assert_string_equal(content.string, wanted);
	text_free(&content);
}

static void
next_is(struct tar_reader *reader, enum tar_kind kind, const char *path)
{
	struct tar_member member;
	struct error error;
	bool end;

	if (!tar_reader_next(reader, &member, &end, &error))
		fail_msg("%s", error.message);
	assert_false(end);
	assert_int_equal(member.kind, kind);
	assert_string_equal(member.path, path);
}

static void
ends(struct tar_reader *reader, const struct pieces *pieces)
{
	struct tar_member member;
	struct error error;
	bool end;

	if (!tar_reader_next(reader, &member, &end, &error))
		fail_msg("%s", error.message);
	assert_true(end);
	assert_int_equal(pieces->at, pieces->tar->len);
}

static void
make_archive(struct text *tar)
{
	text_init(tar);
	tar_add(tar, '0', "backup_label", "", "a label");
	tar_add(tar, '5', "base/", "", "");
	tar_add(tar, '0', "base/1", "", "");
	tar_add(tar, '2', "pg_tblspc/1", "/space", "");
	tar_add(tar, '5', "./pg_wal/archive_status/", "", "");
}

/* In pieces of any length; before version 15, nothing ends an archive. */
static void
members(void **state)
{
	static const size_t lens[] = {1, 511, 512, 4096, 100000};
	struct tar_reader *reader;
	struct pieces pieces;
	struct text tar;

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		make_archive(&tar);
		if (i % 2 == 1)
			tar_end(&tar);
		pieces = (struct pieces){.tar = &tar, .len = lens[i / 2]};
		reader = open_reader(&pieces);
		next_is(reader, TAR_FILE, "backup_label");
		content_is(reader, "a label");
		next_is(reader, TAR_DIRECTORY, "base");
		next_is(reader, TAR_FILE, "base/1");
		content_is(reader, "");
		next_is(reader, TAR_LINK, "pg_tblspc/1");
		next_is(reader, TAR_DIRECTORY, "pg_wal/archive_status");
		ends(reader, &pieces);
		tar_reader_free(reader);
		text_free(&tar);
	}
}

/* Read all; the error that came. */
static enum error_code
read_all(struct pieces *pieces, struct error *error)
{
	struct tar_reader *reader = NULL;
	struct tar_member member;
	const void *data;
	bool end = false;
	bool ok = tar_reader_open(&reader, next_piece, pieces, error);
	size_t len = 0;

	while (ok && !end) {
		ok = tar_reader_next(reader, &member, &end, error);
		while (ok && !end && member.kind == TAR_FILE) {
			ok = tar_reader_data(reader, &data, &len, error);
			if (len == 0)
				break;
		}
	}
	tar_reader_free(reader);
	return ok ? ERR_NONE : error->code;
}

static void
odd_members(void **state)
{
	static const struct {
		char type;
		const char *target;
	} odd[] = {{'1', "a"}, {'3', "a"}, {'4', "a"}, {'6', "a"}, {'2', ""}};
	struct pieces pieces;
	struct error error;
	struct text tar;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		text_init(&tar);
		tar_add(&tar, '0', "a", "", "a");
		tar_add(&tar, odd[i].type, "b", odd[i].target, "");
		tar_end(&tar);
		pieces = (struct pieces){.tar = &tar, .len = 4096};
		assert_int_equal(read_all(&pieces, &error), ERR_PROTOCOL);
		text_free(&tar);
	}
}

static void
damaged(void **state)
{
	struct pieces pieces;
	struct error error;
	struct text tar;

	(void)state;
	text_init(&tar);
	tar_add(&tar, '0', "a", "", "some content");
	tar_end(&tar);

	/* Cut in the header, and in the content. */
	tar.len = 100;
	pieces = (struct pieces){.tar = &tar, .len = 4096};
	assert_int_equal(read_all(&pieces, &error), ERR_PROTOCOL);
	tar.len = TAR_BLOCK + 5;
	pieces = (struct pieces){.tar = &tar, .len = 4096};
	assert_int_equal(read_all(&pieces, &error), ERR_PROTOCOL);

	/* What the source says is what is told. */
	pieces = (struct pieces){.tar = &tar, .len = 4096, .fails = true};
	assert_int_equal(read_all(&pieces, &error), ERR_UNREACHABLE);

	/* Another sum than the header's. */
	tar.len = 3 * TAR_BLOCK;
	tar.string[0] = 'b';
	pieces = (struct pieces){.tar = &tar, .len = 4096};
	assert_int_equal(read_all(&pieces, &error), ERR_PROTOCOL);

	text_clear(&tar);
	text_printf(&tar, "%01000d", 7);
	pieces = (struct pieces){.tar = &tar, .len = 4096};
	assert_int_equal(read_all(&pieces, &error), ERR_PROTOCOL);
	text_free(&tar);
}

static bool
collect(void *context, const void *data, size_t len, struct error *error)
{
	struct text *out = context;

	(void)error;
	text_append(out, data, len);
	return true;
}

static void
copied(void **state)
{
	struct tar_reader *reader;
	struct tar_writer *writer;
	struct pieces pieces;
	struct error error;
	struct text tar;
	struct text out;

	(void)state;
	make_archive(&tar);
	tar_end(&tar);
	text_init(&out);
	pieces = (struct pieces){.tar = &tar, .len = 4096};
	reader = open_reader(&pieces);
	assert_true(tar_writer_open(&writer, collect, &out, &error));
	next_is(reader, TAR_FILE, "backup_label");
	assert_true(tar_writer_copy(writer, reader, 3, &error));
	assert_true(tar_writer_data(writer, "abc", 3, &error));
	next_is(reader, TAR_DIRECTORY, "base");
	assert_true(tar_writer_copy(writer, reader, 0, &error));
	next_is(reader, TAR_FILE, "base/1");
	next_is(reader, TAR_LINK, "pg_tblspc/1");
	assert_true(tar_writer_copy(writer, reader, 0, &error));
	assert_true(tar_writer_file(writer, "new", 0640, 5, &error));
	assert_true(tar_writer_data(writer, "12", 2, &error));
	assert_true(tar_writer_data(writer, "345", 3, &error));
	assert_true(tar_writer_finish(writer, &error));
	tar_writer_free(writer);
	tar_reader_free(reader);

	/* ustar, and it ends as it should. */
	assert_memory_equal(out.string + 257, "ustar", 5);
	assert_true(out.len % TAR_BLOCK == 0);
	pieces = (struct pieces){.tar = &out, .len = 1000};
	reader = open_reader(&pieces);
	next_is(reader, TAR_FILE, "backup_label");
	content_is(reader, "abc");
	next_is(reader, TAR_DIRECTORY, "base");
	next_is(reader, TAR_LINK, "pg_tblspc/1");
	next_is(reader, TAR_FILE, "new");
	content_is(reader, "12345");
	ends(reader, &pieces);
	tar_reader_free(reader);
	text_free(&out);
	text_free(&tar);
}

static bool
refuse(void *context, const void *data, size_t len, struct error *error)
{
	(void)context;
	(void)data;
	(void)len;
	return error_set(error, ERR_REFUSED, "no");
}

static void
not_written(void **state)
{
	struct tar_writer *writer;
	struct error error;
	bool ok;

	(void)state;
	assert_true(tar_writer_open(&writer, refuse, NULL, &error));
	ok = tar_writer_file(writer, "new", 0640, 5, &error) &&
		tar_writer_data(writer, "12345", 5, &error) &&
		tar_writer_finish(writer, &error);
	assert_false(ok);
	assert_int_equal(error.code, ERR_REFUSED);
	tar_writer_free(writer);
	tar_writer_free(NULL);
	tar_reader_free(NULL);
}

/* A member of this size is never filled up. */
static void
given_up(void **state)
{
	struct tar_writer *writer;
	struct error error;
	struct text out;

	(void)state;
	text_init(&out);
	assert_true(tar_writer_open(&writer, collect, &out, &error));
	assert_true(tar_writer_file(
		writer, "new", 0640, (uint64_t)64 << 20, &error));
	assert_true(tar_writer_data(writer, "12345", 5, &error));
	tar_writer_free(writer);
	assert_true(out.len < (size_t)4 * TAR_BLOCK);

	assert_true(tar_writer_open(&writer, refuse, NULL, &error));
	assert_false(tar_writer_file(writer, "new", 0640, 5, &error));
	tar_writer_free(writer);
	text_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members),
		cmocka_unit_test(odd_members),
		cmocka_unit_test(damaged),
		cmocka_unit_test(copied),
		cmocka_unit_test(not_written),
		cmocka_unit_test(given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
