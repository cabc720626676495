/*
 * cmd/json_output.h - the JSON object that a command prints.
 */
#ifndef CMD_JSON_OUTPUT_H
#define CMD_JSON_OUTPUT_H

#include "base/error.h"

#include <jansson.h>

/*
 * Print object on the standard output, and drop it. It is not flushed. Errors:
 * ERR_MEMORY (object is NULL), ERR_SYSTEM.
 */
bool json_output(json_t *object, struct error *error);

#endif
