#include "backup/libcrypto.h"

#include "base/library.h"

/* The version that we are built with: others may differ in anything. */
#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number
#ifdef OPENSSL_SHLIB_VERSION
#define LIBRARY "libcrypto.so." TEXT(OPENSSL_SHLIB_VERSION)
#else
#define LIBRARY "libcrypto.so." SHLIB_VERSION_NUMBER
#endif

#define SYMBOL(name) {#name, offsetof(struct libcrypto, name)},

static const struct library_symbol symbols[] = {LIBCRYPTO_FUNCTIONS(SYMBOL)};

/* One library a process, like the functions of one that is linked. */
static struct libcrypto *
functions(void)
{
	static struct libcrypto loaded;

	return &loaded;
}

bool
libcrypto_load(struct error *error)
{
	return functions()->EVP_MD_CTX_new != NULL ||
		library_load(LIBRARY, symbols,
			sizeof(symbols) / sizeof(symbols[0]), functions(),
			error);
}

const struct libcrypto *
libcrypto(void)
{
	return functions();
}
