/*
 * backup/libcrypto.h - OpenSSL's libcrypto, loaded when a backup wants it.
 *
 * It is large, and only SHA is wanted of it.
 */
#ifndef BACKUP_LIBCRYPTO_H
#define BACKUP_LIBCRYPTO_H

#include "base/error.h"

#include <openssl/evp.h>

/* Those of its functions that are used. */
#define LIBCRYPTO_FUNCTIONS(X) \
	X(EVP_DigestFinal_ex)  \
	X(EVP_DigestInit_ex)   \
	X(EVP_DigestUpdate)    \
	X(EVP_MD_CTX_free)     \
	X(EVP_MD_CTX_new)      \
	X(EVP_sha224)          \
	X(EVP_sha256)          \
	X(EVP_sha384)          \
	X(EVP_sha512)

/* A member cannot stand in parentheses. */
#define LIBCRYPTO_MEMBER(name) \
	__typeof__(name) *name; /* NOLINT(bugprone-macro-parentheses) */

struct libcrypto {
	LIBCRYPTO_FUNCTIONS(LIBCRYPTO_MEMBER)
};

/*
 * Load the library; once is enough. To be called first by one thread alone.
 * Errors: ERR_SYSTEM.
 */
bool libcrypto_load(struct error *error);

/* Its functions, once it is loaded. */
const struct libcrypto *libcrypto(void);

#endif
