/*
 * verify/read_fault.h - whose fault it is that a file cannot be read.
 */
#ifndef VERIFY_READ_FAULT_H
#define VERIFY_READ_FAULT_H

#include "base/error.h"

/*
 * True if the file is at fault, so that it is told of and the others go on:
 * a broken stream, a bad disk, no permission. False for what the process
 * lacks.
 */
bool read_fault_is_the_files(const struct error *fault);

#endif
