/*
 * A file written by a thread: all bytes in order, and failures told.
 */
#include "restore/writer.h"

#include "archive_files.h"

#include <errno.h>

#define PIECES 100

/* Hand over pieces of all lengths; false: a put failed. */
static bool
put_pieces(struct writer *writer, unsigned char *expected, size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < PIECES; i++) {
		unsigned char *room = writer_room(writer);
		size_t piece = i % 3 == 0 ? WRITER_PIECE : i * 997 % 5000;

		memset(room, (int)(i + 1), piece);
		if (expected != NULL)
			memset(expected + *len, (int)(i + 1), piece);
		*len += piece;
		if (!writer_put(writer, piece))
			return false;
	}
	return true;
}

static void
writes_all_in_order(void **state)
{
	const struct directory *directory = *state;
	unsigned char *expected = malloc(PIECES * WRITER_PIECE);
	struct writer writer;
	struct error error;
	size_t len;
	int fd;

	assert_non_null(expected);
	assert_true(durable_create(directory, "file", 0, &fd, &error));
	assert_true(writer_open(&writer, &error));
	assert_true(writer_start(&writer, fd, "file", &error));
	assert_true(put_pieces(&writer, expected, &len));
	assert_true(writer_finish(&writer, &error));
	writer_close(&writer);
	assert_int_equal(close(fd), 0);
	assert_plain(directory, "file", CODEC_NONE, expected, len);
	free(expected);
}

static void
a_full_disk_is_told(void **state)
{
	struct writer writer;
	struct error error;
	size_t len;
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	if (fd < 0)
		skip();
	assert_true(writer_open(&writer, &error));
	assert_true(writer_start(&writer, fd, "file", &error));
	assert_false(put_pieces(&writer, NULL, &len));
	assert_false(writer_finish(&writer, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_int_equal(error.sys_errno, ENOSPC);
	writer_close(&writer);
	assert_int_equal(close(fd), 0);
}

static void
closes_at_any_time(void **state)
{
	const struct directory *directory = *state;
	struct writer writer;
	struct error error;
	int fd;

	assert_true(writer_open(&writer, &error));
	(void)writer_room(&writer);
	writer_close(&writer);
	assert_true(durable_create(directory, "file", 0, &fd, &error));
	assert_true(writer_open(&writer, &error));
	assert_true(writer_start(&writer, fd, "file", &error));
	(void)writer_room(&writer);
	assert_true(writer_put(&writer, 1));
	writer_close(&writer);
	writer_close(&writer);
	assert_int_equal(close(fd), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(writes_all_in_order),
		cmocka_unit_test(a_full_disk_is_told),
		directory_test(closes_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
