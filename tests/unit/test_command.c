#include "server/command.h"

#include "server_fixture.h"

#include <string.h>

/* One query and its answer, which the test sets. */
struct reply {
	const char *query;
	int count;
	const char *values[5];
	const char *sqlstate; /* not NULL: an error instead */
	const char *message;
};

struct scene {
	struct fixture f;
	const struct reply *reply;
};

static void
answer(struct fake_server *fake, const struct reply *reply)
{
	fake_expect_query(fake, reply->query);
	if (reply->sqlstate != NULL)
		fake_error(fake, "ERROR", reply->sqlstate, reply->message);
	else if (reply->count > 0)
		fake_row(fake, reply->count, reply->values);
	if (reply->sqlstate == NULL)
		fake_complete(fake, "DONE");
	fake_ready(fake);
	fake_flush(fake);
}

static void
one_reply(struct fake_server *fake)
{
	const struct scene *scene = fake->argument;

	fake_login(fake);
	answer(fake, scene->reply);
	fake_expect(fake, 'X', NULL, 0);
}

static void
begin(struct scene *scene, const struct reply *reply)
{
	scene->reply = reply;
	fixture_connect(&scene->f, one_reply);
}

static void
identify(void **state)
{
	static const struct reply good = {"IDENTIFY_SYSTEM", 4,
		{"18446744073709551615", "3", "A/0B000028", NULL}, NULL, NULL};
	struct server_identity identity;
	struct scene s;

	(void)state;
	begin(&s, &good);
	assert_true(server_identify(s.f.server, &identity, &s.f.error));
	assert_int_equal(identity.system_identifier, UINT64_MAX);
	assert_int_equal(identity.timeline, 3);
	assert_int_equal(identity.flushed, UINT64_C(0xA0B000028));
	fixture_end(&s.f);
}

/* Versions before 14 do not say it without being asked. */
static void
old_leader(struct fake_server *fake)
{
	static const struct reply identity = {
		"IDENTIFY_SYSTEM", 3, {"1", "1", "0/1"}, NULL, NULL};
	const struct scene *scene = fake->argument;

	fake_accept(fake);
	fake_welcome(fake, "13.5");
	answer(fake, &identity);
	answer(fake, scene->reply);
	fake_expect(fake, 'X', NULL, 0);
}

static void
identify_old_leader(void **state)
{
	static const struct reply shown[] = {
		{"SHOW transaction_read_only", 1, {"off"}, NULL, NULL},
		{"SHOW transaction_read_only", 1, {"on"}, NULL, NULL},
		{"SHOW transaction_read_only", 0, {NULL}, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		struct server_identity identity = {7, 7, 7, false};
		struct scene s;

		s.reply = &shown[i];
		fixture_connect(&s.f, old_leader);
		assert_int_equal(
			server_identify(s.f.server, &identity, &s.f.error),
			shown[i].count == 1);
		assert_int_equal(identity.leads, i == 0);
		assert_int_equal(identity.timeline, shown[i].count ? 1 : 7);
		fixture_end(&s.f);
	}
}

static void
identify_is_checked(void **state)
{
	static const struct reply bad[] = {
		{"IDENTIFY_SYSTEM", 0, {NULL}, NULL, NULL},
		{"IDENTIFY_SYSTEM", 2, {"1", "1"}, NULL, NULL},
		{"IDENTIFY_SYSTEM", 3, {NULL, "1", "0/1"}, NULL, NULL},
		{"IDENTIFY_SYSTEM", 3, {"1", NULL, "0/1"}, NULL, NULL},
		{"IDENTIFY_SYSTEM", 3, {"1", "1", NULL}, NULL, NULL},
		{"IDENTIFY_SYSTEM", 3, {"", "1", "0/1"}, NULL, NULL},
		{"IDENTIFY_SYSTEM", 3, {"-1", "1", "0/1"}, NULL, NULL},
		{"IDENTIFY_SYSTEM", 3, {"18446744073709551616", "1", "0/1"},
			NULL, NULL},
		{"IDENTIFY_SYSTEM", 3, {"1", "0", "0/1"}, NULL, NULL},
		{"IDENTIFY_SYSTEM", 3, {"1", "4294967296", "0/1"}, NULL, NULL},
		{"IDENTIFY_SYSTEM", 3, {"1", "1x", "0/1"}, NULL, NULL},
		{"IDENTIFY_SYSTEM", 3, {"1", "1", "0/1 "}, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct server_identity identity = {7, 7, 7, false};
		struct scene s;

		begin(&s, &bad[i]);
		assert_false(
			server_identify(s.f.server, &identity, &s.f.error));
		assert_int_equal(s.f.error.code, ERR_PROTOCOL);
		assert_int_equal(identity.system_identifier, 7);
		fixture_end(&s.f);
	}
}

static void
segment_size(void **state)
{
	static const struct {
		const char *shown;
		uint32_t size; /* 0: refused */
	} sizes[] = {
		{"16MB", 16u << 20},
		{"1GB", 1u << 30},
		{"1024kB", 1u << 20},
		{"1048576B", 1u << 20},
		{"3MB", 0},
		{"2GB", 0},
		{"16", 0},
		{"16mb", 0},
		{"MB", 0},
		{"-16MB", 0},
		{"99999999999999999999MB", 0},
		{"4294967295GB", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct reply reply = {"SHOW wal_segment_size", 1,
			{sizes[i].shown}, NULL, NULL};
		uint32_t size = 0;
		struct scene s;

		begin(&s, &reply);
		assert_int_equal(
			server_segment_size(s.f.server, &size, &s.f.error),
			sizes[i].size != 0);
		assert_int_equal(size, sizes[i].size);
		fixture_end(&s.f);
	}
}

static void
group_access(void **state)
{
	static const struct {
		const char *shown;
		bool ok;
		bool allowed;
	} modes[] = {
		{"0700", true, false},
		{"0750", true, true},
		{"0780", false, false},
		{"77777777777777777777777", false, false},
		{"", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const struct reply reply = {"SHOW data_directory_mode", 1,
			{modes[i].shown}, NULL, NULL};
		bool allowed = false;
		struct scene s;

		begin(&s, &reply);
		assert_int_equal(
			server_group_access(s.f.server, &allowed, &s.f.error),
			modes[i].ok);
		assert_int_equal(allowed, modes[i].allowed);
		fixture_end(&s.f);
	}
}

static void
shown(void **state)
{
	static const struct reply good = {
		"SHOW data_checksums", 1, {"on"}, NULL, NULL};
	static const struct reply unknown = {"SHOW data_checksums", 0, {NULL},
		"42704", "unrecognized configuration parameter"};
	struct text text;
	struct scene s;

	(void)state;
	text_init(&text);
	begin(&s, &good);
	assert_true(
		server_show(s.f.server, "data_checksums", &text, &s.f.error));
	assert_string_equal(text.string, "on");
	fixture_end(&s.f);

	begin(&s, &unknown);
	assert_false(
		server_show(s.f.server, "data_checksums", &text, &s.f.error));
	assert_int_equal(s.f.error.code, ERR_REFUSED);
	assert_string_equal(text.string, "on");
	fixture_end(&s.f);
	text_free(&text);
}

static void
history(void **state)
{
	static const struct reply good = {"TIMELINE_HISTORY 2", 2,
		{"00000002.history", "1\t0/3000000\treason\n"}, NULL, NULL};
	static const struct reply other = {
		"TIMELINE_HISTORY 2", 2, {"../../etc/passwd", "x"}, NULL, NULL};
	static const struct reply missing = {"TIMELINE_HISTORY 2", 0, {NULL},
		"58P01", "could not open file"};
	struct text text;
	struct scene s;

	(void)state;
	text_init(&text);
	begin(&s, &good);
	assert_true(server_fetch_history(s.f.server, 2, &text, &s.f.error));
	assert_string_equal(text.string, "1\t0/3000000\treason\n");
	fixture_end(&s.f);

	begin(&s, &other);
	assert_false(server_fetch_history(s.f.server, 2, &text, &s.f.error));
	assert_int_equal(s.f.error.code, ERR_PROTOCOL);
	fixture_end(&s.f);

	begin(&s, &missing);
	assert_false(server_fetch_history(s.f.server, 2, &text, &s.f.error));
	assert_int_equal(s.f.error.code, ERR_NOT_FOUND);
	assert_non_null(strstr(s.f.error.message, "could not open"));
	fixture_end(&s.f);
	text_free(&text);
}

static const struct replication_request request = {
	"a\"b", 4, UINT64_C(0x1200000000)};

#define START_QUERY \
	"START_REPLICATION SLOT \"a\"\"b\" PHYSICAL 12/00000000 TIMELINE 4"

static void
timeline_ended(void **state)
{
	static const struct reply ended = {
		START_QUERY, 2, {"6", "12/300"}, NULL, NULL};
	static const struct reply broken = {
		START_QUERY, 2, {"0", "12/300"}, NULL, NULL};
	enum replication_start result = REPLICATION_STARTED;
	struct timeline_switch next = {0, 0};
	struct scene s;

	(void)state;
	begin(&s, &ended);
	assert_true(server_start_replication(
		s.f.server, &request, &result, &next, &s.f.error));
	assert_int_equal(result, REPLICATION_TIMELINE_ENDED);
	assert_int_equal(next.timeline, 6);
	assert_int_equal(next.begin, UINT64_C(0x1200000300));
	fixture_end(&s.f);

	begin(&s, &broken);
	assert_false(server_start_replication(
		s.f.server, &request, &result, &next, &s.f.error));
	assert_int_equal(s.f.error.code, ERR_PROTOCOL);
	fixture_end(&s.f);
}

static void
start_errors(void **state)
{
	static const struct {
		struct reply reply;
		enum error_code code;
	} errors[] = {
		{{START_QUERY, 0, {NULL}, "55000", "invalidated"}, ERR_GAP},
		{{START_QUERY, 0, {NULL}, "55006", "is active"},
			ERR_UNREACHABLE},
		{{START_QUERY, 0, {NULL}, "42704", "does not exist"},
			ERR_REFUSED},
		{{START_QUERY, 0, {NULL}, "XX000",
			 "requested timeline 4 is not in this server's "
			 "history"},
			ERR_DIVERGED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		enum replication_start result;
		struct timeline_switch next;
		struct scene s;

		begin(&s, &errors[i].reply);
		assert_false(server_start_replication(
			s.f.server, &request, &result, &next, &s.f.error));
		assert_int_equal(s.f.error.code, errors[i].code);
		fixture_end(&s.f);
	}
}

static void
silence(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_query(fake, "IDENTIFY_SYSTEM");
	fake_expect_close(fake);
}

static void
command_times_out(void **state)
{
	struct server_identity identity;
	struct fixture f;

	(void)state;
	fixture_begin(&f, silence, USECS_PER_SEC / 2);
	assert_true(server_connect(f.server, &f.error));
	assert_false(server_identify(f.server, &identity, &f.error));
	assert_int_equal(f.error.code, ERR_UNREACHABLE);
	assert_non_null(strstr(f.error.message, "timeout"));
	fixture_end(&f);
}

static void
stop_in_command(struct fake_server *fake)
{
	struct fixture *f = fake->argument;

	fake_login(fake);
	fake_expect_query(fake, "IDENTIFY_SYSTEM");
	fixture_stop(f);
	fake_expect_close(fake);
}

static void
command_stops(void **state)
{
	struct server_identity identity;
	struct fixture f;

	(void)state;
	fixture_connect(&f, stop_in_command);
	assert_false(server_identify(f.server, &identity, &f.error));
	assert_int_equal(f.error.code, ERR_STOPPED);
	fixture_end(&f);
}

static void
copy_instead(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_query(fake, "IDENTIFY_SYSTEM");
	fake_copy_both(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
shut_down(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_query(fake, "IDENTIFY_SYSTEM");
	fake_error(fake, "FATAL", "57P01", "terminating connection");
	fake_flush(fake);
	fake_close(fake);
}

static void
disconnect(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_query(fake, "IDENTIFY_SYSTEM");
	fake_close(fake);
}

static void
identify_fails(fake_script script, enum error_code code, const char *text)
{
	struct server_identity identity;
	struct fixture f;

	fixture_connect(&f, script);
	assert_false(server_identify(f.server, &identity, &f.error));
	assert_int_equal(f.error.code, code);
	if (strstr(f.error.message, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, f.error.message);
	assert_null(strchr(f.error.message, '\n'));
	fixture_end(&f);
}

static void
broken_answers(void **state)
{
	(void)state;
	identify_fails(copy_instead, ERR_PROTOCOL, "unexpected answer");
	identify_fails(
		shut_down, ERR_UNREACHABLE, "failed: terminating connection");
	identify_fails(disconnect, ERR_UNREACHABLE, "closed the connection");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identify),
		cmocka_unit_test(identify_old_leader),
		cmocka_unit_test(identify_is_checked),
		cmocka_unit_test(segment_size),
		cmocka_unit_test(group_access),
		cmocka_unit_test(shown),
		cmocka_unit_test(history),
		cmocka_unit_test(timeline_ended),
		cmocka_unit_test(start_errors),
		cmocka_unit_test(command_times_out),
		cmocka_unit_test(command_stops),
		cmocka_unit_test(broken_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
