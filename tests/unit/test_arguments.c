#include "base/arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
becomes(const char *argument, const char *wanted)
{
	char program[] = "walfetch";
	char *given = strdup(argument);
	char *argv[] = {program, given, NULL};
	char **copy;

	assert_non_null(given);
	copy = arguments_take(2, argv);
	assert_non_null(copy);
	assert_string_equal(copy[0], program);
	assert_string_equal(copy[1], argument);
	assert_null(copy[2]);
	assert_string_equal(given, wanted);
	arguments_free(copy);
	free(given);
}

static void
stays(const char *argument)
{
	becomes(argument, argument);
}

static void
hides_passwords(void **state)
{
	(void)state;
	becomes("password=abc", "password=xxx");
	becomes("-dhost=h password=abc user=u", "-dhost=h password=xxx user=u");
	becomes("password = abc", "password = xxx");
	becomes("password='a b' user=u", "password=xxxx' user=u");
	becomes("password='a\\'b c' user=u", "password=xxxxxxx' user=u");
	becomes("password='a b", "password=xxxx");
	becomes("sslpassword=a password=b", "sslpassword=x password=x");
	becomes("--dbname=password=a", "--dbname=password=x");
	becomes("password=password=a", "password=xxxxxxxxxx");
	becomes("postgresql://u:abc@h/d", "postgresql://u:xxx@h/d");
	becomes("postgres://u:a:c@h", "postgres://u:xxx@h");
	becomes("postgresql://h/d?password=abc&user=u",
		"postgresql://h/d?password=xxx&user=u");
}

static void
leaves_the_rest(void **state)
{
	(void)state;
	stays("");
	stays("--no-password");
	stays("password");
	stays("password =");
	stays("require_auth=password host=h");
	stays("passfile=/home/u/.pgpass");
	stays("postgresql://h:5432/d");
	stays("postgresql://u@h:5432/d");
	stays("postgresql://h:5432/d@e");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hides_passwords),
		cmocka_unit_test(leaves_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
