#include "cmd/usage.h"

void
usage_hint(const char *command, struct error *error)
{
	if (error->hint[0] == '\0')
		error_set_hint(error, "Try \"%s --help\" for more information.",
			command);
}
