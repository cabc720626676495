#include "archive/libarchive.h"

#include "base/library.h"

/* The same for all of version 3. */
#define LIBRARY "libarchive.so.13"

#define SYMBOL(name) {#name, offsetof(struct libarchive, name)},

static const struct library_symbol symbols[] = {LIBARCHIVE_FUNCTIONS(SYMBOL)};

/* One library a process, like the functions of one that is linked. */
static struct libarchive *
functions(void)
{
	static struct libarchive loaded;

	return &loaded;
}

bool
libarchive_load(struct error *error)
{
	return functions()->archive_read_new != NULL ||
		library_load(LIBRARY, symbols,
			sizeof(symbols) / sizeof(symbols[0]), functions(),
			error);
}

const struct libarchive *
libarchive(void)
{
	return functions();
}
