#include "archive/backup_label.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FIRST_LINE \
	"START WAL LOCATION: 1A/2B000028 (file 000000030000001A0000002B)\n"

static const char label[] = FIRST_LINE "CHECKPOINT LOCATION: 1A/2B000060\n"
				       "BACKUP METHOD: streamed\n"
				       "BACKUP FROM: primary\n"
				       "START TIME: 2026-11-23 02:00:00 UTC\n"
				       "LABEL: pg_basebackup base backup\n"
				       "START TIMELINE: 3\n";

static void
assert_start(const char *text, uint32_t timeline, lsn at)
{
	struct backup_start start;
	struct error error;

	if (!backup_label_parse(&start, text, strlen(text), &error))
		fail_msg("%s: %s", text, error.message);
	assert_int_equal(start.timeline, timeline);
	assert_int_equal(start.at, at);
	assert_int_equal(start.system_identifier, 0);
}

static void
assert_refused_bytes(const char *text, size_t len)
{
	struct backup_start start = {.timeline = 99};
	struct error error = {.code = ERR_NONE};

	if (backup_label_parse(&start, text, len, &error))
		fail_msg("\"%s\" was taken", text);
	assert_int_equal(error.code, ERR_DAMAGED);
	assert_int_equal(start.timeline, 99);
}

static void
test_a_label(void **state)
{
	(void)state;
	assert_start(label, 3, 0x1A2B000028);
}

/* PostgreSQL 10 has no line for the timeline. */
static void
test_the_first_line_alone(void **state)
{
	(void)state;
	assert_start(FIRST_LINE, 3, 0x1A2B000028);
}

static void
test_segment_sizes(void **state)
{
	(void)state;
	/* 1 MB */
	assert_start("START WAL LOCATION: 0/2345678 (file "
		     "000000010000000000000023)\n",
		1, 0x2345678);
	/* 1 GB */
	assert_start("START WAL LOCATION: 1/C0000028 (file "
		     "000000010000000100000003)\n",
		1, 0x1C0000028);
}

/* One wrong digit in the position or in the name does not pass. */
static void
test_lines_that_contradict_themselves(void **state)
{
	static const char *const texts[] = {
		"START WAL LOCATION: 1A/2C000028 (file "
		"000000030000001A0000002B)\n",
		"START WAL LOCATION: 1B/2B000028 (file "
		"000000030000001A0000002B)\n",
		"START WAL LOCATION: 1A/2B000028 (file "
		"000000030000001A0000012B)\n",
		FIRST_LINE "START TIMELINE: 2\n",
		FIRST_LINE "LABEL: x\nSTART TIMELINE: 3\nSTART TIMELINE: 4\n",
		FIRST_LINE "START TIMELINE: \n",
		FIRST_LINE "START TIMELINE: 3x\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused_bytes(texts[i], strlen(texts[i]));
}

static void
test_garbage(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"START WAL LOCATION: ",
		"START WAL LOCATION: \n",
		"START WAL LOCATION: 1A/2B000028\n",
		"START WAL LOCATION: 1A/2B000028 (file )\n",
		"START WAL LOCATION: 1A/2B000028 (file "
		"000000030000001A0000002B\n",
		"START WAL LOCATION: 1A/2B000028 (file "
		"000000030000001A0000002B) \n",
		"START WAL LOCATION: x/2B000028 (file "
		"000000030000001A0000002B)\n",
		"START WAL LOCATION: 0/0 (file 000000010000000000000000)\n",
		"START WAL LOCATION: 1A/2B000028 (file "
		"000000000000001A0000002B)\n",
		" " FIRST_LINE,
		"LABEL: x\n" FIRST_LINE,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused_bytes(texts[i], strlen(texts[i]));
}

/* Wherever a file was cut: only a whole number of lines is taken. */
static void
test_every_length(void **state)
{
	struct backup_start start;
	struct error error;

	(void)state;
	for (size_t len = 0; len < strlen(label); len++) {
		if (len > 0 && label[len - 1] == '\n')
			assert_true(
				backup_label_parse(&start, label, len, &error));
		else
			assert_refused_bytes(label, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_label),
		cmocka_unit_test(test_the_first_line_alone),
		cmocka_unit_test(test_segment_sizes),
		cmocka_unit_test(test_lines_that_contradict_themselves),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
