#include "backup/page_checksum.h"

#include "base/byteorder.h"

#include <string.h>

#define LANES 32
#define FNV_PRIME UINT32_C(16777619)

/* Fields of the page header. */
#define AT_CHECKSUM 8
#define AT_UPPER 14

static const uint32_t lane_starts[LANES] = {0x5B1F36E9, 0xB8525960, 0x02AB50AA,
	0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C, 0xF8D4474F,
	0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A,
	0x0B1C9CDB, 0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979,
	0xCCA6C0B2, 0x304A0979, 0x85AA43D4, 0x783125BB, 0x6CA8EAA2, 0xE407EAC6,
	0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756};

static inline void
mix(uint32_t lanes[LANES], const uint32_t words[LANES])
{
	for (int i = 0; i < LANES; i++) {
		uint32_t mixed = lanes[i] ^ words[i];

		lanes[i] = mixed * FNV_PRIME ^ mixed >> 17;
	}
}

static void
mix_bytes(uint32_t lanes[LANES], const unsigned char *bytes)
{
	uint32_t words[LANES];

	memcpy(words, bytes, sizeof(words));
	mix(lanes, words);
}

uint16_t
page_checksum(const unsigned char *page, size_t size, uint32_t block)
{
	static const uint32_t zeros[LANES];
	unsigned char head[sizeof(zeros)];
	uint32_t lanes[LANES];
	uint32_t sum = block;

	memcpy(lanes, lane_starts, sizeof(lanes));
	memcpy(head, page, sizeof(head));
	memset(head + AT_CHECKSUM, 0, 2);
	mix_bytes(lanes, head);
	for (size_t at = sizeof(head); at < size; at += sizeof(head))
		mix_bytes(lanes, page + at);
	mix(lanes, zeros);
	mix(lanes, zeros);
	for (int i = 0; i < LANES; i++)
		sum ^= lanes[i];
	return (uint16_t)(sum % 65535 + 1);
}

bool
page_is_sound(const unsigned char *page, size_t size, uint32_t block, lsn start)
{
	lsn at = (lsn)get_le32(page) << 32 | get_le32(page + 4);

	if (get_le16(page + AT_UPPER) == 0 || at >= start)
		return true;
	return page_checksum(page, size, block) == get_le16(page + AT_CHECKSUM);
}
