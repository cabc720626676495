/*
 * Answers that no sound server gives: each field wrong, one at a time. What is
 * asked for stays as it was, and the message says what came.
 */
#include "server/base_backup.h"
#include "server/command.h"

#include "server_fixture.h"

#include <string.h>

#define COLUMNS_MAX 4
#define MARK 77

/* What the server answers, with one row; columns 0: without any. */
struct answered {
	int columns;
	const char *values[COLUMNS_MAX];
	const char *message; /* part of what is said about it */
};

/* Ask the server; the values that are read must stay MARK on failure. */
typedef bool (*asker)(struct server *server, struct error *error);

static const struct answered *answered;
static const char *version;

static void
answer_once(struct fake_server *fake)
{
	struct text ignored;

	fake_accept(fake);
	fake_welcome(fake, version);
	text_init(&ignored);
	(void)fake_take_any(fake, &ignored);
	text_free(&ignored);
	if (answered->columns > 0)
		fake_row(fake, answered->columns, answered->values);
	fake_complete(fake, "ANSWER");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
assert_refused(asker ask, const struct answered *rows, size_t count)
{
	version = "17.1";
	for (size_t i = 0; i < count; i++) {
		struct fixture f;

		answered = &rows[i];
		fixture_connect(&f, answer_once);
		if (ask(f.server, &f.error))
			fail_msg("answer %zu was taken", i);
		if (f.error.code != ERR_PROTOCOL ||
			strstr(f.error.message, rows[i].message) == NULL)
			fail_msg("answer %zu: code %d, %s", i, f.error.code,
				f.error.message);
		fixture_end(&f);
	}
}

#define assert_all_refused(ask, rows) \
	assert_refused(ask, rows, sizeof(rows) / sizeof((rows)[0]))

static bool
ask_identity(struct server *server, struct error *error)
{
	struct server_identity identity = {.timeline = MARK};
	bool ok = server_identify(server, &identity, error);

	assert_int_equal(identity.timeline, MARK);
	return ok;
}

static void
identity(void **state)
{
	static const struct answered rows[] = {
		{0, {NULL}, "PGRES_COMMAND_OK with 0 rows and 0 fields"},
		{2, {"1", "1"}, "PGRES_TUPLES_OK with 1 rows and 2 fields"},
		{3, {NULL, "1", "0/1"}, "field 1 is \"(null)\""},
		{3, {"", "1", "0/1"}, "sent \"\" as its system identifier"},
		{3, {"1x", "1", "0/1"}, "\"1x\" as its system identifier"},
		{3, {"18446744073709551616", "1", "0/1"},
			"\"18446744073709551616\" as its system identifier"},
		{3, {"1", NULL, "0/1"}, "field 2 is \"(null)\""},
		{3, {"1", "0", "0/1"}, "field 2 is \"0\""},
		{3, {"1", "4294967296", "0/1"}, "field 2 is \"4294967296\""},
		{3, {"1", "1", NULL}, "field 3 is \"(null)\""},
		{3, {"1", "1", "0-1"}, "field 3 is \"0-1\""},
	};

	(void)state;
	assert_all_refused(ask_identity, rows);
}

static bool
ask_segment_size(struct server *server, struct error *error)
{
	uint32_t size = MARK;
	bool ok = server_segment_size(server, &size, error);

	assert_int_equal(size, MARK);
	return ok;
}

static void
segment_size(void **state)
{
	static const struct answered rows[] = {
		{0, {NULL}, "PGRES_COMMAND_OK"},
		{1, {NULL}, "field 1 is \"(null)\""},
		{1, {"MB"}, "\"MB\" as its WAL segment size"},
		{1, {"16"}, "\"16\" as its WAL segment size"},
		{1, {"16TB"}, "\"16TB\" as its WAL segment size"},
		{1, {"3MB"}, "\"3MB\" as its WAL segment size"},
		{1, {"4294967296B"}, "\"4294967296B\" as its WAL"},
		{1, {"9999999999999999GB"}, "\"9999999999999999GB\" as its"},
	};

	(void)state;
	assert_all_refused(ask_segment_size, rows);
}

static bool
ask_group_access(struct server *server, struct error *error)
{
	bool allowed = true;
	bool ok = server_group_access(server, &allowed, error);

	assert_true(allowed);
	return ok;
}

static void
group_access(void **state)
{
	static const struct answered rows[] = {
		{0, {NULL}, "PGRES_COMMAND_OK"},
		{1, {NULL}, "field 1 is \"(null)\""},
		{1, {""}, "\"\" as the mode of its data directory"},
		{1, {"0780"}, "\"0780\" as the mode of its data directory"},
		{1, {"07777"}, "\"07777\" as the mode of its data directory"},
	};

	(void)state;
	assert_all_refused(ask_group_access, rows);
}

/* Servers before 11 have no such setting, and are not asked. */
static void
no_group_access_before_11(void **state)
{
	bool allowed = true;
	struct fixture f;

	(void)state;
	version = "10.23";
	answered = &(const struct answered){0, {NULL}, ""};
	fixture_connect(&f, answer_once);
	assert_true(server_group_access(f.server, &allowed, &f.error));
	assert_false(allowed);
	assert_true(server_drop_slot(f.server, "x", &f.error));
	fixture_end(&f);
}

static bool
ask_setting(struct server *server, struct error *error)
{
	struct text value;
	bool ok;

	text_init(&value);
	ok = server_show(server, "port", &value, error);
	assert_int_equal(value.len, 0);
	text_free(&value);
	return ok;
}

static void
setting(void **state)
{
	static const struct answered rows[] = {
		{0, {NULL}, "PGRES_COMMAND_OK"},
		{1, {NULL}, "field 1 is \"(null)\""},
	};

	(void)state;
	assert_all_refused(ask_setting, rows);
}

static bool
ask_slot(struct server *server, struct error *error)
{
	struct server_slot slot = {.restart_timeline = MARK};
	bool ok = server_read_slot(server, "x", &slot, error);

	assert_int_equal(slot.restart_timeline, MARK);
	return ok;
}

static void
slot(void **state)
{
	static const struct answered rows[] = {
		{0, {NULL}, "PGRES_COMMAND_OK"},
		{2, {"physical", "0/1"}, "1 rows and 2 fields"},
		{3, {"physical", "x", NULL}, "field 2 is \"x\""},
		{3, {"physical", "0/1", "0"}, "field 3 is \"0\""},
	};

	(void)state;
	assert_all_refused(ask_slot, rows);
}

static bool
ask_history(struct server *server, struct error *error)
{
	struct text content;
	bool ok;

	text_init(&content);
	ok = server_fetch_history(server, 2, &content, error);
	assert_int_equal(content.len, 0);
	text_free(&content);
	return ok;
}

static void
history(void **state)
{
	enum {
		TOO_LARGE = (1 << 20) + 1
	};

	static char large[TOO_LARGE + 1];
	const struct answered rows[] = {
		{0, {NULL}, "PGRES_COMMAND_OK"},
		{1, {"00000002.history"}, "1 rows and 1 fields"},
		{2, {NULL, "x"}, "field 1 is \"(null)\""},
		{2, {"00000002.history", NULL}, "field 2 is \"(null)\""},
		{2, {"../../etc/passwd", "x"},
			"sent file \"../../etc/passwd\" instead of "
			"\"00000002.history\""},
		{2, {"00000002.history", large},
			"a file \"00000002.history\" of 1048577 bytes"},
	};

	(void)state;
	memset(large, 'x', TOO_LARGE);
	assert_all_refused(ask_history, rows);
}

static bool
ask_replication(struct server *server, struct error *error)
{
	const struct replication_request request = {NULL, 1, 0x3000000};
	struct timeline_switch next = {MARK, MARK};
	enum replication_start result;
	bool ok = server_start_replication(
		server, &request, &result, &next, error);

	assert_int_equal(next.timeline, MARK);
	return ok;
}

static void
replication(void **state)
{
	static const struct answered rows[] = {
		{1, {"2"}, "1 rows and 1 fields"},
		{2, {"0", "0/3000000"}, "field 1 is \"0\""},
		{2, {"2", "3000000"}, "field 2 is \"3000000\""},
	};

	(void)state;
	assert_all_refused(ask_replication, rows);
}

static bool
ask_backup_start(struct server *server, struct error *error)
{
	const struct base_backup_request request = {.label = "x"};
	struct base_backup backup = {.count = MARK};
	bool ok = base_backup_begin(&backup, server, &request, error);

	assert_int_equal(backup.count, MARK);
	return ok;
}

static void
backup_start(void **state)
{
	static const struct answered rows[] = {
		{0, {NULL}, "PGRES_COMMAND_OK"},
		{1, {"0/1"}, "1 rows and 1 fields"},
		{2, {"x", "1"}, "field 1 is \"x\""},
		{2, {"0/1", "x"}, "field 2 is \"x\""},
		{2, {"0/1", "1"}, "ended the base backup too early"},
	};

	(void)state;
	assert_all_refused(ask_backup_start, rows);
}

/* The same server, but it lists the tablespaces after a sound start. */
static void
list_once(struct fake_server *fake)
{
	static const char *const start[] = {"0/28", "1"};
	struct text ignored;

	fake_accept(fake);
	fake_welcome(fake, version);
	text_init(&ignored);
	(void)fake_take_any(fake, &ignored);
	text_free(&ignored);
	fake_row(fake, 2, start);
	fake_complete(fake, "SELECT");
	fake_row(fake, answered->columns, answered->values);
	fake_complete(fake, "SELECT");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
tablespaces(void **state)
{
	static const char unreadable[] =
		"a list of tablespaces that cannot be read";
	static const struct answered rows[] = {
		{2, {NULL, NULL}, "the server sent no list of tablespaces"},
		{3, {"0", "/space", "1"}, unreadable},
		{3, {"x", "/space", "1"}, unreadable},
		{3, {"4294967296", "/space", "1"}, unreadable},
		{3, {"5", NULL, "1"}, unreadable},
		{3, {NULL, "/space", "1"}, unreadable},
		{3, {NULL, NULL, "-1"}, unreadable},
		{3, {NULL, NULL, "18014398509481984"}, unreadable},
		{3, {"5", "/space", "1"}, "has 0 data directories"},
	};

	(void)state;
	version = "17.1";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;

		answered = &rows[i];
		fixture_connect(&f, list_once);
		if (ask_backup_start(f.server, &f.error))
			fail_msg("list %zu was taken", i);
		assert_int_equal(f.error.code, ERR_PROTOCOL);
		if (strstr(f.error.message, rows[i].message) == NULL)
			fail_msg("list %zu: %s", i, f.error.message);
		fixture_end(&f);
	}
}

/* A manifest is asked for with COPY, and this is none. */
static bool
ask_upload(struct server *server, struct error *error)
{
	return server_upload_manifest(server, "{}", 2, error);
}

static void
upload(void **state)
{
	static const struct answered rows[] = {
		{0, {NULL},
			"unexpected answer to replication command "
			"UPLOAD_MANIFEST"},
	};

	(void)state;
	assert_all_refused(ask_upload, rows);
}

/* Nothing is sent without a connection. */
static void
not_connected(void **state)
{
	const struct server_options options = {
		.conninfo = "host=/nonexistent", .stop_fd = -1};
	const asker askers[] = {
		ask_identity,
		ask_segment_size,
		ask_group_access,
		ask_setting,
		ask_slot,
		ask_history,
		ask_replication,
		ask_backup_start,
		ask_upload,
	};
	struct server *server;
	struct error error;

	(void)state;
	assert_true(server_create(&server, &options, &error));
	for (size_t i = 0; i < sizeof(askers) / sizeof(askers[0]); i++) {
		assert_false(askers[i](server, &error));
		assert_int_equal(error.code, ERR_UNREACHABLE);
		assert_string_equal(error.message, "not connected to a server");
	}
	server_free(server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity),
		cmocka_unit_test(segment_size),
		cmocka_unit_test(group_access),
		cmocka_unit_test(no_group_access_before_11),
		cmocka_unit_test(setting),
		cmocka_unit_test(slot),
		cmocka_unit_test(history),
		cmocka_unit_test(replication),
		cmocka_unit_test(backup_start),
		cmocka_unit_test(tablespaces),
		cmocka_unit_test(upload),
		cmocka_unit_test(not_connected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
