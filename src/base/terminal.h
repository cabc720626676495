/*
 * base/terminal.h - the terminal that the program was started from.
 *
 * Nothing here needs standard input or output to be a terminal: the password
 * is asked for at /dev/tty, as PostgreSQL's tools do (src/common/sprompt.c).
 */
#ifndef BASE_TERMINAL_H
#define BASE_TERMINAL_H

#include "base/error.h"

/*
 * Show prompt and read one line without echo into answer (size bytes, with its
 * terminator, without the newline). Waits for the person as long as it takes,
 * or until stop_fd becomes readable. The terminal is as before afterwards, and
 * answer is wiped on failure. Errors: ERR_NOT_FOUND (no terminal, or this
 * process is in its background), ERR_STOPPED, ERR_USAGE (a line that does not
 * fit, or the end of input), ERR_SYSTEM.
 */
bool terminal_ask_password(const char *prompt, char *answer, size_t size,
	int stop_fd, struct error *error);

/* Columns of the terminal that fd is; 0 if it is none or does not say. */
int terminal_width(int fd);

#endif
