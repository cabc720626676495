#include "wal/lsn.h"

#include <stddef.h>

#define HEX_DIGITS_MAX 8

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Read one to eight digits; returns what follows them, NULL without any. */
static const char *
parse_half(const char *string, uint32_t *half)
{
	uint32_t value = 0;
	int digits = 0;

	while (digits < HEX_DIGITS_MAX && hex_value(*string) >= 0) {
		value = value << 4 | (uint32_t)hex_value(*string);
		string++;
		digits++;
	}
	*half = value;
	return digits > 0 ? string : NULL;
}

bool
lsn_parse(const char *string, lsn *position)
{
	uint32_t high;
	uint32_t low;

	string = parse_half(string, &high);
	if (string == NULL || *string != '/')
		return false;
	string = parse_half(string + 1, &low);
	if (string == NULL || *string != '\0')
		return false;
	*position = (lsn)high << 32 | low;
	return true;
}

bool
wal_segment_size_valid(uint64_t size)
{
	return size >= WAL_SEGMENT_SIZE_MIN && size <= WAL_SEGMENT_SIZE_MAX &&
		(size & (size - 1)) == 0;
}
