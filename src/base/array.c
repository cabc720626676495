#include "base/array.h"

#include <stdlib.h>

void *
array_room(void *array, size_t count, size_t size, struct error *error)
{
	void *larger;

	/* The room is always the next power of two. */
	if ((count & (count - 1)) != 0)
		return array;
	larger = reallocarray(array, count == 0 ? 1 : 2 * count, size);
	if (larger == NULL)
		(void)error_set_memory(error);
	return larger;
}
