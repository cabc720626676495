/*
 * base/array.h - arrays that grow by one element.
 */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include "base/error.h"

/*
 * Make room for one more element of size bytes behind count of them. array is
 * NULL or came from here, and has only ever grown so. Returns where it lies
 * now; NULL (ERR_MEMORY): it is as it was.
 */
void *array_room(void *array, size_t count, size_t size, struct error *error);

#endif
