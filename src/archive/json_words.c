#include "archive/json_words.h"

#include <stdlib.h>
#include <string.h>

json_t *
json_words(const char *words)
{
	json_t *value;
	char *copy;

	if (words == NULL || words[0] == '\0')
		return json_null();
	value = json_string(words);
	if (value != NULL)
		return value;
	copy = strdup(words);
	for (char *p = copy; p != NULL && *p != '\0'; p++)
		if ((unsigned char)*p > 127)
			*p = '?';
	value = copy == NULL ? NULL : json_string(copy);
	free(copy);
	return value;
}
