/*
 * cmd/json_output.h - the JSON object that a command prints.
 */
#ifndef CMD_JSON_OUTPUT_H
#define CMD_JSON_OUTPUT_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

/* Append value, and take it over; false: there is no memory for it. */
bool json_append(json_t *array, json_t *value);

/* The array if it is whole; else it is dropped: NULL. */
json_t *json_whole(json_t *array, bool whole);

/*
 * Print object on the standard output, and drop it. It is not flushed. Errors:
 * ERR_MEMORY (object is NULL), ERR_SYSTEM.
 */
bool json_output(json_t *object, struct error *error);

#endif
