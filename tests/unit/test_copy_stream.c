#include "server/copy_stream.h"

#include "server_fixture.h"

#include <poll.h>
#include <string.h>

#define START_QUERY "START_REPLICATION PHYSICAL 0/03000000 TIMELINE 1"

/* Larger than libpq's first buffer. */
#define LARGE 100000

static const struct replication_request request = {NULL, 1, 0x3000000};

static void
begin_copy(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_query(fake, START_QUERY);
	fake_copy_both(fake);
	fake_flush(fake);
}

static void
begin(struct fixture *f, fake_script script)
{
	enum replication_start result = REPLICATION_TIMELINE_ENDED;
	struct timeline_switch next;

	fixture_connect(f, script);
	if (!server_start_replication(
		    f->server, &request, &result, &next, &f->error))
		fail_msg("%s", f->error.message);
	assert_int_equal(result, REPLICATION_STARTED);
}

static enum copy_status
receive(struct fixture *f, struct copy_message *message)
{
	enum copy_status status = COPY_DRAINED;

	if (!copy_receive(f->server, false, &status, message, &f->error))
		fail_msg("%s", f->error.message);
	return status;
}

static void
wait_for_socket(struct fixture *f)
{
	struct pollfd wanted = {
		.fd = server_socket(f->server), .events = POLLIN};

	assert_int_equal(poll(&wanted, 1, 10000), 1);
}

/* Receive, and wait, until there is something else than nothing. */
static bool
receive_next(struct fixture *f, enum copy_status *status,
	struct copy_message *message)
{
	for (;;) {
		if (!copy_receive(f->server, false, status, message, &f->error))
			return false;
		if (*status != COPY_DRAINED)
			return true;
		wait_for_socket(f);
	}
}

static void
expect_message(struct fixture *f, const char *data, size_t len)
{
	enum copy_status status;
	struct copy_message message = {NULL, 0};

	if (!receive_next(f, &status, &message))
		fail_msg("%s", f->error.message);
	assert_int_equal(status, COPY_MESSAGE);
	assert_int_equal(message.len, len);
	assert_memory_equal(message.data, data, len);
	copy_message_free(&message);
	assert_null(message.data);
}

/* One message in pieces that break its head and its body. */
static void
split_message(struct fake_server *fake)
{
	static const size_t pieces[] = {1, 3, 1, 2};

	begin_copy(fake);
	fake_copy_data(fake, "hello", 5);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		fake_wait(fake);
		fake_flush_part(fake, pieces[i]);
	}
	fake_wait(fake);
	fake_copy_data(fake, "", 0);
	fake_copy_data(fake, "two", 3);
	fake_copy_data(fake, "three", 5);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
pieces_and_batches(void **state)
{
	struct copy_message message = {NULL, 0};
	struct fixture f;

	(void)state;
	begin(&f, split_message);
	for (int i = 0; i < 4; i++) {
		fake_go(&f.fake);
		wait_for_socket(&f);
		assert_int_equal(receive(&f, &message), COPY_DRAINED);
	}
	fake_go(&f.fake);
	expect_message(&f, "hello", 5);
	assert_int_equal(receive(&f, &message), COPY_MESSAGE);
	assert_memory_equal(message.data, "two", 3);
	copy_message_free(&message);
	assert_int_equal(receive(&f, &message), COPY_MESSAGE);
	assert_memory_equal(message.data, "three", 5);
	copy_message_free(&message);
	assert_int_equal(receive(&f, &message), COPY_DRAINED);
	fixture_end(&f);
}

static void
two_flushes(struct fake_server *fake)
{
	begin_copy(fake);
	fake_copy_data(fake, "one", 3);
	fake_copy_data(fake, "two", 3);
	fake_flush(fake);
	fake_wait(fake);
	fake_copy_data(fake, "three", 5);
	fake_flush(fake);
	fake_expect_close(fake);
}

static enum copy_status
receive_at_hand(struct fixture *f, struct copy_message *message)
{
	enum copy_status status = COPY_ENDED;

	if (!copy_receive(f->server, true, &status, message, &f->error))
		fail_msg("%s", f->error.message);
	return status;
}

/* What an earlier read brought, and not what the socket holds. */
static void
at_hand(void **state)
{
	struct copy_message message = {NULL, 0};
	struct fixture f;

	(void)state;
	begin(&f, two_flushes);
	expect_message(&f, "one", 3);
	assert_int_equal(receive_at_hand(&f, &message), COPY_MESSAGE);
	assert_memory_equal(message.data, "two", 3);
	copy_message_free(&message);
	fake_go(&f.fake);
	wait_for_socket(&f);
	assert_int_equal(receive_at_hand(&f, &message), COPY_DRAINED);
	wait_for_socket(&f);
	expect_message(&f, "three", 5);
	fixture_end(&f);
}

static void
large_message(struct fake_server *fake)
{
	static char large[LARGE];

	memset(large, 'x', sizeof(large));
	begin_copy(fake);
	fake_copy_data(fake, large, sizeof(large));
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
large(void **state)
{
	static char expected[LARGE];
	struct fixture f;

	(void)state;
	memset(expected, 'x', sizeof(expected));
	begin(&f, large_message);
	expect_message(&f, expected, sizeof(expected));
	fixture_end(&f);
}

static void
ends_timeline(struct fake_server *fake)
{
	static const char *const next[] = {"2", "0/3000100"};

	begin_copy(fake);
	fake_copy_data(fake, "wal", 3);
	fake_message(fake, 'c', "", 0);
	fake_flush(fake);
	fake_expect(fake, 'c', "", 0);
	fake_row(fake, 2, next);
	fake_complete(fake, "SELECT 1");
	fake_complete(fake, "START_STREAMING");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_query(fake, "DROP_REPLICATION_SLOT \"x\"");
	fake_complete(fake, "DROP_REPLICATION_SLOT");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect(fake, 'X', NULL, 0);
}

static void
server_ends(void **state)
{
	enum copy_status status;
	struct copy_message message;
	struct timeline_switch next = {0, 0};
	struct fixture f;

	(void)state;
	begin(&f, ends_timeline);
	expect_message(&f, "wal", 3);
	assert_true(receive_next(&f, &status, &message));
	assert_int_equal(status, COPY_ENDED);
	assert_true(copy_finish(f.server, &next, &f.error));
	assert_int_equal(next.timeline, 2);
	assert_int_equal(next.begin, 0x3000100);
	/* The connection is fit for the next command. */
	assert_true(server_drop_slot(f.server, "x", &f.error));
	fixture_end(&f);
}

static void
goes_on_sending(struct fake_server *fake)
{
	begin_copy(fake);
	fake_expect(fake, 'd', "report", 6);
	fake_expect(fake, 'c', "", 0);
	for (int i = 0; i < 100; i++)
		fake_copy_data(fake, "late wal", 8);
	fake_message(fake, 'c', "", 0);
	fake_complete(fake, "COPY 0");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect(fake, 'X', NULL, 0);
}

static void
we_end(void **state)
{
	struct timeline_switch next = {9, 9};
	struct fixture f;

	(void)state;
	begin(&f, goes_on_sending);
	assert_true(copy_send(f.server, "report", 6, &f.error));
	assert_false(copy_unsent(f.server));
	assert_true(copy_finish(f.server, &next, &f.error));
	assert_int_equal(next.timeline, 0);
	fixture_end(&f);
}

static void
never_ends(struct fake_server *fake)
{
	struct fixture *f = fake->argument;

	begin_copy(fake);
	fake_expect(fake, 'c', "", 0);
	fixture_stop(f);
	fake_expect_close(fake);
}

static void
finish_stops(void **state)
{
	struct timeline_switch next = {9, 9};
	struct fixture f;

	(void)state;
	begin(&f, never_ends);
	assert_false(copy_finish(f.server, &next, &f.error));
	assert_int_equal(f.error.code, ERR_STOPPED);
	assert_int_equal(next.timeline, 9);
	fixture_end(&f);
}

static void
wal_removed(struct fake_server *fake)
{
	begin_copy(fake);
	fake_error(fake, "ERROR", "58P01",
		"requested WAL segment has already been removed");
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
terminated(struct fake_server *fake)
{
	begin_copy(fake);
	fake_error(fake, "FATAL", "57P01", "terminating connection");
	fake_flush(fake);
	fake_close(fake);
}

static void
shut_down(struct fake_server *fake)
{
	begin_copy(fake);
	fake_complete(fake, "COPY 0");
	fake_flush(fake);
	fake_close(fake);
}

static void
vanished(struct fake_server *fake)
{
	begin_copy(fake);
	fake_copy_data(fake, "hello", 5);
	fake_flush_part(fake, 7);
	fake_close(fake);
}

static void
half_a_row(struct fake_server *fake)
{
	begin_copy(fake);
	fake_wait(fake);
	fake_message(fake, 'T', "\0\1x", 3);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
bad_length(struct fake_server *fake)
{
	begin_copy(fake);
	fake_wait(fake);
	text_append(&fake->out, "d\0\0\0\1", 5);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
ends_with(fake_script script, enum error_code code, const char *text)
{
	enum copy_status status = COPY_DRAINED;
	struct copy_message message = {NULL, 0};
	struct fixture f;

	begin(&f, script);
	fake_go(&f.fake);
	assert_false(receive_next(&f, &status, &message));
	assert_int_equal(f.error.code, code);
	if (strstr(f.error.message, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, f.error.message);
	assert_null(strchr(f.error.message, '\n'));
	fixture_end(&f);
}

static void
errors(void **state)
{
	(void)state;
	ends_with(wal_removed, ERR_GAP, "requested WAL segment");
	ends_with(terminated, ERR_UNREACHABLE, "terminating");
	ends_with(shut_down, ERR_UNREACHABLE, "ended by the server");
	ends_with(vanished, ERR_UNREACHABLE, "closed the connection");
	ends_with(bad_length, ERR_UNREACHABLE, "");
}

static void
unexpected_message(void **state)
{
	enum copy_status status;
	struct copy_message message;
	struct fixture f;

	(void)state;
	begin(&f, half_a_row);
	fake_go(&f.fake);
	assert_false(receive_next(&f, &status, &message));
	assert_true(f.error.code == ERR_PROTOCOL ||
		f.error.code == ERR_UNREACHABLE);
	fixture_end(&f);
}

/* A server that does not read fills the socket; nothing waits for it. */
static void
does_not_read(struct fake_server *fake)
{
	begin_copy(fake);
	fake_wait(fake);
	fake_expect_close(fake);
}

static void
unsent(void **state)
{
	static char large[LARGE];
	struct fixture f;
	int count = 0;

	(void)state;
	begin(&f, does_not_read);
	while (!copy_unsent(f.server) && count++ < 1000)
		assert_true(
			copy_send(f.server, large, sizeof(large), &f.error));
	assert_true(copy_unsent(f.server));
	fake_go(&f.fake);
	while (copy_unsent(f.server)) {
		struct pollfd wanted = {
			.fd = server_socket(f.server), .events = POLLOUT};

		assert_int_equal(poll(&wanted, 1, 10000), 1);
		assert_true(copy_flush(f.server, &f.error));
	}
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_and_batches),
		cmocka_unit_test(at_hand),
		cmocka_unit_test(large),
		cmocka_unit_test(server_ends),
		cmocka_unit_test(we_end),
		cmocka_unit_test(finish_stops),
		cmocka_unit_test(errors),
		cmocka_unit_test(unexpected_message),
		cmocka_unit_test(unsent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
