#include "archive/json_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
becomes(const char *words, const char *wanted)
{
	json_t *value = json_words(words);

	assert_non_null(value);
	if (wanted == NULL)
		assert_true(json_is_null(value));
	else
		assert_string_equal(json_string_value(value), wanted);
	json_decref(value);
}

static void
words(void **state)
{
	(void)state;
	becomes(NULL, NULL);
	becomes("", NULL);
	becomes("a \"word\"", "a \"word\"");
	becomes("gr\303\266\303\237e", "gr\303\266\303\237e");
	becomes("gr\366\337e", "gr??e");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
