/*
 * cmd/standard_output.h - whether what a command printed has arrived.
 */
#ifndef CMD_STANDARD_OUTPUT_H
#define CMD_STANDARD_OUTPUT_H

#include "base/error.h"

/*
 * Hand on all that was printed to the standard output. Errors: ERR_SYSTEM, also
 * for what could not be printed before.
 */
bool standard_output_flush(struct error *error);

#endif
