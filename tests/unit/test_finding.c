#include "check/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

static void
fill(struct findings *findings)
{
	struct finding *row;

	findings_init(findings);
	finding_add(findings, FINDING_OK, "one", "%d", 1);
	row = finding_add(findings, FINDING_WARNING, "two", "a\nb\033");
	finding_mean(row, "it is %s", "odd");
	finding_mend(row, "Mend it.");
	finding_error(findings, ERR_GAP, "three", "bad \377 byte");
	finding_error(findings, ERR_REFUSED, "four", "worse");
}

static void
lines(void **state)
{
	struct findings findings;
	struct text text;

	(void)state;
	fill(&findings);
	text_init(&text);
	findings_print(&findings, false, &text);
	assert_string_equal(text.string,
		"ok       one: 1\n"
		"warning  two: a b ; it is odd\n"
		"         Mend it.\n"
		"error    three: bad \377 byte\n"
		"error    four: worse\n");
	text_clear(&text);
	findings_print(&findings, true, &text);
	assert_null(strstr(text.string, "one"));
	assert_non_null(strstr(text.string, "two"));
	/* The first error counts. */
	assert_int_equal(findings_code(&findings), ERR_GAP);
	text_free(&text);
	findings_free(&findings);
	assert_int_equal(findings_code(&findings), ERR_NONE);
}

static void
as_json(void **state)
{
	struct findings findings;
	struct error error;
	struct text text;
	json_error_t json_error;
	json_t *object;
	const char *value = NULL;
	const char *mend = NULL;
	int status = 0;

	(void)state;
	fill(&findings);
	text_init(&text);
	assert_true(findings_json(&findings, &text, &error));
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
	findings_free(&findings);
}

static void
many(void **state)
{
	struct findings findings;

	(void)state;
	findings_init(&findings);
	for (int i = 0; i < 1000; i++)
		finding_add(&findings, FINDING_OK, "n", "%d", i);
	assert_int_equal(findings.count, 1000);
	assert_string_equal(findings.rows[999].value, "999");
	findings_free(&findings);
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
