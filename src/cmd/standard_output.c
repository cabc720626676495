#include "cmd/standard_output.h"

#include <stdio.h>

bool
standard_output_flush(struct error *error)
{
	return (fflush(stdout) == 0 && !ferror(stdout)) ||
		error_set_errno(error, "could not write to standard output");
}
