#include "server/command.h"

#include "server_fixture.h"

#include <string.h>

static void
slots(struct fake_server *fake)
{
	static const char *const physical[] = {"physical", "0/3000000", "2"};
	static const char *const none[] = {NULL, NULL, NULL};
	static const char *const created[] = {"a\"b", "0/0", NULL, NULL};

	fake_login(fake);
	fake_expect_query(fake, "READ_REPLICATION_SLOT \"1a\"\"b\"");
	fake_row(fake, 3, physical);
	fake_complete(fake, "READ_REPLICATION_SLOT");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_query(fake, "READ_REPLICATION_SLOT \"none\"");
	fake_row(fake, 3, none);
	fake_complete(fake, "READ_REPLICATION_SLOT");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_query(fake, "READ_REPLICATION_SLOT \"logical\"");
	fake_error(fake, "ERROR", "0A000", "cannot use a logical slot");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_query(
		fake, "CREATE_REPLICATION_SLOT \"1a\" PHYSICAL RESERVE_WAL");
	fake_row(fake, 4, created);
	fake_complete(fake, "CREATE_REPLICATION_SLOT");
	fake_ready(fake);
	fake_flush(fake);
	for (int i = 0; i < 2; i++) {
		fake_expect_query(
			fake, "CREATE_REPLICATION_SLOT \"1a\" PHYSICAL");
		fake_error(fake, "ERROR", "42710", "slot already exists");
		fake_ready(fake);
		fake_flush(fake);
	}
	fake_expect_query(fake,
		"CREATE_REPLICATION_SLOT \"1t\" TEMPORARY PHYSICAL "
		"RESERVE_WAL");
	fake_row(fake, 4, created);
	fake_complete(fake, "CREATE_REPLICATION_SLOT");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_query(fake, "DROP_REPLICATION_SLOT \"1a\"");
	fake_complete(fake, "DROP_REPLICATION_SLOT");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect(fake, 'X', NULL, 0);
}

static void
slot_commands(void **state)
{
	struct server_slot slot;
	struct fixture f;

	(void)state;
	fixture_connect(&f, slots);
	assert_true(server_read_slot(f.server, "1a\"b", &slot, &f.error));
	assert_true(slot.known && slot.exists && slot.physical && !slot.lost);
	assert_int_equal(slot.restart, 0x3000000);
	assert_int_equal(slot.restart_timeline, 2);
	assert_true(server_read_slot(f.server, "none", &slot, &f.error));
	assert_true(slot.known && !slot.exists);
	assert_true(server_read_slot(f.server, "logical", &slot, &f.error));
	assert_true(slot.known && slot.exists && !slot.physical);
	assert_true(server_create_slot(f.server, "1a", true, false, &f.error));
	assert_true(server_create_slot(f.server, "1a", false, true, &f.error));
	assert_false(
		server_create_slot(f.server, "1a", false, false, &f.error));
	assert_int_equal(f.error.code, ERR_REFUSED);
	assert_true(server_create_temporary_slot(f.server, "1t", &f.error));
	assert_true(server_drop_slot(f.server, "1a", &f.error));
	fixture_end(&f);
}

static void
slot_over_database(struct fake_server *fake)
{
	static const char *const lost[] = {"physical", NULL, NULL, "t"};

	fake_accept(fake);
	fake_welcome(fake, "14.2");
	fake_leave(fake);
	fake_accept(fake);
	fake_welcome(fake, "14.2");
	fake_expect(fake, 'P', NULL, 0);
	fake_expect(fake, 'B', NULL, 0);
	fake_expect(fake, 'D', NULL, 0);
	fake_expect(fake, 'E', NULL, 0);
	fake_expect(fake, 'S', NULL, 0);
	fake_message(fake, '1', "", 0);
	fake_message(fake, '2', "", 0);
	fake_row(fake, 4, lost);
	fake_complete(fake, "SELECT 1");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect(fake, 'X', NULL, 0);
}

static void
slot_before_15(void **state)
{
	struct server_slot slot;
	struct fixture f;

	(void)state;
	fixture_connect(&f, slot_over_database);
	assert_true(server_read_slot(f.server, "a", &slot, &f.error));
	assert_true(slot.known && slot.exists && slot.physical && slot.lost);
	assert_int_equal(slot.restart, LSN_NONE);
	fixture_end(&f);
}

static void
no_database(struct fake_server *fake)
{
	fake_accept(fake);
	fake_welcome(fake, "14.2");
	fake_leave(fake);
	fake_accept(fake);
	fake_error(fake, "FATAL", "28000", "no pg_hba.conf entry");
	fake_flush(fake);
	fake_close(fake);
}

static void
slot_is_unknown(void **state)
{
	struct server_slot slot;
	struct fixture f;

	(void)state;
	fixture_connect(&f, no_database);
	assert_true(server_read_slot(f.server, "a", &slot, &f.error));
	assert_false(slot.known);
	fixture_end(&f);
}

/* The question over a database connection; what it holds, and the answer. */
struct question {
	const char *version;
	const char *part; /* of the query */
	int columns;	  /* 0: no row */
	const char *row[4];
	bool known;
	bool exists;
	bool lost;
};

static const struct question *question;

static void
answer_question(struct fake_server *fake)
{
	struct text body;

	fake_accept(fake);
	fake_welcome(fake, question->version);
	text_init(&body);
	fake_take(fake, 'P', &body);
	/* The name of the statement, which is empty, comes first. */
	if (body.len < 1 || strstr(body.string + 1, question->part) == NULL)
		fake->failure = "another query came";
	text_free(&body);
	fake_expect(fake, 'B', NULL, 0);
	fake_expect(fake, 'D', NULL, 0);
	fake_expect(fake, 'E', NULL, 0);
	fake_expect(fake, 'S', NULL, 0);
	fake_message(fake, '1', "", 0);
	fake_message(fake, '2', "", 0);
	if (question->columns > 0)
		fake_row(fake, question->columns, question->row);
	else /* a description of no column */
		fake_message(fake, 'T', "\0\0", 2);
	fake_complete(fake, "SELECT");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
ask_database(struct fake_server *fake)
{
	fake_accept(fake);
	fake_welcome(fake, question->version);
	fake_leave(fake);
	answer_question(fake);
}

static void
slot_by_version(void **state)
{
	static const struct question questions[] = {
		{"14.1", "coalesce(wal_status = 'lost', false) FROM", 4,
			{"physical", "0/1", NULL, "f"}, true, true, false},
		{"12.9", ", false FROM", 4, {"physical", "0/1", NULL, "f"},
			true, true, false},
		{"13.4", "wal_status", 4, {"physical", NULL, NULL, NULL}, true,
			true, false},
		{"14.1", "wal_status", 0, {NULL}, true, false, false},
		{"14.1", "wal_status", 3, {"physical", NULL, NULL}, false,
			false, false},
		{"14.1", "wal_status", 4, {"physical", "x", NULL, "f"}, false,
			false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct server_slot slot;
		struct fixture f;

		question = &questions[i];
		fixture_connect(&f, ask_database);
		assert_true(server_read_slot(f.server, "a", &slot, &f.error));
		assert_int_equal(slot.known, question->known);
		assert_int_equal(slot.exists, question->exists);
		assert_int_equal(slot.lost, question->lost);
		fixture_end(&f);
	}
}

/* The command does not tell why a slot has no position any more. */
static void
ask_twice(struct fake_server *fake)
{
	static const char *const nowhere[] = {"physical", NULL, NULL};

	fake_accept(fake);
	fake_welcome(fake, question->version);
	fake_expect_query(fake, "READ_REPLICATION_SLOT \"a\"");
	fake_row(fake, 3, nowhere);
	fake_complete(fake, "READ_REPLICATION_SLOT");
	fake_ready(fake);
	fake_flush(fake);
	fake_leave(fake);
	answer_question(fake);
}

static void
slot_without_position(void **state)
{
	static const struct question questions[] = {
		{"17.1", "invalidation_reason IS NOT NULL, false) FROM", 4,
			{"physical", NULL, NULL, "t"}, true, true, true},
		{"17.1", "invalidation_reason", 4,
			{"physical", NULL, NULL, "f"}, true, true, false},
		{"16.1", "coalesce(wal_status = 'lost', false) FROM", 4,
			{"physical", NULL, NULL, "t"}, true, true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct server_slot slot;
		struct fixture f;

		question = &questions[i];
		fixture_connect(&f, ask_twice);
		assert_true(server_read_slot(f.server, "a", &slot, &f.error));
		assert_true(slot.known && slot.physical);
		assert_int_equal(slot.lost, question->lost);
		assert_int_equal(slot.restart, LSN_NONE);
		fixture_end(&f);
	}
}

/* Only a stop is a failure of the side question. */
static void
stops_beside(struct fake_server *fake)
{
	fake_accept(fake);
	fake_welcome(fake, "14.2");
	fake_leave(fake);
	fake_accept(fake);
	fixture_stop(fake->argument);
	fake_expect_close(fake);
}

static void
slot_and_stop(void **state)
{
	struct server_slot slot = {.restart_timeline = 77};
	struct fixture f;

	(void)state;
	fixture_connect(&f, stops_beside);
	assert_false(server_read_slot(f.server, "a", &slot, &f.error));
	assert_int_equal(f.error.code, ERR_STOPPED);
	assert_int_equal(slot.restart_timeline, 77);
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slot_commands),
		cmocka_unit_test(slot_before_15),
		cmocka_unit_test(slot_is_unknown),
		cmocka_unit_test(slot_by_version),
		cmocka_unit_test(slot_without_position),
		cmocka_unit_test(slot_and_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
