/*
 * What libpq itself refuses. A server brings about little of it, so functions
 * of its table are replaced here.
 */
#include "server/base_backup.h"
#include "server/copy_stream.h"
#include "server/libpq.h"
#include "server/query.h"
#include "server/session.h"

#include "failing_call.h"
#include "server_fixture.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#define START_QUERY "START_REPLICATION PHYSICAL 0/03000000 TIMELINE 1"
#define LOST "connection to server was lost"

static const struct replication_request request = {NULL, 1, 0x3000000};

/* The table in place of libpq's, while replaced is true. */
static struct libpq table;
static bool replaced;

/* How often the replaced functions have been called. */
static int calls;

const struct libpq *__wrap_libpq(void);
const struct libpq *__real_libpq(void);

const struct libpq *
__wrap_libpq(void)
{
	return replaced ? &table : __real_libpq();
}

/* Begin with libpq's own. */
static void
replace(void)
{
	table = *__real_libpq();
	replaced = true;
	calls = 0;
}

static char *
no_message(const PGconn *conn)
{
	static char nothing[] = "";

	(void)conn;
	return nothing;
}

static int
no_query(PGconn *conn, const char *query)
{
	(void)conn;
	(void)query;
	return 0;
}

static int
no_parameters(PGconn *conn, const char *query, int count, const Oid *types,
	const char *const *values, const int *lens, const int *formats,
	int result_format)
{
	(void)conn;
	(void)query;
	(void)count;
	(void)types;
	(void)values;
	(void)lens;
	(void)formats;
	(void)result_format;
	return 0;
}

static int
answer_0(PGconn *conn)
{
	(void)conn;
	calls++;
	return 0;
}

static int
answer_1(PGconn *conn)
{
	(void)conn;
	calls++;
	return 1;
}

static int
answer_minus_1(PGconn *conn)
{
	(void)conn;
	return -1;
}

static int
not_nonblocking(PGconn *conn, int wanted)
{
	(void)conn;
	(void)wanted;
	return -1;
}

static PGresult *
no_result(PGconn *conn)
{
	(void)conn;
	return NULL;
}

static ExecStatusType
odd_status(const PGresult *result)
{
	(void)result;
	return PGRES_EMPTY_QUERY;
}

static int
no_room(PGconn *conn, const char *data, int len)
{
	(void)conn;
	(void)data;
	(void)len;
	return 0;
}

static int
no_copy_data(PGconn *conn, const char *data, int len)
{
	(void)conn;
	(void)data;
	(void)len;
	return -1;
}

static int
no_copy_end(PGconn *conn, const char *message)
{
	(void)conn;
	(void)message;
	return -1;
}

/* There is room the second time only. */
static int
late_copy_end(PGconn *conn, const char *message)
{
	return calls++ == 0 ? 0 : __real_libpq()->PQputCopyEnd(conn, message);
}

static int
copy_fault(PGconn *conn, char **data, int async)
{
	(void)conn;
	(void)async;
	*data = NULL;
	return -2;
}

static int
copy_over(PGconn *conn, char **data, int async)
{
	(void)conn;
	(void)async;
	*data = NULL;
	return -1;
}

static int
one_reading(PGconn *conn)
{
	calls++;
	return __real_libpq()->PQconsumeInput(conn);
}

static int
encrypted(PGconn *conn)
{
	(void)conn;
	return 1;
}

static void
logged_in(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_close(fake);
}

static void
logged_in_to_17(struct fake_server *fake)
{
	fake_accept(fake);
	fake_welcome(fake, "17.1");
	fake_expect_close(fake);
}

static void
copying(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_query(fake, START_QUERY);
	fake_copy_both(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

/* Connect, and go on with a table that can be changed. */
static void
begin(struct fixture *f, fake_script script)
{
	fixture_connect(f, script);
	replace();
	table.PQerrorMessage = no_message;
}

static void
begin_copying(struct fixture *f, fake_script script)
{
	enum replication_start result = REPLICATION_TIMELINE_ENDED;
	struct timeline_switch next;

	fixture_connect(f, script);
	assert_true(server_start_replication(
		f->server, &request, &result, &next, &f->error));
	assert_int_equal(result, REPLICATION_STARTED);
	replace();
	table.PQerrorMessage = no_message;
}

static void
end(struct fixture *f, bool ok, enum error_code code, const char *message)
{
	replaced = false;
	assert_false(ok);
	assert_string_equal(f->error.message, message);
	assert_int_equal(f->error.code, code);
	fixture_end(f);
}

static void
query_is_not_sent(void **state)
{
	struct server_identity identity;
	struct base_backup_request backup_request = {.label = "x"};
	struct base_backup backup;
	struct query_rows rows;
	struct fixture f;
	bool ok;

	(void)state;
	begin(&f, logged_in);
	table.PQsendQuery = no_query;
	ok = server_identify(f.server, &identity, &f.error);
	end(&f, ok, ERR_UNREACHABLE, LOST);

	begin(&f, logged_in);
	table.PQsendQuery = no_query;
	ok = query_run(f.server, "SELECT 1", 1, &rows, &f.error);
	end(&f, ok, ERR_UNREACHABLE, LOST);

	begin(&f, logged_in);
	table.PQsetSingleRowMode = answer_0;
	ok = query_run(f.server, "SELECT 1", 1, &rows, &f.error);
	end(&f, ok, ERR_UNREACHABLE, LOST);

	begin(&f, logged_in);
	table.PQsendQuery = no_query;
	ok = base_backup_begin(&backup, f.server, &backup_request, &f.error);
	end(&f, ok, ERR_UNREACHABLE, LOST);

	begin(&f, logged_in_to_17);
	table.PQsendQuery = no_query;
	ok = server_upload_manifest(f.server, "{}", 2, &f.error);
	end(&f, ok, ERR_UNREACHABLE, LOST);
}

static void
no_answer(void **state)
{
	struct server_identity identity;
	struct base_backup_request backup_request = {.label = "x"};
	struct base_backup backup;
	struct fixture f;
	bool ok;

	(void)state;
	begin(&f, logged_in);
	table.PQisBusy = answer_0;
	table.PQgetResult = no_result;
	ok = server_identify(f.server, &identity, &f.error);
	end(&f, ok, ERR_PROTOCOL,
		"the server did not answer replication command "
		"IDENTIFY_SYSTEM");

	begin(&f, logged_in);
	table.PQisBusy = answer_0;
	table.PQgetResult = no_result;
	ok = base_backup_begin(&backup, f.server, &backup_request, &f.error);
	end(&f, ok, ERR_PROTOCOL, "the server ended the base backup too early");
}

static void
connection_stays_blocking(void **state)
{
	struct fixture f;
	bool ok;

	(void)state;
	fixture_begin(&f, logged_in, 10 * USECS_PER_SEC);
	replace();
	table.PQerrorMessage = no_message;
	table.PQsetnonblocking = not_nonblocking;
	ok = server_connect(f.server, &f.error);
	end(&f, ok, ERR_UNREACHABLE, LOST);
}

static void
bytes_do_not_go_out(void **state)
{
	struct fixture f;
	bool ok;

	(void)state;
	begin_copying(&f, copying);
	table.PQflush = answer_minus_1;
	ok = copy_flush(f.server, &f.error);
	end(&f, ok, ERR_UNREACHABLE, LOST);

	begin_copying(&f, copying);
	table.PQputCopyData = no_copy_data;
	ok = copy_send(f.server, "x", 1, &f.error);
	end(&f, ok, ERR_UNREACHABLE, LOST);

	begin_copying(&f, copying);
	table.PQputCopyData = no_room;
	ok = copy_send(f.server, "x", 1, &f.error);
	end(&f, ok, ERR_MEMORY, "out of memory");

	begin_copying(&f, copying);
	ok = copy_send(f.server, "x", (size_t)INT_MAX + 1, &f.error);
	end(&f, ok, ERR_MEMORY, "out of memory");
}

static void
finish_fails(void **state)
{
	static const char message[] =
		"replication command START_REPLICATION failed: " LOST;
	struct timeline_switch next = {7, 7};
	struct fixture f;
	bool ok;

	(void)state;
	begin_copying(&f, copying);
	table.PQputCopyEnd = no_copy_end;
	ok = copy_finish(f.server, &next, &f.error);
	end(&f, ok, ERR_UNREACHABLE, message);

	begin_copying(&f, copying);
	table.PQgetCopyData = copy_fault;
	ok = copy_finish(f.server, &next, &f.error);
	end(&f, ok, ERR_UNREACHABLE, message);

	begin_copying(&f, copying);
	table.PQputCopyEnd = late_copy_end;
	table.PQflush = answer_1; /* so that the socket's room is waited for */
	table.PQconsumeInput = answer_0;
	ok = copy_finish(f.server, &next, &f.error);
	end(&f, ok, ERR_UNREACHABLE, message);
	assert_int_equal(next.timeline, 7);
}

static void
our_end_waits_for_room(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_query(fake, START_QUERY);
	fake_copy_both(fake);
	fake_flush(fake);
	fake_expect(fake, 'c', "", 0);
	fake_message(fake, 'c', "", 0);
	fake_complete(fake, "COPY 0");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static int
unsent_once(PGconn *conn)
{
	int unsent = __real_libpq()->PQflush(conn);

	return calls == 1 ? 1 : unsent;
}

static void
finish_waits(void **state)
{
	struct timeline_switch next = {7, 7};
	struct fixture f;

	(void)state;
	begin_copying(&f, our_end_waits_for_room);
	table.PQputCopyEnd = late_copy_end;
	table.PQflush = unsent_once;
	if (!copy_finish(f.server, &next, &f.error))
		fail_msg("%s", f.error.message);
	assert_int_equal(calls, 2);
	assert_int_equal(next.timeline, 0);
	replaced = false;
	fixture_end(&f);
}

static void
receive_fails(void **state)
{
	struct copy_message message = {NULL, 0};
	enum copy_status status;
	struct fixture f;
	bool ok;

	(void)state;
	begin_copying(&f, copying);
	table.PQgetCopyData = copy_fault;
	ok = copy_receive(f.server, false, &status, &message, &f.error);
	end(&f, ok, ERR_UNREACHABLE, LOST);

	begin_copying(&f, copying);
	table.PQgetCopyData = copy_over;
	table.PQgetResult = no_result;
	table.PQisBusy = answer_0;
	ok = copy_receive(f.server, false, &status, &message, &f.error);
	end(&f, ok, ERR_PROTOCOL,
		"the server ended the replication stream without an answer");

	begin_copying(&f, copying);
	table.PQgetCopyData = copy_over;
	table.PQisBusy = answer_0;
	table.PQresultStatus = odd_status;
	ok = copy_receive(f.server, false, &status, &message, &f.error);
	end(&f, ok, ERR_PROTOCOL,
		"unexpected end of the replication stream: "
		"PGRES_EMPTY_QUERY");
}

static void
assert_readings(struct fixture *f, bool at_hand, int expected)
{
	struct copy_message message = {NULL, 0};
	enum copy_status status;

	calls = 0;
	assert_true(
		copy_receive(f->server, at_hand, &status, &message, &f->error));
	assert_int_equal(status, COPY_DRAINED);
	assert_int_equal(calls, expected);
}

/* The library that decrypts may hold bytes that poll() does not see. */
static void
encrypted_bytes_are_asked_for(void **state)
{
	struct fixture f;

	(void)state;
	begin_copying(&f, copying);
	table.PQconsumeInput = one_reading;
	assert_readings(&f, false, 1);
	assert_readings(&f, true, 0);
	table.PQsslInUse = encrypted;
	assert_readings(&f, false, 3);
	assert_readings(&f, true, 3);
	table.PQsslInUse = __real_libpq()->PQsslInUse;
	table.PQgssEncInUse = encrypted;
	assert_readings(&f, true, 3);
	replaced = false;
	fixture_end(&f);
}

/* The slot of a server before 15 is asked for over a second connection. */
static void
two_connections(struct fake_server *fake)
{
	fake_accept(fake);
	fake_welcome(fake, "14.1");
	fake_leave(fake);
	fake_accept(fake);
	fake_welcome(fake, "14.1");
	fake_expect_close(fake);
}

static void
slot_stays_unknown(void **state)
{
	struct server_slot slot = {.known = true};
	struct fixture f;

	(void)state;
	begin(&f, two_connections);
	table.PQsendQueryParams = no_parameters;
	assert_true(server_read_slot(f.server, "x", &slot, &f.error));
	assert_false(slot.known);
	replaced = false;
	fixture_end(&f);
}

static char *
far_host(const PGconn *conn)
{
	static char name[] = "db.example";

	(void)conn;
	return name;
}

static char *
far_address(const PGconn *conn)
{
	static char address[] = "192.0.2.1";

	(void)conn;
	return address;
}

static char *
far_port(const PGconn *conn)
{
	static char port[] = "5433";

	(void)conn;
	return port;
}

static void
silent(struct fake_server *fake)
{
	fake_accept(fake);
	fake_expect_close(fake);
}

/* A server over the network is named with its address, if it has a name. */
static void
far_server_is_silent(void **state)
{
	struct fixture f;
	bool ok;

	(void)state;
	fixture_begin(&f, silent, USECS_PER_SEC);
	replace();
	table.PQhost = far_host;
	table.PQhostaddr = far_address;
	table.PQport = far_port;
	ok = server_connect(f.server, &f.error);
	end(&f, ok, ERR_UNREACHABLE,
		"connection to server at \"db.example\" (192.0.2.1), port "
		"5433 failed: timeout expired");

	fixture_begin(&f, silent, USECS_PER_SEC);
	replace();
	table.PQhost = far_address;
	table.PQhostaddr = far_address;
	table.PQport = far_port;
	ok = server_connect(f.server, &f.error);
	end(&f, ok, ERR_UNREACHABLE,
		"connection to server at \"192.0.2.1\", port 5433 failed: "
		"timeout expired");
}

static void
waiting_fails(void **state)
{
	struct wait_limit limit = {-1, CLOCK_NEVER};
	struct error error;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	call_fails(CALL_poll, 1, 2, EINTR);
	assert_true(session_wait(ends[0], POLLIN, &limit, &error));
	assert_true(call_has_failed());
	call_fails(CALL_poll, 1, 1, ENOMEM);
	assert_false(session_wait(ends[0], POLLIN, &limit, &error));
	calls_work();
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_string_equal(error.message,
		"could not wait for the server: Cannot allocate memory");
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* In the second command of the backup's upload. */
static void
takes_upload(struct fake_server *fake)
{
	fake_accept(fake);
	fake_welcome(fake, "17.1");
	fake_expect_query(fake, "UPLOAD_MANIFEST");
	fake_message(fake, 'G', "\0\0", 3);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
ends_upload(struct fake_server *fake)
{
	fake_accept(fake);
	fake_welcome(fake, "17.1");
	fake_expect_query(fake, "UPLOAD_MANIFEST");
	fake_message(fake, 'G', "\0\0", 3);
	fake_flush(fake);
	fake_expect(fake, 'd', "{}", 2);
	fake_expect(fake, 'c', NULL, 0);
	fake_complete(fake, "UPLOAD_MANIFEST");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

/* There is room the second time only. */
static int
late_copy_data(PGconn *conn, const char *data, int len)
{
	return calls++ == 0 ? 0
			    : __real_libpq()->PQputCopyData(conn, data, len);
}

static void
upload_fails(void **state)
{
	struct fixture f;
	bool ok;

	(void)state;
	begin(&f, takes_upload);
	table.PQputCopyData = no_copy_data;
	ok = server_upload_manifest(f.server, "{}", 2, &f.error);
	end(&f, ok, ERR_UNREACHABLE, LOST);

	begin(&f, takes_upload);
	table.PQputCopyEnd = no_copy_end;
	ok = server_upload_manifest(f.server, "{}", 2, &f.error);
	end(&f, ok, ERR_UNREACHABLE, LOST);
}

static void
upload_waits_for_room(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, ends_upload);
	table.PQputCopyData = late_copy_data;
	table.PQflush = unsent_once;
	if (!server_upload_manifest(f.server, "{}", 2, &f.error))
		fail_msg("%s", f.error.message);
	assert_int_equal(calls, 2);
	replaced = false;
	fixture_end(&f);

	begin(&f, ends_upload);
	table.PQputCopyEnd = late_copy_end;
	table.PQflush = unsent_once;
	if (!server_upload_manifest(f.server, "{}", 2, &f.error))
		fail_msg("%s", f.error.message);
	assert_int_equal(calls, 2);
	replaced = false;
	fixture_end(&f);
}

static void
begins_backup(struct fake_server *fake)
{
	static const char *const start[] = {"0/28", "1"};
	static const char *const data[] = {NULL, NULL, NULL};
	struct text ignored;

	fake_accept(fake);
	fake_welcome(fake, "17.1");
	text_init(&ignored);
	(void)fake_take_any(fake, &ignored);
	text_free(&ignored);
	fake_row(fake, 2, start);
	fake_complete(fake, "SELECT");
	fake_row(fake, 3, data);
	fake_complete(fake, "SELECT");
	fake_message(fake, 'H', "\0\0", 3);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
begin_backup(struct fixture *f, struct base_backup *backup)
{
	const struct base_backup_request backup_request = {.label = "x"};
	struct base_backup_event event;

	fixture_connect(f, begins_backup);
	if (!base_backup_begin(backup, f->server, &backup_request, &f->error))
		fail_msg("%s", f->error.message);
	assert_int_equal(backup->tablespaces[0].size, 0);
	/* Into the copy. */
	assert_true(base_backup_next(
		backup, clock_monotonic_us(), &event, &f->error));
	assert_int_equal(event.kind, BACKUP_WAITING);
	replace();
	table.PQerrorMessage = no_message;
}

static void
backup_is_cut(void **state)
{
	struct base_backup_event event;
	struct base_backup backup;
	struct fixture f;
	bool ok;

	(void)state;
	begin_backup(&f, &backup);
	table.PQgetCopyData = copy_fault;
	ok = base_backup_next(&backup, CLOCK_NEVER, &event, &f.error);
	base_backup_free(&backup);
	end(&f, ok, ERR_UNREACHABLE, LOST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(query_is_not_sent),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(connection_stays_blocking),
		cmocka_unit_test(bytes_do_not_go_out),
		cmocka_unit_test(finish_fails),
		cmocka_unit_test(finish_waits),
		cmocka_unit_test(receive_fails),
		cmocka_unit_test(encrypted_bytes_are_asked_for),
		cmocka_unit_test(slot_stays_unknown),
		cmocka_unit_test(far_server_is_silent),
		cmocka_unit_test(waiting_fails),
		cmocka_unit_test(upload_fails),
		cmocka_unit_test(upload_waits_for_room),
		cmocka_unit_test(backup_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
