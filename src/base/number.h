/*
 * base/number.h - numbers and sizes as a person writes them, and back.
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/error.h"

#include <stdint.h>

/*
 * Read a decimal integer of min to max that fills the string. option names
 * it in the message ("-s/--status-interval"). *value is only set on success.
 * Errors: ERR_USAGE.
 */
bool number_parse(const char *string, const char *option, int64_t min,
	int64_t max, int64_t *value, struct error *error);

/*
 * Read a size: a decimal integer and, perhaps after a blank, B, kB, MB, GB or
 * TB (powers of 1024, as in postgresql.conf); without a unit, bytes.
 * Errors: ERR_USAGE.
 */
bool size_parse(const char *string, const char *option, uint64_t *bytes,
	struct error *error);

#define SIZE_TEXT_MAX 16

/* "1.5 GB": three digits that matter, powers of 1024. */
void size_format(char text[SIZE_TEXT_MAX], uint64_t bytes);

#endif
