#include "check/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

static void
fill(struct verdicts *verdicts)
{
	struct verdict *row;

	verdicts_init(verdicts);
	verdict_add(verdicts, VERDICT_OK, "one", "%d", 1);
	row = verdict_add(verdicts, VERDICT_WARNING, "two", "a\nb\033");
	verdict_mean(row, "it is %s", "odd");
	verdict_mend(row, "Mend it.");
	verdict_error(verdicts, ERR_GAP, "three", "bad \377 byte");
	verdict_error(verdicts, ERR_REFUSED, "four", "worse");
}

static void
lines(void **state)
{
	struct verdicts verdicts;
	struct text text;

	(void)state;
	fill(&verdicts);
	text_init(&text);
	verdicts_print(&verdicts, false, &text);
	assert_string_equal(text.string,
		"ok       one: 1\n"
		"warning  two: a b ; it is odd\n"
		"         Mend it.\n"
		"error    three: bad \377 byte\n"
		"error    four: worse\n");
	text_clear(&text);
	verdicts_print(&verdicts, true, &text);
	assert_null(strstr(text.string, "one"));
	assert_non_null(strstr(text.string, "two"));
	/* The first error counts. */
	assert_int_equal(verdicts_code(&verdicts), ERR_GAP);
	text_free(&text);
	verdicts_free(&verdicts);
	assert_int_equal(verdicts_code(&verdicts), ERR_NONE);
}

static void
as_json(void **state)
{
	struct verdicts verdicts;
	struct error error;
	struct text text;
	json_error_t json_error;
	json_t *object;
	const char *value = NULL;
	const char *mend = NULL;
	int status = 0;

	(void)state;
	fill(&verdicts);
	text_init(&text);
	assert_true(verdicts_json(&verdicts, &text, &error));
	object = json_loads(text.string, 0, &json_error);
	assert_non_null(object);
	assert_int_equal(
		json_unpack(object, "{s:i, s:[{s:n}, {s:s}, {s:s}, {}]}",
			"status", &status, "findings", "mend", "mend", &mend,
			"value", &value),
		0);
	assert_int_equal(status, 4);
	assert_string_equal(mend, "Mend it.");
	assert_string_equal(value, "bad ? byte");
	json_decref(object);
	text_free(&text);
	verdicts_free(&verdicts);
}

static void
many(void **state)
{
	struct verdicts verdicts;

	(void)state;
	verdicts_init(&verdicts);
	for (int i = 0; i < 1000; i++)
		verdict_add(&verdicts, VERDICT_OK, "n", "%d", i);
	assert_int_equal(verdicts.count, 1000);
	assert_string_equal(verdicts.rows[999].value, "999");
	verdicts_free(&verdicts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(as_json),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
