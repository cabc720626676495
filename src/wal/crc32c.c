#include "wal/crc32c.h"

#include "base/byteorder.h"

#ifdef HAVE_ISAL
#include <isa-l.h>
#endif

#define SLICES 8

/*
 * Entry i of slice k is what the byte i adds to the checksum of a message in
 * which k more bytes follow it. The function is linear, so that the eight
 * one-bit bytes give all 256 entries of a slice.
 */
#define ENTRY(i, b0, b1, b2, b3, b4, b5, b6, b7)                              \
	(((i)&1u ? (b0) : 0u) ^ ((i)&2u ? (b1) : 0u) ^ ((i)&4u ? (b2) : 0u) ^ \
		((i)&8u ? (b3) : 0u) ^ ((i)&16u ? (b4) : 0u) ^                \
		((i)&32u ? (b5) : 0u) ^ ((i)&64u ? (b6) : 0u) ^               \
		((i)&128u ? (b7) : 0u))
#define ENTRIES_4(i, ...)                                    \
	ENTRY(i, __VA_ARGS__), ENTRY((i) + 1u, __VA_ARGS__), \
		ENTRY((i) + 2u, __VA_ARGS__), ENTRY((i) + 3u, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                           \
	ENTRIES_4(i, __VA_ARGS__), ENTRIES_4((i) + 4u, __VA_ARGS__), \
		ENTRIES_4((i) + 8u, __VA_ARGS__),                    \
		ENTRIES_4((i) + 12u, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                              \
	ENTRIES_16(i, __VA_ARGS__), ENTRIES_16((i) + 16u, __VA_ARGS__), \
		ENTRIES_16((i) + 32u, __VA_ARGS__),                     \
		ENTRIES_16((i) + 48u, __VA_ARGS__)
#define SLICE(...)                                                         \
	{                                                                  \
		ENTRIES_64(0u, __VA_ARGS__), ENTRIES_64(64u, __VA_ARGS__), \
			ENTRIES_64(128u, __VA_ARGS__),                     \
			ENTRIES_64(192u, __VA_ARGS__)                      \
	}

/* For the polynomial 0x1EDC6F41, bits reversed. */
static const uint32_t slices[SLICES][256] = {
	SLICE(0xF26B8303u, 0xE13B70F7u, 0xC79A971Fu, 0x8AD958CFu, 0x105EC76Fu,
		0x20BD8EDEu, 0x417B1DBCu, 0x82F63B78u),
	SLICE(0x13A29877u, 0x274530EEu, 0x4E8A61DCu, 0x9D14C3B8u, 0x3FC5F181u,
		0x7F8BE302u, 0xFF17C604u, 0xFBC3FAF9u),
	SLICE(0xA541927Eu, 0x4F6F520Du, 0x9EDEA41Au, 0x38513EC5u, 0x70A27D8Au,
		0xE144FB14u, 0xC76580D9u, 0x8B277743u),
	SLICE(0xDD45AAB8u, 0xBF672381u, 0x7B2231F3u, 0xF64463E6u, 0xE964B13Du,
		0xD725148Bu, 0xABA65FE7u, 0x52A0C93Fu),
	SLICE(0x38116FACu, 0x7022DF58u, 0xE045BEB0u, 0xC5670B91u, 0x8F2261D3u,
		0x1BA8B557u, 0x37516AAEu, 0x6EA2D55Cu),
	SLICE(0xEF306B19u, 0xDB8CA0C3u, 0xB2F53777u, 0x6006181Fu, 0xC00C303Eu,
		0x85F4168Du, 0x0E045BEBu, 0x1C08B7D6u),
	SLICE(0x68032CC8u, 0xD0065990u, 0xA5E0C5D1u, 0x4E2DFD53u, 0x9C5BFAA6u,
		0x3D5B83BDu, 0x7AB7077Au, 0xF56E0EF4u),
	SLICE(0x493C7D27u, 0x9278FA4Eu, 0x211D826Du, 0x423B04DAu, 0x847609B4u,
		0x0D006599u, 0x1A00CB32u, 0x34019664u),
};

uint32_t
crc32c_update_portable(uint32_t state, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (; len >= SLICES; bytes += SLICES, len -= SLICES) {
		uint32_t low = state ^ get_le32(bytes);
		uint32_t high = get_le32(bytes + 4);

		state = slices[7][low & 0xFF] ^ slices[6][low >> 8 & 0xFF] ^
			slices[5][low >> 16 & 0xFF] ^ slices[4][low >> 24] ^
			slices[3][high & 0xFF] ^ slices[2][high >> 8 & 0xFF] ^
			slices[1][high >> 16 & 0xFF] ^ slices[0][high >> 24];
	}
	for (; len > 0; bytes++, len--)
		state = state >> 8 ^ slices[0][(state ^ *bytes) & 0xFF];
	return state;
}

#ifdef HAVE_ISAL

/* ISA-L takes an int. */
#define ISAL_LEN_MAX ((size_t)1 << 30)

uint32_t
crc32c_update(uint32_t state, const void *data, size_t len)
{
	/* ISA-L only reads, but its prototype has no const. */
	unsigned char *bytes = (unsigned char *)(uintptr_t)data;

	for (; len > ISAL_LEN_MAX; bytes += ISAL_LEN_MAX, len -= ISAL_LEN_MAX)
		state = crc32_iscsi(bytes, (int)ISAL_LEN_MAX, state);
	return crc32_iscsi(bytes, (int)len, state);
}

#else

uint32_t
crc32c_update(uint32_t state, const void *data, size_t len)
{
	return crc32c_update_portable(state, data, len);
}

#endif
