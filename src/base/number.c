#include "base/number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const size_units[] = {"B", "kB", "MB", "GB", "TB"};

#define SIZE_UNITS (sizeof(size_units) / sizeof(size_units[0]))

bool
number_parse(const char *string, const char *option, int64_t min, int64_t max,
	int64_t *value, struct error *error)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(string, &end, 10);
	if (end == string || *end != '\0')
		return error_set(error, ERR_USAGE,
			"invalid value \"%s\" for option %s", string, option);
	if (errno != 0 || number < min || number > max)
		return error_set(error, ERR_USAGE,
			"%s must be in range %lld..%lld", option,
			(long long)min, (long long)max);
	*value = number;
	return true;
}

/* How often to shift by ten bits; false: not a unit. */
static bool
find_unit(const char *unit, unsigned *power)
{
	*power = 0;
	if (*unit == '\0')
		return true;
	for (; *power < SIZE_UNITS; ++*power)
		if (strcmp(unit, size_units[*power]) == 0)
			return true;
	return false;
}

bool
size_parse(const char *string, const char *option, uint64_t *bytes,
	struct error *error)
{
	unsigned long long number;
	unsigned power;
	char *end;

	errno = 0;
	number = strtoull(string, &end, 10);
	if (end == string || strspn(string, "0123456789") == 0 ||
		!find_unit(end + (*end == ' '), &power) || errno != 0 ||
		number > UINT64_MAX >> 10 * power) {
		error_set(error, ERR_USAGE,
			"invalid value \"%s\" for option %s", string, option);
		return error_set_hint(error,
			"A size is a number of bytes, or a number with one of "
			"the units kB, MB, GB and TB.");
	}
	*bytes = (uint64_t)number << 10 * power;
	return true;
}

void
size_format(char text[SIZE_TEXT_MAX], uint64_t bytes)
{
	double value = (double)bytes;
	unsigned unit = 0;

	while (value >= 999.5 && unit < SIZE_UNITS - 1) {
		value /= 1024;
		unit++;
	}
	(void)snprintf(text, SIZE_TEXT_MAX, "%.*f %s",
		unit == 0 || value >= 99.95 ? 0 : 1, value, size_units[unit]);
}
