#include "backup/follower.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
settings_are(const struct follower *follower, const char *wanted)
{
	struct text settings;
	struct error error;

	text_init(&settings);
	assert_true(follower_settings(follower, &settings, &error));
	assert_string_equal(settings.string, wanted);
	text_free(&settings);
}

static void
plain(void **state)
{
	struct follower follower = {
		.version = 150004, .conninfo = "host='db1' user='r'"};

	(void)state;
	assert_false(follower_is_old(&follower));
	settings_are(
		&follower, "primary_conninfo = 'host=''db1'' user=''r'''\n");
	follower.slot = "a";
	follower.archive = "/backup/wal";
	settings_are(&follower,
		"primary_conninfo = 'host=''db1'' user=''r'''\n"
		"primary_slot_name = 'a'\n"
		"restore_command = 'walfetch restore -D /backup/wal "
		"--partial %f %p'\n");
	follower.version = 110021;
	assert_true(follower_is_old(&follower));
	settings_are(&follower,
		"standby_mode = 'on'\n"
		"primary_conninfo = 'host=''db1'' user=''r'''\n"
		"primary_slot_name = 'a'\n"
		"restore_command = 'walfetch restore -D /backup/wal "
		"--partial %f %p'\n");
}

/* Through a shell, the server's own percent signs, and its file of settings. */
static void
quoted(void **state)
{
	struct follower follower = {.version = 180000,
		.conninfo = "password='a\\'b\\\\c'",
		.archive = "/a b/c'd/50%"};

	(void)state;
	settings_are(&follower,
		"primary_conninfo = 'password=''a\\\\''b\\\\\\\\c'''\n"
		"restore_command = 'walfetch restore -D "
		"''/a b/c''\\\\''''d/50%%'' --partial %f %p'\n");
}

static void
unfit(void **state)
{
	struct follower follower = {
		.version = 180000, .conninfo = "password='a\nb'"};
	struct text settings;
	struct error error;

	(void)state;
	text_init(&settings);
	assert_false(follower_settings(&follower, &settings, &error));
	assert_int_equal(error.code, ERR_USAGE);
	text_free(&settings);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(quoted),
		cmocka_unit_test(unfit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
