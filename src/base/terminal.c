#include "base/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* A background process that changes the terminal's settings is stopped. */
static bool
in_foreground(int fd)
{
	return tcgetpgrp(fd) == getpgrp();
}

static bool
wait_for_input(int fd, int stop_fd, struct error *error)
{
	struct pollfd wanted[2] = {
		{.fd = stop_fd, .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};

	while (poll(wanted, 2, -1) < 0) {
		if (errno != EINTR)
			return error_set_errno(
				error, "could not wait for the terminal");
	}
	if (wanted[0].revents != 0)
		return error_set(error, ERR_STOPPED,
			"stopped while waiting for a password");
	return true;
}

/* The terminal hands out whole lines, but maybe in more than one piece. */
static bool
read_line(int fd, int stop_fd, char *line, size_t size, struct error *error)
{
	size_t used = 0;

	for (;;) {
		ssize_t got;

		if (!wait_for_input(fd, stop_fd, error))
			return false;
		got = read(fd, line + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(
				error, "could not read from the terminal");
		if (got == 0)
			return error_set(
				error, ERR_USAGE, "no password was entered");
		used += (size_t)got;
		if (line[used - 1] == '\n') {
			line[used - 1] = '\0';
			return true;
		}
		if (used == size)
			return error_set(
				error, ERR_USAGE, "the password is too long");
	}
}

static bool
write_all(int fd, const char *string, struct error *error)
{
	size_t len = strlen(string);

	while (len > 0) {
		ssize_t put = write(fd, string, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return error_set_errno(
				error, "could not write to the terminal");
		string += put;
		len -= (size_t)put;
	}
	return true;
}

/* On success *before is what restore_echo gives back. */
static bool
turn_off_echo(int fd, struct termios *before, struct error *error)
{
	struct termios silent;

	if (tcgetattr(fd, before) != 0)
		return error_set_errno(
			error, "could not read the terminal's settings");
	silent = *before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	silent.c_lflag |= ICANON;
	if (tcsetattr(fd, TCSAFLUSH, &silent) != 0)
		return error_set_errno(
			error, "could not turn off the terminal's echo");
	return true;
}

/* Flushes the input too: half a password must not reach the shell. */
static void
restore_echo(int fd, const struct termios *before)
{
	struct error ignored;

	(void)tcsetattr(fd, TCSAFLUSH, before);
	(void)write_all(fd, "\n", &ignored);
}

bool
terminal_ask_password(const char *prompt, char *answer, size_t size,
	int stop_fd, struct error *error)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios before;
	bool ok = false;

	if (fd < 0)
		return error_set(error, ERR_NOT_FOUND, "there is no terminal");
	if (!in_foreground(fd)) {
		error_set(error, ERR_NOT_FOUND,
			"the terminal belongs to another job");
		goto finish;
	}
	if (!turn_off_echo(fd, &before, error))
		goto finish;
	ok = write_all(fd, prompt, error) &&
		read_line(fd, stop_fd, answer, size, error);
	restore_echo(fd, &before);
	if (!ok)
		explicit_bzero(answer, size);

finish:
	(void)close(fd);
	return ok;
}

int
terminal_width(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}
