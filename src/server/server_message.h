/*
 * server/server_message.h - libpq's and the server's texts made fit for
 * people. Private to src/server/.
 *
 * libpq keeps no SQLSTATE of a failed connection, but writes it into the text
 * when the verbosity is PQERRORS_VERBOSE: "FATAL:  28P01: password ...", and
 * then a line "LOCATION:  function, file.c:123".
 */
#ifndef SERVER_SERVER_MESSAGE_H
#define SERVER_SERVER_MESSAGE_H

#include "base/error.h"
#include "base/text.h"

/*
 * Append a verbose text as one line, "; " where it has a new one and
 * parentheses around those that begin with a tab, without states, LOCATION
 * lines and lines said twice; returns the class of the states in it (transient
 * if one of several is; ERR_UNREACHABLE without any). The server's language
 * does not matter.
 */
enum error_code message_append_plain(struct text *plain, const char *verbose);

#define SQLSTATE_SIZE 6

/* The last state in a verbose text; empty if there is none. */
void message_sqlstate(char sqlstate[SQLSTATE_SIZE], const char *verbose);

/*
 * Copy text into line (size bytes), each run of newlines and tabs a space,
 * none at the end.
 */
void message_one_line(char *line, size_t size, const char *text);

/*
 * Replace everything between the first and the last double quote by dots:
 * libpq quotes parts of a connection string that may be a password.
 */
void message_hide_quoted(char *message);

#endif
