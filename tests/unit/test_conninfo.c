#include "server/conninfo.h"
#include "server/libpq.h"

#include "server_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* True: the connection says that it goes to a host over the network. */
static bool far;

const struct libpq *__wrap_libpq(void);
const struct libpq *__real_libpq(void);

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

const struct libpq *
__wrap_libpq(void)
{
	static struct libpq table;

	if (!far)
		return __real_libpq();
	table = *__real_libpq();
	table.PQhost = far_host;
	table.PQhostaddr = far_address;
	return &table;
}

static void
login(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect(fake, 'X', NULL, 0);
}

/* Write pattern with folder in place of its "@", if it has one. */
static void
expand(char out[512], const char *pattern, const char *folder)
{
	const char *at = strchr(pattern, '@');

	if (at == NULL)
		(void)snprintf(out, 512, "%s", pattern);
	else
		(void)snprintf(out, 512, "%.*s%s%s", (int)(at - pattern),
			pattern, folder, at + 1);
}

/* Make a server for conninfo, "@" being the fake server's folder; connect. */
static void
connect_with(struct fixture *f, const char *format)
{
	struct server_options options = {
		.prompt = PROMPT_NEVER,
		.application = "test",
		.connect_timeout_us = 10 * USECS_PER_SEC,
		.command_timeout_us = 10 * USECS_PER_SEC,
	};
	char conninfo[512];

	fake_server_start(&f->fake, login, f);
	assert_int_equal(pipe(f->stop), 0);
	expand(conninfo, format, f->fake.directory);
	options.conninfo = conninfo;
	options.stop_fd = f->stop[0];
	assert_true(server_create(&f->server, &options, &f->error));
	if (!server_connect(f->server, &f->error))
		fail_msg("%s", f->error.message);
}

/* What comes out, "@" being the fake server's folder. */
static void
becomes(const char *format, bool pinned, const char *wanted_format)
{
	struct text conninfo;
	char wanted[512];
	struct fixture f;

	text_init(&conninfo);
	connect_with(&f, format);
	expand(wanted, wanted_format, f.fake.directory);
	assert_true(server_conninfo(f.server, pinned, &conninfo, &f.error));
	assert_string_equal(conninfo.string, wanted);
	fixture_end(&f);
	text_free(&conninfo);
}

static void
strings(void **state)
{
	(void)state;
	for (int pinned = 0; pinned < 2; pinned++) {
		becomes("host=@ user=tester dbname=x replication=true "
			"sslmode=prefer application_name=app",
			pinned,
			"user='tester' application_name='app' "
			"host='@' port='5432'");
		becomes("host=@ user='it\\'s\\\\' password=' p '", pinned,
			"user='it\\'s\\\\' password=' p ' host='@' "
			"port='5432'");
	}
}

/* A follower gets all hosts, the WAL comes from the very same one. */
static void
several_hosts(void **state)
{
	(void)state;
	becomes("host=/nowhere,@ user=tester target_session_attrs=any", false,
		"user='tester' host='/nowhere,@' port='5432'");
	becomes("host=/nowhere,@ user=tester target_session_attrs=any", true,
		"user='tester' host='@' port='5432'");
}

static void
target_is_kept(void **state)
{
	(void)state;
	becomes("host=@ user=tester target_session_attrs=read-write", false,
		"user='tester' host='@' port='5432' "
		"target_session_attrs='read-write'");
	becomes("host=@ user=tester target_session_attrs=read-write", true,
		"user='tester' host='@' port='5432'");
}

/* Over the network it is the address that says which server it was. */
static void
address_is_pinned(void **state)
{
	(void)state;
	far = true;
	becomes("host=@ user=tester", true,
		"user='tester' host='db.example' hostaddr='192.0.2.1' "
		"port='5432'");
	far = false;
}

static void
not_connected(void **state)
{
	struct text conninfo;
	struct fixture f;

	(void)state;
	text_init(&conninfo);
	connect_with(&f, "host=@ user=tester");
	server_disconnect(f.server);
	assert_false(server_conninfo(f.server, true, &conninfo, &f.error));
	assert_int_equal(f.error.code, ERR_UNREACHABLE);
	fixture_end(&f);
	text_free(&conninfo);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings),
		cmocka_unit_test(several_hosts),
		cmocka_unit_test(target_is_kept),
		cmocka_unit_test(address_is_pinned),
		cmocka_unit_test(not_connected),
	};

	/* Only what a test says counts. */
	(void)unsetenv("PGAPPNAME");
	(void)unsetenv("PGPORT");
	(void)setenv("PGPASSFILE", "/nowhere", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
