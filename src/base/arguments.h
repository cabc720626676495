/*
 * base/arguments.h - a command line of which the process list keeps no
 * password.
 *
 * Life cycle: arguments_take, before anything else -> arguments_free.
 */
#ifndef BASE_ARGUMENTS_H
#define BASE_ARGUMENTS_H

/*
 * Copy argc arguments, and overwrite in the original, which other users can
 * see, every password of a connection string or URI. The copy ends with a
 * NULL. NULL: no memory, and nothing is overwritten.
 */
char **arguments_take(int argc, char **argv);

/* Free the copy, whose elements may have changed places; NULL is fine. */
void arguments_free(char **arguments);

#endif
