/*
 * base/library.h - a library that is only loaded when a command wants it.
 *
 * Some libraries bring others with them, and take longer to load than a short
 * command takes to run.
 */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include "base/error.h"

#include <stddef.h>

struct library_symbol {
	const char *name;
	size_t offset; /* of its pointer, in a struct of functions */
};

/*
 * Load the library for the life of the process, and put the addresses of count
 * symbols into functions. All of them, or none. Errors: ERR_SYSTEM.
 */
bool library_load(const char *name, const struct library_symbol *symbols,
	size_t count, void *functions, struct error *error);

#endif
