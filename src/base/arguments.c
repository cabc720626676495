#include "base/arguments.h"

#include <stdlib.h>
#include <string.h>

#define HIDDEN 'x'

static void
hide(char *from, const char *upto)
{
	while (from < upto)
		*from++ = HIDDEN;
}

/* The end of a value of a connection string, or of a URI's query. */
static char *
value_end(char *value)
{
	if (*value != '\'')
		return value + strcspn(value, "& \t\n");
	for (value++; *value != '\0' && *value != '\''; value++)
		if (*value == '\\' && value[1] != '\0')
			value++;
	return value;
}

/* "password = 'x'", and sslpassword. */
static void
hide_values(char *argument)
{
	static const char keyword[] = "password";

	while ((argument = strstr(argument, keyword)) != NULL) {
		argument += strlen(keyword);
		argument += strspn(argument, " \t\n");
		if (*argument != '=')
			continue;
		argument++;
		argument += strspn(argument, " \t\n");
		hide(argument, value_end(argument));
	}
}

/* "postgresql://user:x@host" */
static void
hide_credentials(char *argument)
{
	char *authority = strstr(argument, "://");
	char *at;
	char *colon;

	if (authority == NULL)
		return;
	authority += 3;
	at = authority + strcspn(authority, "@/");
	colon = authority + strcspn(authority, ":@/");
	if (*at == '@' && *colon == ':')
		hide(colon + 1, at);
}

char **
arguments_take(int argc, char **argv)
{
	char **copy = calloc((size_t)argc + 1, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	for (int i = 0; i < argc; i++) {
		copy[i] = strdup(argv[i]);
		if (copy[i] == NULL) {
			arguments_free(copy);
			return NULL;
		}
	}
	for (int i = 0; i < argc; i++) {
		hide_values(argv[i]);
		hide_credentials(argv[i]);
	}
	return copy;
}

void
arguments_free(char **arguments)
{
	if (arguments == NULL)
		return;
	for (char **argument = arguments; *argument != NULL; argument++)
		free(*argument);
	free(arguments);
}
