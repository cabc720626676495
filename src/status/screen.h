/*
 * status/screen.h - a page that is drawn again and again at a terminal.
 *
 * On a descriptor that is no terminal the pages come one after the other, an
 * empty line between them.
 * Life cycle: screen_begin -> screen_draw* -> screen_end.
 * Guarantee: after screen_end the terminal is as it was: the other screen and
 * its cursor are back.
 */
#ifndef STATUS_SCREEN_H
#define STATUS_SCREEN_H

#include "base/error.h"
#include "base/text.h"

struct screen {
	int fd;
	bool terminal;
	bool apart; /* an empty line comes before the next page */
	bool plain; /* no empty lines: a page is a line of JSON */
};

/*
 * Begin. plain: a terminal is nothing special, and no empty line is added.
 * Errors: ERR_SYSTEM.
 */
bool screen_begin(
	struct screen *screen, int fd, bool plain, struct error *error);

/*
 * Show page; at a terminal what does not fit is cut off. Errors: ERR_SYSTEM,
 * ERR_MEMORY.
 */
bool screen_draw(
	struct screen *screen, const struct text *page, struct error *error);

/* A screen that was not begun, all zeros, is fine. */
void screen_end(struct screen *screen);

/*
 * What screen_end writes, for a process that cannot call it any more; NULL: a
 * terminal is nothing special.
 */
const char *screen_farewell(const struct screen *screen);

#endif
