#include "cmd/json_output.h"

#include <stdio.h>

bool
json_append(json_t *array, json_t *value)
{
	return json_array_append_new(array, value) == 0;
}

json_t *
json_whole(json_t *array, bool whole)
{
	if (whole)
		return array;
	json_decref(array);
	return NULL;
}

bool
json_output(json_t *object, struct error *error)
{
	bool success;

	if (object == NULL)
		return error_set_memory(error);
	success = json_dumpf(object, stdout,
			  JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0 ||
		error_set_errno(error, "could not write JSON");
	(void)putchar('\n');
	json_decref(object);
	return success;
}
