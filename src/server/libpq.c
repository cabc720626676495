#include "server/libpq.h"

#include "base/library.h"

#define SYMBOL(name) {#name, offsetof(struct libpq, name)},

static const struct library_symbol symbols[] = {LIBPQ_FUNCTIONS(SYMBOL)};

/* One library a process, like the functions of one that is linked. */
static struct libpq *
functions(void)
{
	static struct libpq loaded;

	return &loaded;
}

bool
libpq_load(struct error *error)
{
	return functions()->PQclear != NULL ||
		library_load(LIBPQ_NAME, symbols,
			sizeof(symbols) / sizeof(symbols[0]), functions(),
			error);
}

const struct libpq *
libpq(void)
{
	return functions();
}
