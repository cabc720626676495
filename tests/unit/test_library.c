#include "base/library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct functions {
	double (*cosine)(double angle);
};

static const struct library_symbol good[] = {
	{"cos", offsetof(struct functions, cosine)}};
static const struct library_symbol bad[] = {
	{"cos", offsetof(struct functions, cosine)},
	{"no_such_function", offsetof(struct functions, cosine)}};

static void
loads(void **state)
{
	struct functions functions = {NULL};
	struct error error;

	(void)state;
	if (!library_load("libm.so.6", good, 1, &functions, &error))
		fail_msg("%s", error.message);
	assert_true(functions.cosine(0) == 1);
}

static void
fails(void **state)
{
	struct functions functions = {NULL};
	struct error error;

	(void)state;
	assert_false(library_load("libm.so.6", bad, 2, &functions, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_non_null(strstr(error.message, "no_such_function"));
	assert_true(functions.cosine == NULL);
	assert_false(library_load("libno.so.0", good, 1, &functions, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_non_null(strstr(error.message, "libno.so.0"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads),
		cmocka_unit_test(fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
