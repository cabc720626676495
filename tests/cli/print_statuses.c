/*
 * Prints each error code with its exit status, one a line: what the program
 * does, for a comparison with what its manual says.
 */
#include "base/error.h"

#include <stdio.h>

#define NAMED(code) [code] = #code

int
main(void)
{
	static const char *const names[] = {
		NAMED(ERR_NONE),
		NAMED(ERR_USAGE),
		NAMED(ERR_SYSTEM),
		NAMED(ERR_MEMORY),
		NAMED(ERR_STOPPED),
		NAMED(ERR_NOT_FOUND),
		NAMED(ERR_PROTOCOL),
		NAMED(ERR_UNREACHABLE),
		NAMED(ERR_REFUSED),
		NAMED(ERR_LOCKED),
		NAMED(ERR_GAP),
		NAMED(ERR_DAMAGED),
		NAMED(ERR_DIVERGED),
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == ERR_CODES,
		"an error code is not named here");
	for (int code = 0; code < ERR_CODES; code++)
		(void)printf("%d %s\n",
			error_exit_status((enum error_code)code), names[code]);
	return 0;
}
