#include "server/base_backup.h"

#include "server_fixture.h"

#include <string.h>

static const struct base_backup_request plain_request = {
	.label = "it's",
	.fast = true,
	.verify_checksums = true,
	.checksums = "CRC32C",
};

static void
copy_out(struct fake_server *fake)
{
	fake_message(fake, 'H', "\0\0", 3);
}

static void
copy_done(struct fake_server *fake)
{
	fake_message(fake, 'c', "", 0);
}

/* A further row of the last result. */
static void
more_row(struct fake_server *fake, int count, const char *const *values)
{
	struct text body;

	text_init(&body);
	text_append(&body, (const char[]){0, (char)count}, 2);
	for (int i = 0; i < count; i++) {
		size_t len = values[i] == NULL ? 0 : strlen(values[i]);
		char head[4] = {0, 0, 0, (char)len};

		if (values[i] == NULL)
			memset(head, 0xFF, sizeof(head));
		text_append(&body, head, sizeof(head));
		text_append(&body, values[i] == NULL ? "" : values[i], len);
	}
	fake_message(fake, 'D', body.string, body.len);
	text_free(&body);
}

static void
position(struct fake_server *fake, const char *at)
{
	const char *const row[] = {at, "3"};

	fake_row(fake, 2, row);
	fake_complete(fake, "SELECT");
}

/* The start, and a tablespace beside the data directory. */
static void
begin(struct fake_server *fake, const char *version, const char *query)
{
	static const char *const space[] = {"16385", "/space", "10"};
	static const char *const data[] = {NULL, NULL, "200"};

	fake_accept(fake);
	fake_welcome(fake, version);
	fake_expect_query(fake, query);
	position(fake, "1/28");
	fake_row(fake, 3, space);
	more_row(fake, 3, data);
	fake_complete(fake, "SELECT");
}

static void
finish(struct fake_server *fake)
{
	position(fake, "1/100");
	fake_complete(fake, "BASE_BACKUP");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
add(struct fake_server *fake, const char *bytes, size_t len)
{
	fake_copy_data(fake, bytes, len);
}

static void
old_form(struct fake_server *fake)
{
	begin(fake, "13.4",
		"BASE_BACKUP LABEL 'it''s' FAST NOWAIT MANIFEST 'yes' "
		"MANIFEST_CHECKSUMS 'CRC32C'");
	copy_out(fake);
	add(fake, "space", 5);
	copy_done(fake);
	copy_out(fake);
	add(fake, "da", 2);
	add(fake, "ta", 2);
	copy_done(fake);
	copy_out(fake);
	add(fake, "manifest", 8);
	copy_done(fake);
	finish(fake);
}

static const char new_query[] =
	"BASE_BACKUP (LABEL 'it''s', CHECKPOINT 'fast', WAIT false, MANIFEST "
	"'yes', MANIFEST_CHECKSUMS 'CRC32C', TARGET 'client')";

static void
new_form(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	copy_out(fake);
	add(fake, "n16385.tar\0/space", 18);
	add(fake, "dspace", 6);
	add(fake, "p\0\0\0\0\0\0\0\5", 9);
	add(fake, "nbase.tar\0", 11);
	add(fake, "dda", 3);
	add(fake, "dta", 3);
	add(fake, "m", 1);
	add(fake, "dmanifest", 9);
	copy_done(fake);
	finish(fake);
}

static void
base_begins(struct fixture *f, struct base_backup *backup,
	const struct base_backup_request *request)
{
	if (!base_backup_begin(backup, f->server, request, &f->error))
		fail_msg("%s", f->error.message);
	assert_true(backup->start.at == 0x100000028);
	assert_int_equal(backup->start.timeline, 3);
	assert_int_equal(backup->count, 2);
	assert_int_equal(backup->tablespaces[0].oid, 16385);
	assert_string_equal(backup->tablespaces[0].location, "/space");
	assert_int_equal(backup->tablespaces[0].size, 10 * 1024);
	assert_int_equal(backup->tablespaces[1].oid, 0);
	assert_null(backup->tablespaces[1].location);
}

/* All events as text: "[0]" and "[m]" begin a part. */
static bool
read_all(struct fixture *f, struct base_backup *backup, struct text *seen)
{
	struct base_backup_event event;

	for (;;) {
		int64_t until_us = clock_monotonic_us() + USECS_PER_SEC;

		if (!base_backup_next(backup, until_us, &event, &f->error))
			return false;
		switch (event.kind) {
		case BACKUP_ARCHIVE:
			text_printf(seen, "[%zu]", event.index);
			break;
		case BACKUP_MANIFEST:
			text_printf(seen, "[m]");
			break;
		case BACKUP_DATA:
			text_append(seen, event.message.data + event.offset,
				event.message.len - event.offset);
			copy_message_free(&event.message);
			break;
		case BACKUP_WAITING:
			break;
		case BACKUP_END:
			return true;
		}
	}
}

static void
both_forms(void **state)
{
	static const fake_script scripts[] = {old_form, new_form};
	struct base_backup_position end;
	struct base_backup backup;
	struct text seen;
	struct fixture f;
	bool damaged = true;

	(void)state;
	for (int i = 0; i < 2; i++) {
		text_init(&seen);
		fixture_connect(&f, scripts[i]);
		base_begins(&f, &backup, &plain_request);
		if (!read_all(&f, &backup, &seen))
			fail_msg("%s", f.error.message);
		assert_string_equal(seen.string, "[0]space[1]data[m]manifest");
		assert_true(
			base_backup_finish(&backup, &end, &damaged, &f.error));
		assert_true(end.at == 0x100000100);
		assert_int_equal(end.timeline, 3);
		assert_false(damaged);
		base_backup_free(&backup);
		fixture_end(&f);
		text_free(&seen);
	}
}

static void
all_options_old(struct fake_server *fake)
{
	begin(fake, "11.2",
		"BASE_BACKUP LABEL 'l' PROGRESS NOWAIT MAX_RATE 64 "
		"TABLESPACE_MAP NOVERIFY_CHECKSUMS");
	copy_out(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
all_options_new(struct fake_server *fake)
{
	begin(fake, "17.2",
		"BASE_BACKUP (LABEL 'l', PROGRESS, CHECKPOINT 'spread', WAIT "
		"false, MAX_RATE 64, TABLESPACE_MAP, VERIFY_CHECKSUMS false, "
		"MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256', COMPRESSION "
		"'zstd', COMPRESSION_DETAIL 'level=3', INCREMENTAL, TARGET "
		"'client')");
	copy_out(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
options(void **state)
{
	struct base_backup_request request = {
		.label = "l",
		.max_rate_kb = 64,
		.progress = true,
		.tablespace_map = true,
		.checksums = "SHA256",
	};
	struct base_backup backup;
	struct fixture f;

	(void)state;
	fixture_connect(&f, all_options_old);
	request.compression = "zstd";
	assert_false(base_backup_begin(&backup, f.server, &request, &f.error));
	assert_int_equal(f.error.code, ERR_USAGE);
	request.compression = NULL;
	request.incremental = true;
	assert_false(base_backup_begin(&backup, f.server, &request, &f.error));
	assert_int_equal(f.error.code, ERR_USAGE);
	request.incremental = false;
	base_begins(&f, &backup, &request);
	base_backup_free(&backup);
	fixture_end(&f);

	request.incremental = true;
	request.compression = "zstd";
	request.level = 3;
	fixture_connect(&f, all_options_new);
	base_begins(&f, &backup, &request);
	base_backup_free(&backup);
	fixture_end(&f);
}

/* What a server must not send; one for each script. */
static void
data_before_archive(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	copy_out(fake);
	add(fake, "ddata", 5);
	finish(fake);
}

static void
unknown_space(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	copy_out(fake);
	add(fake, "n16386.tar\0/etc", 16);
	finish(fake);
}

static void
twice(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	copy_out(fake);
	add(fake, "nbase.tar\0", 11);
	add(fake, "nbase.tar\0", 11);
	finish(fake);
}

static void
name_without_end(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	copy_out(fake);
	add(fake, "nbase.tar", 9);
	finish(fake);
}

static void
path_without_end(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	copy_out(fake);
	add(fake, "nbase.tar\0/space", 16);
	finish(fake);
}

static void
unknown_type(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	copy_out(fake);
	add(fake, "x", 1);
	finish(fake);
}

static void
empty_message(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	copy_out(fake);
	add(fake, "", 0);
	add(fake, "x", 1);
	finish(fake);
}

static void
no_copy(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	finish(fake);
}

static void
odd_messages(void **state)
{
	static const fake_script scripts[] = {data_before_archive,
		unknown_space, twice, name_without_end, path_without_end,
		unknown_type, empty_message, no_copy};
	struct base_backup backup;
	struct text seen;
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		text_init(&seen);
		fixture_connect(&f, scripts[i]);
		base_begins(&f, &backup, &plain_request);
		if (read_all(&f, &backup, &seen))
			fail_msg("script %zu was accepted", i);
		assert_int_equal(f.error.code, ERR_PROTOCOL);
		base_backup_free(&backup);
		fixture_end(&f);
		text_free(&seen);
	}
}

/* One archive of two, and no more. */
static void
one_missing(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	copy_out(fake);
	add(fake, "nbase.tar\0", 11);
	copy_done(fake);
	finish(fake);
}

static void
fails_in_copy(struct fake_server *fake)
{
	begin(fake, "13.4",
		"BASE_BACKUP LABEL 'it''s' FAST NOWAIT MANIFEST 'yes' "
		"MANIFEST_CHECKSUMS 'CRC32C'");
	copy_out(fake);
	add(fake, "space", 5);
	fake_error(fake, "ERROR", "58P01", "could not open file");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
fails_at_once(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_query(fake, new_query);
	fake_error(fake, "ERROR", "55000", "WAL level not sufficient");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
failures(void **state)
{
	struct base_backup_position end;
	struct base_backup backup;
	struct text seen;
	struct fixture f;
	bool damaged;

	(void)state;
	text_init(&seen);
	fixture_connect(&f, one_missing);
	base_begins(&f, &backup, &plain_request);
	assert_true(read_all(&f, &backup, &seen));
	assert_false(base_backup_finish(&backup, &end, &damaged, &f.error));
	assert_int_equal(f.error.code, ERR_PROTOCOL);
	base_backup_free(&backup);
	fixture_end(&f);

	/* A file that is gone is no gap in the WAL. */
	fixture_connect(&f, fails_in_copy);
	base_begins(&f, &backup, &plain_request);
	assert_false(read_all(&f, &backup, &seen));
	assert_int_equal(f.error.code, ERR_REFUSED);
	assert_non_null(strstr(f.error.message, "could not open file"));
	base_backup_free(&backup);
	fixture_end(&f);

	fixture_connect(&f, fails_at_once);
	assert_false(
		base_backup_begin(&backup, f.server, &plain_request, &f.error));
	assert_int_equal(f.error.code, ERR_REFUSED);
	fixture_end(&f);
	text_free(&seen);
}

static void
finds_damage(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	copy_out(fake);
	add(fake, "n16385.tar\0/space", 18);
	add(fake, "nbase.tar\0", 11);
	copy_done(fake);
	position(fake, "1/100");
	fake_error(fake, "ERROR", "XX001", "checksum verification failure");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
damage(void **state)
{
	struct base_backup_position end;
	struct base_backup backup;
	struct text seen;
	struct fixture f;
	bool damaged = false;

	(void)state;
	text_init(&seen);
	fixture_connect(&f, finds_damage);
	base_begins(&f, &backup, &plain_request);
	assert_true(read_all(&f, &backup, &seen));
	assert_true(base_backup_finish(&backup, &end, &damaged, &f.error));
	assert_true(damaged);
	assert_true(end.at == 0x100000100);
	base_backup_free(&backup);
	fixture_end(&f);
	text_free(&seen);
}

static void
goes_silent(struct fake_server *fake)
{
	begin(fake, "15.4", new_query);
	copy_out(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

/* Silence is told of at once, ends after the limit; a stop ends it now. */
static void
silence(void **state)
{
	struct base_backup_event event;
	struct base_backup backup;
	struct fixture f;
	bool ok = true;

	(void)state;
	fixture_begin(&f, goes_silent, USECS_PER_SEC / 5);
	assert_true(server_connect(f.server, &f.error));
	base_begins(&f, &backup, &plain_request);
	while (ok) {
		int64_t until_us = clock_monotonic_us() + 20 * USECS_PER_MS;

		ok = base_backup_next(&backup, until_us, &event, &f.error);
		if (ok)
			assert_int_equal(event.kind, BACKUP_WAITING);
	}
	assert_int_equal(f.error.code, ERR_UNREACHABLE);
	assert_non_null(strstr(f.error.message, "silent"));
	base_backup_free(&backup);
	fixture_end(&f);

	fixture_connect(&f, goes_silent);
	base_begins(&f, &backup, &plain_request);
	assert_true(base_backup_next(
		&backup, clock_monotonic_us(), &event, &f.error));
	fixture_stop(&f);
	assert_false(base_backup_next(&backup, CLOCK_NEVER, &event, &f.error));
	assert_int_equal(f.error.code, ERR_STOPPED);
	base_backup_free(&backup);
	fixture_end(&f);
}

static void
takes_manifest(struct fake_server *fake)
{
	struct text body;

	text_init(&body);
	fake_accept(fake);
	fake_welcome(fake, "17.2");
	fake_expect_query(fake, "UPLOAD_MANIFEST");
	fake_message(fake, 'G', "\0\0", 3);
	fake_flush(fake);
	while (body.len < 100000) {
		struct text piece;

		text_init(&piece);
		fake_take(fake, 'd', &piece);
		text_append(&body, piece.string, piece.len);
		if (piece.len == 0)
			break;
		text_free(&piece);
	}
	if (body.len != 100000 || body.string[99999] != 'm')
		fake->failure = "another manifest came";
	fake_expect(fake, 'c', NULL, 0);
	fake_complete(fake, "UPLOAD_MANIFEST");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect(fake, 'X', NULL, 0);
	text_free(&body);
}

static void
upload(void **state)
{
	static char manifest[100000];
	struct fixture f;

	(void)state;
	memset(manifest, 'm', sizeof(manifest));
	fixture_connect(&f, takes_manifest);
	if (!server_upload_manifest(
		    f.server, manifest, sizeof(manifest), &f.error))
		fail_msg("%s", f.error.message);
	fixture_end(&f);

	fixture_connect(&f, fake_login);
	assert_false(server_upload_manifest(f.server, "m", 1, &f.error));
	assert_int_equal(f.error.code, ERR_USAGE);
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms),
		cmocka_unit_test(options),
		cmocka_unit_test(odd_messages),
		cmocka_unit_test(failures),
		cmocka_unit_test(damage),
		cmocka_unit_test(silence),
		cmocka_unit_test(upload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
