#include "status/screen.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The other screen, and no cursor; and back. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

#define HOME "\033[H"
#define END_LINE "\033[K\r\n"
#define END_PAGE "\033[K\033[J"

#define ROWS 24
#define COLUMNS 80

static bool
write_all(int fd, const char *bytes, size_t len, struct error *error)
{
	while (len > 0) {
		ssize_t put = write(fd, bytes, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return error_set_errno(
				error, "could not write to standard output");
		bytes += put;
		len -= (size_t)put;
	}
	return true;
}

static bool
write_text(int fd, struct text *text, struct error *error)
{
	bool ok = text->failed ? error_set_memory(error)
			       : write_all(fd, text->string, text->len, error);

	text_free(text);
	return ok;
}

bool
screen_begin(struct screen *screen, int fd, bool plain, struct error *error)
{
	*screen = (struct screen){
		.fd = fd,
		.plain = plain,
		.terminal = !plain && isatty(fd) != 0,
	};
	return !screen->terminal || write_all(fd, ENTER, strlen(ENTER), error);
}

/* The bytes of line that take at most so many columns. */
static size_t
clip(const char *line, size_t len, size_t columns)
{
	size_t i = 0;

	for (; i < len; i++) {
		/* The rest of a character of several bytes takes none. */
		if (((unsigned char)line[i] & 0xc0) == 0x80)
			continue;
		if (columns == 0)
			break;
		columns--;
	}
	return i;
}

static bool
draw_on_terminal(const struct screen *screen, const struct text *page,
	struct error *error)
{
	struct winsize size = {.ws_row = ROWS, .ws_col = COLUMNS};
	const char *line = page->string;
	struct text out;

	(void)ioctl(screen->fd, TIOCGWINSZ, &size);
	text_init(&out);
	text_printf(&out, HOME);
	for (unsigned row = 0; *line != '\0' && row < size.ws_row; row++) {
		size_t len = strcspn(line, "\n");

		if (row > 0)
			text_printf(&out, END_LINE);
		text_append(&out, line, clip(line, len, size.ws_col));
		line += len + (line[len] == '\n');
	}
	text_printf(&out, END_PAGE);
	return write_text(screen->fd, &out, error);
}

bool
screen_draw(struct screen *screen, const struct text *page, struct error *error)
{
	struct text out;

	if (screen->terminal)
		return draw_on_terminal(screen, page, error);
	text_init(&out);
	text_printf(&out, "%s%s", screen->apart ? "\n" : "", page->string);
	screen->apart = !screen->plain;
	return write_text(screen->fd, &out, error);
}

void
screen_end(struct screen *screen)
{
	struct error ignored;

	if (screen->terminal)
		(void)write_all(screen->fd, LEAVE, strlen(LEAVE), &ignored);
	*screen = (struct screen){.fd = -1};
}

const char *
screen_farewell(const struct screen *screen)
{
	return screen->terminal ? LEAVE : NULL;
}
