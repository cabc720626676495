#include "server/query.h"

#include "server_fixture.h"

#include <string.h>

static void
begin_plain(struct fixture *f, fake_script script)
{
	struct server_options options = {
		.prompt = PROMPT_NEVER,
		.application = "test",
		.connect_timeout_us = 10 * USECS_PER_SEC,
		.command_timeout_us = 10 * USECS_PER_SEC,
		.plain = true,
	};

	fake_server_start(&f->fake, script, f);
	assert_int_equal(pipe(f->stop), 0);
	options.conninfo = f->fake.conninfo;
	options.stop_fd = f->stop[0];
	assert_true(server_create(&f->server, &options, &f->error));
	if (!server_connect(f->server, &f->error))
		fail_msg("%s", f->error.message);
}

static void
end_answer(struct fake_server *fake)
{
	fake_complete(fake, "SELECT");
	fake_ready(fake);
	fake_flush(fake);
}

static void
two_rows(struct fake_server *fake)
{
	static const char *const first[] = {"a", NULL};
	static const char *const show[] = {"16MB"};
	static const char *const two[] = {"1", "2"};

	fake_login(fake);
	fake_expect_query(fake, "SELECT 1");
	fake_row(fake, 2, first);
	end_answer(fake);
	fake_expect_query(fake, "SHOW a");
	fake_row(fake, 1, show);
	end_answer(fake);
	fake_expect_query(fake, "SHOW b");
	fake_error(fake, "ERROR", "42704", "unrecognized parameter \"b\"");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_query(fake, "SELECT 2");
	fake_error(fake, "ERROR", "55000", "recovery is in progress");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_query(fake, "SELECT 3");
	fake_row(fake, 2, two);
	end_answer(fake);
	fake_expect(fake, 'X', NULL, 0);
}

static void
rows_and_errors(void **state)
{
	struct query_rows rows = {.count = 7};
	struct text value;
	struct fixture f;

	(void)state;
	text_init(&value);
	begin_plain(&f, two_rows);
	assert_true(query_run(f.server, "SELECT 1", 2, &rows, &f.error));
	assert_int_equal(rows.count, 1);
	assert_string_equal(query_cell(&rows, 0, 0), "a");
	assert_null(query_cell(&rows, 0, 1));
	query_free(&rows);
	query_free(&rows);
	assert_true(query_show(f.server, "a", &value, &f.error));
	assert_string_equal(value.string, "16MB");
	assert_false(query_show(f.server, "b", &value, &f.error));
	assert_int_equal(f.error.code, ERR_NOT_FOUND);
	assert_string_equal(f.error.message, "unrecognized parameter \"b\"");
	/* That state is no gap here. */
	assert_false(query_run(f.server, "SELECT 2", 1, &rows, &f.error));
	assert_int_equal(f.error.code, ERR_REFUSED);
	assert_int_equal(rows.count, 0);
	/* Another number of columns than was asked for. */
	assert_false(query_run(f.server, "SELECT 3", 3, &rows, &f.error));
	assert_int_equal(f.error.code, ERR_PROTOCOL);
	text_free(&value);
	fixture_end(&f);
}

static void
endless(struct fake_server *fake)
{
	static char cell[1 << 20];
	const char *const row[] = {cell};

	memset(cell, 'x', sizeof(cell) - 1);
	fake_login(fake);
	fake_expect_query(fake, "SELECT 1");
	for (int i = 0; i < 6; i++)
		fake_row(fake, 1, row);
	end_answer(fake);
	fake_expect_query(fake, "SELECT 2");
	end_answer(fake);
	fake_expect(fake, 'X', NULL, 0);
}

static void
too_much(void **state)
{
	struct query_rows rows;
	struct fixture f;

	(void)state;
	begin_plain(&f, endless);
	assert_false(query_run(f.server, "SELECT 1", 1, &rows, &f.error));
	assert_int_equal(f.error.code, ERR_PROTOCOL);
	assert_non_null(strstr(f.error.message, "too large"));
	/* The connection is of use all the same. */
	(void)query_run(f.server, "SELECT 2", 1, &rows, &f.error);
	fixture_end(&f);
}

static void
copy_instead(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_query(fake, "SELECT 1");
	fake_copy_both(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
silence(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_query(fake, "SELECT 1");
	fixture_stop(fake->argument);
	fake_expect_close(fake);
}

static void
no_rows_at_all(void **state)
{
	struct query_rows rows;
	struct fixture f;

	(void)state;
	begin_plain(&f, copy_instead);
	assert_false(query_run(f.server, "SELECT 1", 1, &rows, &f.error));
	assert_int_equal(f.error.code, ERR_PROTOCOL);
	fixture_end(&f);

	begin_plain(&f, silence);
	assert_false(query_run(f.server, "SELECT 1", 1, &rows, &f.error));
	assert_int_equal(f.error.code, ERR_STOPPED);
	server_disconnect(f.server);
	assert_false(query_run(f.server, "SELECT 1", 1, &rows, &f.error));
	assert_int_equal(f.error.code, ERR_UNREACHABLE);
	fixture_end(&f);
}

static void
refuse(struct fake_server *fake)
{
	fake_accept(fake);
	fake_error(fake, "FATAL", "42501", "permission denied");
	fake_flush(fake);
	fake_close(fake);
	fake_accept(fake);
	fake_welcome(fake, "16.1");
	fake_expect(fake, 'X', NULL, 0);
}

/* One for SQL where one for replication is refused. */
static void
beside(void **state)
{
	struct server *other;
	struct fixture f;

	(void)state;
	fixture_begin(&f, refuse, 10 * USECS_PER_SEC);
	assert_string_equal(server_refusal(f.server)->sqlstate, "");
	assert_false(server_connect(f.server, &f.error));
	assert_string_equal(server_refusal(f.server)->sqlstate, "42501");
	assert_true(server_refusal(f.server)->local);
	assert_true(strlen(server_refusal(f.server)->user) > 0);
	assert_true(server_connect_beside(f.server, &other, &f.error));
	assert_int_equal(server_version(other), 160001);
	server_free(other);
	fixture_end(&f);
}

static void
odd_settings(struct fake_server *fake)
{
	static const char *const null[] = {NULL};

	fake_login(fake);
	fake_expect_query(fake, "SHOW a");
	fake_row(fake, 1, null);
	end_answer(fake);
	fake_expect_query(fake, "SHOW a");
	fake_complete(fake, "SHOW");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_query(fake, "SHOW a");
	fake_error(fake, "ERROR", "XX000",
		"requested starting point 0/1 on timeline 1 is not in this "
		"server's history");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_query(fake, "SHOW a");
	fake_message(fake, 'H', "\0\0", 3);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
settings_that_are_none(void **state)
{
	struct text value;
	struct fixture f;

	(void)state;
	text_init(&value);
	begin_plain(&f, odd_settings);
	assert_false(query_show(f.server, "a", &value, &f.error));
	assert_int_equal(f.error.code, ERR_PROTOCOL);
	assert_string_equal(
		f.error.message, "unexpected answer to SHOW a: 1 rows");
	assert_false(query_show(f.server, "a", &value, &f.error));
	assert_int_equal(f.error.code, ERR_PROTOCOL);
	/* What is a fork when WAL is asked for, means nothing here. */
	assert_false(query_show(f.server, "a", &value, &f.error));
	assert_int_equal(f.error.code, ERR_UNREACHABLE);
	assert_false(query_show(f.server, "a", &value, &f.error));
	assert_int_equal(f.error.code, ERR_PROTOCOL);
	assert_non_null(strstr(f.error.message, "PGRES_COPY_OUT"));
	assert_int_equal(value.len, 0);
	text_free(&value);
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_and_errors),
		cmocka_unit_test(too_much),
		cmocka_unit_test(no_rows_at_all),
		cmocka_unit_test(beside),
		cmocka_unit_test(settings_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
