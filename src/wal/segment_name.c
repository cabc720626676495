#include "wal/segment_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEX_FIELD_LEN 8
#define HISTORY_SUFFIX ".history"

/* The second field counts 4 GiB of WAL, the third segments within them. */
static uint64_t
segments_per_field(uint32_t segment_size)
{
	return (UINT64_C(1) << 32) / segment_size;
}

/* Eight digits, upper case only; never reads behind a terminator. */
static bool
parse_field(const char *string, uint32_t *value)
{
	uint32_t result = 0;

	for (int i = 0; i < HEX_FIELD_LEN; i++) {
		char c = string[i];

		if (c >= '0' && c <= '9')
			result = result << 4 | (uint32_t)(c - '0');
		else if (c >= 'A' && c <= 'F')
			result = result << 4 | (uint32_t)(c - 'A' + 10);
		else
			return false;
	}
	*value = result;
	return true;
}

void
segment_name_format(char name[SEGMENT_NAME_LEN + 1], uint32_t timeline,
	uint64_t number, uint32_t segment_size)
{
	uint64_t per_field = segments_per_field(segment_size);

	(void)snprintf(name, SEGMENT_NAME_LEN + 1,
		"%08" PRIX32 "%08" PRIX32 "%08" PRIX32, timeline,
		(uint32_t)(number / per_field), (uint32_t)(number % per_field));
}

bool
segment_name_parse(const char *name, uint32_t segment_size, uint32_t *timeline,
	uint64_t *number)
{
	uint64_t per_field = segments_per_field(segment_size);
	uint32_t field[3];

	for (int i = 0; i < 3; i++) {
		if (!parse_field(name + i * HEX_FIELD_LEN, &field[i]))
			return false;
	}
	if (field[0] == 0 || field[2] >= per_field)
		return false;
	*timeline = field[0];
	*number = field[1] * per_field + field[2];
	return true;
}

void
history_name_format(char name[HISTORY_NAME_LEN + 1], uint32_t timeline)
{
	(void)snprintf(name, HISTORY_NAME_LEN + 1, "%08" PRIX32 HISTORY_SUFFIX,
		timeline);
}

bool
history_name_parse(const char *name, uint32_t *timeline)
{
	uint32_t value;

	if (!parse_field(name, &value) || value == 0 ||
		strcmp(name + HEX_FIELD_LEN, HISTORY_SUFFIX) != 0)
		return false;
	*timeline = value;
	return true;
}
