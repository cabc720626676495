#include "server/leader.h"

#include "server_fixture.h"

#include <string.h>

/* What the fake server is asked and answers, in turn. */
struct play {
	struct fixture fixture; /* first: the script's argument is it */
	const char *version;
	const char *own[6];
	const char *follower[14];
	const char *slot[10];
	bool knows_status; /* the query asks for wal_status */
	bool knows_reason; /* and for invalidation_reason */
};

static void
answer(struct fake_server *fake, struct text *query, int columns,
	const char *const *row)
{
	text_clear(query);
	fake_take(fake, 'Q', query);
	if (row != NULL)
		fake_row(fake, columns, row);
	fake_complete(fake, "SELECT");
	fake_ready(fake);
	fake_flush(fake);
}

static void
script(struct fake_server *fake)
{
	struct play *play = fake->argument;
	struct text query;

	text_init(&query);
	fake_accept(fake);
	fake_welcome(fake, play->version);
	answer(fake, &query, 6, play->own);
	answer(fake, &query, 14, play->follower);
	answer(fake, &query, 10, play->slot);
	play->knows_status = strstr(query.string, "wal_status") != NULL;
	play->knows_reason =
		strstr(query.string, "invalidation_reason") != NULL;
	text_free(&query);
	fake_expect_close(fake);
}

static bool
read_leader(struct play *play, struct leader *leader)
{
	struct fixture *f = &play->fixture;
	bool ok;

	fixture_connect(f, script);
	ok = leader_read(f->server, leader, &f->error);
	fixture_end(f);
	return ok;
}

static void
everything(void **state)
{
	struct play play = {
		.version = "17.2",
		.own = {"f", "1/00000100", "ANY 1 (a)", "on", "1GB", "t"},
		.follower = {"42", "u", "walfetch", "10.0.0.1", "streaming",
			"quorum", "1/00000080", "1/00000040", "1/00000020",
			NULL, NULL, "1500", "2500", NULL},
		.slot = {"archive", "physical", "f", "t", "42", "1/00000000",
			"extended", "1000", NULL, NULL},
	};
	struct leader leader;
	const struct follower *follower;

	(void)state;
	if (!read_leader(&play, &leader))
		fail_msg("%s", play.fixture.error.message);
	assert_true(play.knows_status && play.knows_reason);
	assert_int_equal(leader.version, 170002);
	assert_false(leader.standby);
	assert_true(leader.sees_all);
	assert_string_equal(leader.synchronous_standby_names, "ANY 1 (a)");
	assert_int_equal(leader.follower_count, 1);
	follower = &leader.followers[0];
	assert_int_equal(follower->pid, 42);
	assert_string_equal(follower->client, "10.0.0.1");
	assert_false(follower->hidden);
	assert_int_equal(leader_behind(&leader, follower->steps[0].at), 0x80);
	assert_int_equal(follower->steps[STEP_SENT].lag_us, -1);
	assert_int_equal(follower->steps[STEP_FLUSH].lag_us, 2500);
	assert_int_equal(follower->steps[STEP_REPLAY].at, LSN_NONE);
	assert_int_equal(leader.slot_count, 1);
	assert_true(leader.slots[0].active && leader.slots[0].physical);
	assert_true(leader.slots[0].safe_known);
	assert_int_equal(leader.slots[0].safe_bytes, 1000);
	assert_int_equal(leader.slots[0].inactive_us, -1);
	assert_false(leader_slot_is_lost(&leader.slots[0]));
	assert_int_equal(leader_behind(&leader, LSN_NONE), 0);
	assert_int_equal(leader_behind(&leader, leader.end + 1), 0);
	leader_free(&leader);
	leader_free(&leader);
}

/* What a role may not see, an old version does not have, or nobody sends. */
static void
little(void **state)
{
	struct play play = {
		.version = "12.1",
		.own = {"t", NULL, "", "on", NULL, "f"},
		.follower = {"-1", NULL, NULL, NULL, NULL, NULL, "rubbish",
			NULL, NULL, NULL, NULL, "x", "", NULL},
		.slot = {"a name that is longer than any that PostgreSQL has, "
			 "which is cut off",
			"logical", NULL, NULL, "99999999999", NULL, NULL, NULL,
			NULL, NULL},
	};
	struct leader leader;

	(void)state;
	if (!read_leader(&play, &leader))
		fail_msg("%s", play.fixture.error.message);
	assert_false(play.knows_status || play.knows_reason);
	assert_true(leader.standby);
	assert_int_equal(leader.end, LSN_NONE);
	assert_null(leader.max_slot_wal_keep_size);
	assert_int_equal(leader.followers[0].pid, 0);
	assert_true(leader.followers[0].hidden);
	assert_int_equal(leader.followers[0].steps[0].at, LSN_NONE);
	assert_int_equal(leader.followers[0].steps[1].lag_us, -1);
	assert_int_equal(strlen(leader.slots[0].name), 63);
	assert_int_equal(leader.slots[0].active_pid, 0);
	assert_false(leader.slots[0].physical);
	leader_free(&leader);
}

static void
lost(void **state)
{
	struct leader_slot by_status = {.wal_status = "lost"};
	struct leader_slot by_reason = {.invalidation = "idle_timeout"};
	struct leader_slot well = {.wal_status = "unreserved"};

	(void)state;
	assert_true(leader_slot_is_lost(&by_status));
	assert_true(leader_slot_is_lost(&by_reason));
	assert_false(leader_slot_is_lost(&well));
}

static void
hang_up(struct fake_server *fake)
{
	fake_login(fake);
	fake_close(fake);
}

static void
connection_lost(void **state)
{
	struct leader leader = {.version = 77};
	struct fixture f;

	(void)state;
	fixture_connect(&f, hang_up);
	assert_false(leader_read(f.server, &leader, &f.error));
	assert_int_equal(f.error.code, ERR_UNREACHABLE);
	assert_int_equal(leader.version, 77);
	fixture_end(&f);
}

/* The second, or the third, of the queries gets no answer. */
static void
fails_later(struct fake_server *fake)
{
	const struct play *play = fake->argument;
	struct text query;

	text_init(&query);
	fake_accept(fake);
	fake_welcome(fake, play->version);
	answer(fake, &query, 6, play->own);
	if (play->knows_status)
		answer(fake, &query, 14, play->follower);
	text_clear(&query);
	fake_take(fake, 'Q', &query);
	text_free(&query);
	fake_error(fake, "ERROR", "42501", "permission denied");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
later_queries_fail(void **state)
{
	struct play play = {
		.version = "17.2",
		.own = {"f", "1/00000100", "ANY 1 (a)", "on", "1GB", "t"},
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct leader leader = {.version = 77};
		struct fixture *f = &play.fixture;

		play.knows_status = i == 1;
		fixture_connect(f, fails_later);
		assert_false(leader_read(f->server, &leader, &f->error));
		assert_int_equal(f->error.code, ERR_REFUSED);
		assert_string_equal(f->error.message, "permission denied");
		assert_int_equal(leader.version, 77);
		fixture_end(f);
	}
}

static void
no_row(struct fake_server *fake)
{
	struct text query;

	text_init(&query);
	fake_login(fake);
	fake_take(fake, 'Q', &query);
	text_free(&query);
	/* A description of six columns, and nothing else. */
	text_append(&fake->out, "T\0\0\0\x9C\0\6", 7);
	for (int i = 0; i < 6; i++)
		text_append(&fake->out,
			"column\0\0\0\0\0\0\0\0\0\0\x19\xFF\xFF"
			"\xFF\xFF\xFF\xFF\0\0",
			25);
	fake_complete(fake, "SELECT 0");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
says_nothing_of_itself(void **state)
{
	struct leader leader = {.version = 77};
	struct fixture f;

	(void)state;
	fixture_connect(&f, no_row);
	assert_false(leader_read(f.server, &leader, &f.error));
	assert_int_equal(f.error.code, ERR_PROTOCOL);
	assert_string_equal(
		f.error.message, "unexpected answer to a query: 0 rows");
	assert_int_equal(leader.version, 77);
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(little),
		cmocka_unit_test(lost),
		cmocka_unit_test(connection_lost),
		cmocka_unit_test(later_queries_fail),
		cmocka_unit_test(says_nothing_of_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
