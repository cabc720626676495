/*
 * wal/crc32c.h - CRC-32C (Castagnoli), the checksum of WAL records.
 *
 * Sources: PostgreSQL src/include/port/pg_crc32c.h. Uses ISA-L when it is
 * built in, a table of eight slices otherwise.
 */
#ifndef WAL_CRC32C_H
#define WAL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The state before the first byte. */
#define CRC32C_INIT UINT32_C(0xFFFFFFFF)

/* Take len bytes into the state. */
uint32_t crc32c_update(uint32_t state, const void *data, size_t len);

/* The same, always with the portable code: what tests compare with. */
uint32_t crc32c_update_portable(uint32_t state, const void *data, size_t len);

/* The checksum that a state stands for. */
static inline uint32_t
crc32c_finish(uint32_t state)
{
	return ~state;
}

#endif
