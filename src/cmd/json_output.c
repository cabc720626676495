#include "cmd/json_output.h"

#include <stdio.h>

bool
json_output(json_t *object, struct error *error)
{
	bool success;

	if (object == NULL)
		return error_set_memory(error);
	success = json_dumpf(object, stdout, JSON_INDENT(2)) == 0 ||
		error_set_errno(error, "could not write JSON");
	(void)putchar('\n');
	json_decref(object);
	return success;
}
