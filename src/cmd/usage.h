/*
 * cmd/usage.h - what every command says of a command line it cannot carry out.
 */
#ifndef CMD_USAGE_H
#define CMD_USAGE_H

#include "base/error.h"

/*
 * Point to the --help of command ("walfetch list"), unless the error has a
 * better hint already.
 */
void usage_hint(const char *command, struct error *error);

#endif
