#include "verify/findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct findings *
make(void)
{
	struct findings *findings = findings_create();

	assert_non_null(findings);
	return findings;
}

static void
add(struct findings *findings, enum finding_kind kind, uint32_t timeline,
	lsn at, const char *file)
{
	struct finding finding = {kind, timeline, at, LSN_NONE, "", NULL};
	struct error error;

	memcpy(finding.file, file, strlen(file) + 1);
	assert_true(findings_add(
		findings, &finding, &error, "%s of %d", file, (int)kind));
}

static void
gravest_wins(void **state)
{
	struct findings *findings = make();

	(void)state;
	assert_int_equal(findings_code(findings), ERR_NONE);
	add(findings, FINDING_TWICE, 1, 1, "a");
	add(findings, FINDING_ACCEPTED_GAP, 1, 1, "b");
	assert_int_equal(findings_code(findings), ERR_NONE);
	assert_int_equal(findings_faults(findings), 0);
	add(findings, FINDING_HISTORY, 1, 1, "c");
	assert_int_equal(findings_code(findings), ERR_GAP);
	add(findings, FINDING_GAP, 1, 1, "d");
	assert_int_equal(findings_code(findings), ERR_GAP);
	add(findings, FINDING_DAMAGE, 1, 1, "e");
	assert_int_equal(findings_code(findings), ERR_DAMAGED);
	add(findings, FINDING_CLUSTER, 1, 1, "f");
	assert_int_equal(findings_code(findings), ERR_DIVERGED);
	add(findings, FINDING_DAMAGE, 1, 1, "g");
	assert_int_equal(findings_code(findings), ERR_DIVERGED);
	assert_int_equal(findings_faults(findings), 5);
	findings_free(findings);
}

static void
sorted(void **state)
{
	struct findings *findings = make();

	(void)state;
	add(findings, FINDING_DAMAGE, 2, 1, "f");
	add(findings, FINDING_DAMAGE, 1, 9, "d");
	add(findings, FINDING_DAMAGE, 1, 9, "c");
	add(findings, FINDING_GAP, 1, UINT64_C(0x800000000), "e");
	add(findings, FINDING_DAMAGE, 0, 20, "a");
	add(findings, FINDING_DAMAGE, 1, 3, "b");
	findings_sort(findings);
	for (size_t i = 0; i < findings->count; i++) {
		assert_int_equal(findings->items[i].file[0], 'a' + i);
		assert_int_equal(findings->items[i].message[0], 'a' + i);
	}
	findings_free(findings);
	findings_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gravest_wins),
		cmocka_unit_test(sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
