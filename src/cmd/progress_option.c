#include "cmd/progress_option.h"

#include "base/terminal.h"

#include <string.h>
#include <unistd.h>

/* When the terminal does not tell its width. */
#define WIDTH_DEFAULT 80

bool
progress_option_parse(
	const char *value, enum progress_when *when, struct error *error)
{
	if (strcmp(value, "auto") == 0)
		*when = PROGRESS_AUTO;
	else if (strcmp(value, "always") == 0)
		*when = PROGRESS_ALWAYS;
	else if (strcmp(value, "never") == 0)
		*when = PROGRESS_NEVER;
	else
		return error_set(error, ERR_USAGE,
			"invalid value \"%s\" for option --progress", value);
	return true;
}

int
progress_option_width(enum progress_when when, enum log_level level)
{
	int width = terminal_width(STDERR_FILENO);

	switch (when) {
	case PROGRESS_NEVER:
		return 0;
	case PROGRESS_ALWAYS:
		break;
	case PROGRESS_AUTO:
		if (!isatty(STDERR_FILENO) || level == LOG_QUIET)
			return 0;
		break;
	}
	return width > 0 ? width : WIDTH_DEFAULT;
}
