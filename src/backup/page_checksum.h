/*
 * backup/page_checksum.h - the checksum in a data page's header.
 *
 * Pure. 32 lanes of a hash of the FNV-1a family over the page, which is taken
 * as 32-bit words in the server's byte order, with the checksum's own field as
 * zero; then the block number, folded into 1 to 65535.
 * Sources: PostgreSQL documentation, "Database Page Layout";
 * src/include/storage/checksum_impl.h.
 */
#ifndef BACKUP_PAGE_CHECKSUM_H
#define BACKUP_PAGE_CHECKSUM_H

#include "wal/lsn.h"

#include <stddef.h>

/* The checksum that a page of size bytes (a multiple of 128) should have. */
uint16_t page_checksum(const unsigned char *page, size_t size, uint32_t block);

/*
 * True for a page whose checksum is right, and for those that cannot be
 * judged: one never used, and one written at or after start, whose content
 * comes from the WAL.
 */
bool page_is_sound(
	const unsigned char *page, size_t size, uint32_t block, lsn start);

#endif
