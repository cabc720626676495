#include "server_fixture.h"

#include <stdio.h>
#include <string.h>

#define SHORT_US (50 * USECS_PER_MS)
#define LONG_US (10 * USECS_PER_SEC)

static void
login(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect(fake, 'X', NULL, 0);
}

static void
connects(void **state)
{
	struct fixture f;

	(void)state;
	fixture_connect(&f, login);
	assert_int_equal(server_version(f.server), 150005);
	assert_string_equal(server_address(f.server), f.fake.directory);
	assert_true(server_socket(f.server) >= 0);
	server_disconnect(f.server);
	assert_int_equal(server_version(f.server), 0);
	assert_int_equal(server_socket(f.server), -1);
	fixture_end(&f);
}

/* A client has got through to the listener; nothing is ever said. */
static void
silence(struct fake_server *fake)
{
	fake_accept(fake);
	fake_expect_close(fake);
}

static void
connect_times_out(void **state)
{
	struct fixture f;

	(void)state;
	fixture_begin(&f, silence, SHORT_US);
	assert_false(server_connect(f.server, &f.error));
	assert_int_equal(f.error.code, ERR_UNREACHABLE);
	assert_non_null(strstr(f.error.message, "timeout expired"));
	assert_int_equal(server_socket(f.server), -1);
	fixture_end(&f);
}

static void
stop_once_connecting(struct fake_server *fake)
{
	struct fixture *f = fake->argument;

	fake_accept(fake);
	fixture_stop(f);
	fake_expect_close(fake);
}

static void
connect_stops(void **state)
{
	struct fixture f;

	(void)state;
	fixture_begin(&f, stop_once_connecting, LONG_US);
	assert_false(server_connect(f.server, &f.error));
	assert_int_equal(f.error.code, ERR_STOPPED);
	fixture_end(&f);
}

static void
refuse(struct fake_server *fake, const char *state, const char *message)
{
	fake_accept(fake);
	fake_error(fake, "FATAL", state, message);
	fake_flush(fake);
	fake_close(fake);
}

static void
no_entry(struct fake_server *fake)
{
	refuse(fake, "28000", "no pg_hba.conf entry");
}

static void
starting_up(struct fake_server *fake)
{
	refuse(fake, "57P03", "the database system is starting up");
}

static void
drop(struct fake_server *fake)
{
	fake_accept(fake);
	fake_close(fake);
}

static void
rubbish(struct fake_server *fake)
{
	fake_accept(fake);
	text_append(&fake->out, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	fake_flush(fake);
	fake_close(fake);
}

static void
refused(fake_script script, enum error_code code, const char *text)
{
	struct fixture f;

	fixture_begin(&f, script, LONG_US);
	assert_false(server_connect(f.server, &f.error));
	assert_int_equal(f.error.code, code);
	if (strstr(f.error.message, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, f.error.message);
	assert_null(strstr(f.error.message, "LOCATION"));
	assert_int_not_equal(
		f.error.message[strlen(f.error.message) - 1], '\n');
	fixture_end(&f);
}

static void
refusals(void **state)
{
	(void)state;
	refused(no_entry, ERR_REFUSED, "FATAL:  no pg_hba.conf entry");
	refused(starting_up, ERR_UNREACHABLE,
		"FATAL:  the database system is starting up");
	refused(drop, ERR_UNREACHABLE, "closed the connection");
	refused(rubbish, ERR_UNREACHABLE, "");
}

static void
want_password(struct fake_server *fake)
{
	static const char md5[8] = {0, 0, 0, 5, 's', 'a', 'l', 't'};

	fake_accept(fake);
	fake_message(fake, 'R', md5, sizeof(md5));
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
password_is_missing(void **state)
{
	struct fixture f;

	(void)state;
	fixture_begin(&f, want_password, LONG_US);
	assert_false(server_connect(f.server, &f.error));
	assert_int_equal(f.error.code, ERR_REFUSED);
	assert_non_null(strstr(f.error.hint, "PGPASSFILE"));
	fixture_end(&f);
}

static struct error
connect_error(const struct server_options *base, const char *conninfo)
{
	struct server_options options = *base;
	struct server *server = NULL;
	struct error error;
	bool ok;

	error_clear(&error);
	options.conninfo = conninfo;
	ok = server_create(&server, &options, &error) &&
		server_connect(server, &error);
	server_free(server);
	assert_false(ok);
	return error;
}

static void
wrong_options(void **state)
{
	const struct server_options base = {
		.prompt = PROMPT_NEVER,
		.connect_timeout_us = LONG_US,
		.command_timeout_us = LONG_US,
		.stop_fd = -1,
	};
	struct error error;

	(void)state;
	error = connect_error(&base, "host=/nonexistent");
	assert_int_equal(error.code, ERR_UNREACHABLE);
	assert_non_null(strstr(error.message, "No such file"));
	error = connect_error(&base, "host=/nonexistent,/neither");
	assert_non_null(strstr(error.message, "/nonexistent"));
	assert_non_null(strstr(error.message, "/neither"));
	error = connect_error(&base, "sslmode=perhaps");
	assert_int_equal(error.code, ERR_USAGE);
	error = connect_error(&base, "host=a,b port=1,2,3");
	assert_int_equal(error.code, ERR_USAGE);
	error = connect_error(&base, "host=a,b hostaddr=::1");
	assert_int_equal(error.code, ERR_USAGE);
	error = connect_error(&base, "nonsense");
	assert_int_equal(error.code, ERR_USAGE);
	assert_non_null(strstr(error.message, "nonsense"));
	error = connect_error(&base, "password=very secret");
	assert_int_equal(error.code, ERR_USAGE);
	assert_null(strstr(error.message, "secret"));
}

/* The silent host is tried first, and the other one has time left. */
static void
second_host_has_its_time(void **state)
{
	struct fixture silent;
	struct fixture f;
	char conninfo[600];
	struct server_options options = {
		.host = "/ignored",
		.port = "1",
		.user = "nobody",
		.prompt = PROMPT_NEVER,
		.conninfo = conninfo,
		.connect_timeout_us = 2 * USECS_PER_SEC,
		.command_timeout_us = LONG_US,
	};
	struct server *server;

	(void)state;
	fixture_begin(&silent, silence, LONG_US);
	fixture_begin(&f, login, LONG_US);
	(void)snprintf(conninfo, sizeof(conninfo),
		"host=%s,%s port=5432 user=tester connect_timeout=1",
		silent.fake.directory, f.fake.directory);
	options.stop_fd = f.stop[0];
	assert_true(server_create(&server, &options, &f.error));
	if (!server_connect(server, &f.error))
		fail_msg("%s", f.error.message);
	assert_string_equal(server_address(server), f.fake.directory);
	server_free(server);
	fixture_end(&silent);
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects),
		cmocka_unit_test(connect_times_out),
		cmocka_unit_test(connect_stops),
		cmocka_unit_test(refusals),
		cmocka_unit_test(password_is_missing),
		cmocka_unit_test(wrong_options),
		cmocka_unit_test(second_host_has_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
