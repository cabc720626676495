/* What src/status/ puts on a page: moments, tables, bars, screens. */
#include "base/clock.h"
#include "status/moment.h"
#include "status/screen.h"
#include "status/table.h"
#include "status/trend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void
moments(void **state)
{
	char text[MOMENT_SIZE];

	(void)state;
	moment_format(text, 0);
	assert_string_equal(text, "");
	moment_format(text, 1);
	assert_string_equal(text, "2000-01-01T00:00:00Z");
	moment_format(text, INT64_C(849408300) * USECS_PER_SEC);
	assert_string_equal(text, "2026-12-01T02:45:00Z");
	moment_format(text, INT64_MAX);
	assert_true(strlen(text) < MOMENT_SIZE);
}

static void
spans(void **state)
{
	static const struct {
		int64_t span_us;
		const char *text;
	} rows[] = {
		{-5, "0.000 s"},
		{0, "0.000 s"},
		{12000, "0.012 s"},
		{7100000, "7.1 s"},
		{312 * USECS_PER_SEC, "00:05:12"},
		{86400 * USECS_PER_SEC, "1 day 00:00:00"},
		{(3 * 86400 + 3661) * USECS_PER_SEC, "3 days 01:01:01"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[MOMENT_SIZE];

		span_format(text, rows[i].span_us);
		assert_string_equal(text, rows[i].text);
	}
}

static void
tables(void **state)
{
	struct table table;
	struct text text;

	(void)state;
	table_init(&table, 3);
	text_init(&text);
	table_cell(&table, "A");
	table_cell(&table, "LONG");
	table_cell(&table, "C");
	table_cell(&table, "%d", 12345);
	table_cell(&table, "%s", "");
	table_cell(&table, "x\ny\033");
	table_cell(&table, "z");
	table_cell(&table, "%s", "");
	table_cell(&table, "%s", "");
	table_print(&table, &text);
	assert_string_equal(text.string,
		"A      LONG  C\n"
		"12345        x y \n"
		"z\n");
	text_free(&text);
	table_free(&table);
}

static void
bars(void **state)
{
	struct sparkline line = {.count = 0};
	struct text text;

	(void)state;
	text_init(&text);
	sparkline_draw(&line, false, &text);
	assert_string_equal(text.string, "");
	sparkline_add(&line, 0);
	sparkline_draw(&line, false, &text);
	assert_string_equal(text.string, "_");
	text_clear(&text);
	sparkline_add(&line, 1);
	sparkline_add(&line, 1000000);
	sparkline_add(&line, UINT64_MAX);
	sparkline_draw(&line, false, &text);
	assert_string_equal(text.string, "_..#");
	text_clear(&text);
	sparkline_draw(&line, true, &text);
	assert_string_equal(text.string,
		"\342\226\201\342\226\202\342\226\202\342\226\210");
	/* Only the newest are kept. */
	for (int i = 0; i < SPARKLINE_MAX; i++)
		sparkline_add(&line, 5);
	text_clear(&text);
	sparkline_draw(&line, false, &text);
	assert_int_equal(text.len, SPARKLINE_MAX);
	assert_int_equal(strspn(text.string, "#"), SPARKLINE_MAX);
	text_free(&text);
}

static void
trends(void **state)
{
	struct trend trend = {.begun = false};
	struct text text;

	(void)state;
	text_init(&text);
	trend_add(&trend, 1000, 0, USECS_PER_SEC);
	trend_print(&trend, false, &text);
	assert_string_equal(text.string, "");
	trend_add(&trend, 1000 + 2048, 1024, 3 * USECS_PER_SEC);
	trend_print(&trend, false, &text);
	assert_string_equal(text.string,
		"rate     1.0 kB/s #\n"
		"lag      1.0 kB   _#\n");
	/* Going back is no rate. */
	trend_add(&trend, 5, 0, 4 * USECS_PER_SEC);
	assert_int_equal(trend.rate_now, 0);
	text_free(&text);
}

static void
read_all(int fd, struct text *text)
{
	char bytes[4096];
	ssize_t got;

	text_clear(text);
	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		text_append(text, bytes, (size_t)got);
}

static void
at_a_terminal(void **state)
{
	struct winsize size = {.ws_row = 3, .ws_col = 5};
	struct screen screen;
	struct error error;
	struct text page;
	struct text seen;
	int master;
	int slave;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
	text_init(&page);
	text_init(&seen);
	assert_true(screen_begin(&screen, slave, false, &error));
	read_all(master, &seen);
	assert_string_equal(seen.string, "\033[?1049h\033[?25l");

	/* Too long, too wide: characters count, not bytes. */
	text_printf(&page, "\342\226\201\342\226\202345six\nb\nc\nd\n");
	assert_true(screen_draw(&screen, &page, &error));
	read_all(master, &seen);
	assert_null(strstr(seen.string, "s"));
	assert_non_null(strstr(seen.string, "\342\226\202345\033[K"));
	assert_non_null(strstr(seen.string, "c\033[K\033[J"));
	assert_null(strchr(seen.string, 'd'));

	screen_end(&screen);
	read_all(master, &seen);
	assert_string_equal(seen.string, "\033[?25h\033[?1049l");
	(void)close(master);
	(void)close(slave);
	text_free(&page);
	text_free(&seen);
}

static void
elsewhere(void **state)
{
	struct screen screen;
	struct error error;
	struct text page;
	struct text seen;
	int fds[2];

	(void)state;
	text_init(&page);
	text_init(&seen);
	text_printf(&page, "page\n");
	for (int plain = 0; plain < 2; plain++) {
		assert_int_equal(pipe(fds), 0);
		assert_true(screen_begin(&screen, fds[1], plain == 1, &error));
		assert_true(screen_draw(&screen, &page, &error));
		assert_true(screen_draw(&screen, &page, &error));
		screen_end(&screen);
		(void)close(fds[1]);
		read_all(fds[0], &seen);
		(void)close(fds[0]);
		assert_string_equal(seen.string,
			plain == 1 ? "page\npage\n" : "page\n\npage\n");
	}
	assert_true(screen_begin(&screen, -1, false, &error));
	assert_false(screen_draw(&screen, &page, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	text_free(&page);
	text_free(&seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments),
		cmocka_unit_test(spans),
		cmocka_unit_test(tables),
		cmocka_unit_test(bars),
		cmocka_unit_test(trends),
		cmocka_unit_test(at_a_terminal),
		cmocka_unit_test(elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
