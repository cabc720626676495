/*
 * backup/digest.h - the checksums of a backup manifest.
 *
 * Life cycle: digest_init -> (digest_begin -> digest_update* ->
 * digest_finish)* -> digest_free. One kind for the life of a digest.
 * Sources: PostgreSQL documentation, "Backup Manifest File Object"; a CRC-32C
 * is shown lowest byte first. SHA is libcrypto's.
 */
#ifndef BACKUP_DIGEST_H
#define BACKUP_DIGEST_H

#include "base/error.h"

#include <stdint.h>

enum digest_kind {
	DIGEST_NONE,
	DIGEST_CRC32C,
	DIGEST_SHA224,
	DIGEST_SHA256,
	DIGEST_SHA384,
	DIGEST_SHA512,
	DIGESTS /* how many there are */
};

/* Room for any digest as hexadecimal text. */
#define DIGEST_TEXT_MAX 129

struct digest {
	enum digest_kind kind;
	uint32_t crc;
	void *context; /* libcrypto's */
};

/* Its name in a manifest: "CRC32C". */
const char *digest_name(enum digest_kind kind);

/* Find a kind by its name, in any case. */
bool digest_parse(const char *name, enum digest_kind *kind);

/* Errors: ERR_MEMORY, ERR_NOT_FOUND (libcrypto). */
bool digest_init(
	struct digest *digest, enum digest_kind kind, struct error *error);

void digest_free(struct digest *digest);

/* Begin with nothing. Errors of all: ERR_SYSTEM (libcrypto failed). */
bool digest_begin(struct digest *digest, struct error *error);

bool digest_update(struct digest *digest, const void *data, size_t len,
	struct error *error);

/* Write it as text; an empty one for DIGEST_NONE. */
bool digest_finish(
	struct digest *digest, char text[DIGEST_TEXT_MAX], struct error *error);

#endif
