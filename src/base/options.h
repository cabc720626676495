/*
 * base/options.h - one table makes the parser and the --help of a command.
 *
 * Life cycle: fill a struct options -> options_next until it returns
 * OPTION_END or OPTION_ERROR. The operands that are left begin at
 * options->operand. Uses getopt_long(), so one command line per process.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/error.h"

#include <stdio.h>

#define OPTION_END (-1)
#define OPTION_ERROR (-2)
#define OPTION_LONG_ONLY 256 /* keys from here on have no letter */
#define OPTIONS_MAX 64	     /* rows of one table */

/* A row with key 0 is a heading: only help is used. The last row is all 0. */
struct option_spec {
	int key;	      /* its letter, or OPTION_LONG_ONLY + n */
	const char *name;     /* long name; NULL: only a letter */
	const char *argument; /* as --help shows it; NULL: takes none; "[X]":
				 may be left out, and needs a "=" */
	const char *help;     /* "\n" begins a further line */
};

struct options {
	const struct option_spec *specs;
	int argc;
	char **argv; /* argv[0] is passed over; getopt may reorder the rest */
	const char *value; /* of the option just returned, NULL if left out;
			      borrowed from argv */
	int operand;	   /* after OPTION_END: index of the first operand */
};

/* The key of the next option. OPTION_ERROR: *error says what (ERR_USAGE). */
int options_next(struct options *options, struct error *error);

/* After OPTION_END: are there at most so many operands? Errors: ERR_USAGE. */
bool options_check_operands(
	const struct options *options, int most, struct error *error);

/* Print the table as the options part of a --help, lines of <= 95. */
void options_print(FILE *stream, const struct option_spec *specs);

#endif
