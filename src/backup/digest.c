#include "backup/digest.h"

#include "backup/libcrypto.h"
#include "wal/crc32c.h"

#include <stdio.h>
#include <strings.h>

static const char *const digest_names[DIGESTS] = {
	[DIGEST_NONE] = "NONE",
	[DIGEST_CRC32C] = "CRC32C",
	[DIGEST_SHA224] = "SHA224",
	[DIGEST_SHA256] = "SHA256",
	[DIGEST_SHA384] = "SHA384",
	[DIGEST_SHA512] = "SHA512",
};

const char *
digest_name(enum digest_kind kind)
{
	return digest_names[kind];
}

bool
digest_parse(const char *name, enum digest_kind *kind)
{
	for (int i = 0; i < DIGESTS; i++) {
		if (strcasecmp(name, digest_names[i]) != 0)
			continue;
		*kind = (enum digest_kind)i;
		return true;
	}
	return false;
}

/* NULL: not one of libcrypto's. */
static const EVP_MD *
method_of(enum digest_kind kind)
{
	switch (kind) {
	case DIGEST_SHA224:
		return libcrypto()->EVP_sha224();
	case DIGEST_SHA256:
		return libcrypto()->EVP_sha256();
	case DIGEST_SHA384:
		return libcrypto()->EVP_sha384();
	case DIGEST_SHA512:
		return libcrypto()->EVP_sha512();
	case DIGEST_NONE:
	case DIGEST_CRC32C:
	case DIGESTS:
		break;
	}
	return NULL;
}

bool
digest_init(struct digest *digest, enum digest_kind kind, struct error *error)
{
	*digest = (struct digest){.kind = kind};
	if (kind == DIGEST_NONE || kind == DIGEST_CRC32C)
		return true;
	if (!libcrypto_load(error))
		return false;
	digest->context = libcrypto()->EVP_MD_CTX_new();
	return digest->context != NULL || error_set_memory(error);
}

void
digest_free(struct digest *digest)
{
	if (digest->context != NULL)
		libcrypto()->EVP_MD_CTX_free(digest->context);
	digest->context = NULL;
}

static bool
set_failed(struct error *error)
{
	return error_set(error, ERR_SYSTEM, "could not compute a checksum");
}

bool
digest_begin(struct digest *digest, struct error *error)
{
	digest->crc = CRC32C_INIT;
	if (digest->context != NULL &&
		!libcrypto()->EVP_DigestInit_ex(
			digest->context, method_of(digest->kind), NULL))
		return set_failed(error);
	return true;
}

bool
digest_update(struct digest *digest, const void *data, size_t len,
	struct error *error)
{
	if (digest->kind == DIGEST_CRC32C)
		digest->crc = crc32c_update(digest->crc, data, len);
	else if (digest->context != NULL &&
		!libcrypto()->EVP_DigestUpdate(digest->context, data, len))
		return set_failed(error);
	return true;
}

static void
format(const unsigned char *bytes, size_t len, char text[DIGEST_TEXT_MAX])
{
	for (size_t i = 0; i < len; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

bool
digest_finish(
	struct digest *digest, char text[DIGEST_TEXT_MAX], struct error *error)
{
	unsigned char bytes[EVP_MAX_MD_SIZE] = {0};
	unsigned len = 0;

	text[0] = '\0';
	if (digest->kind == DIGEST_CRC32C) {
		uint32_t crc = crc32c_finish(digest->crc);

		for (; len < sizeof(crc); len++)
			bytes[len] = (unsigned char)(crc >> 8 * len);
	} else if (digest->context != NULL &&
		!libcrypto()->EVP_DigestFinal_ex(
			digest->context, bytes, &len)) {
		return set_failed(error);
	}
	format(bytes, len, text);
	return true;
}
