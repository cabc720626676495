#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct error_class {
	int exit_status;
	bool transient;
};

static const struct error_class error_classes[ERR_CODES] = {
	[ERR_NONE] = {0, false},
	[ERR_USAGE] = {1, false},
	[ERR_SYSTEM] = {1, false},
	[ERR_MEMORY] = {1, false},
	[ERR_STOPPED] = {0, false},
	[ERR_NOT_FOUND] = {1, false},
	[ERR_PROTOCOL] = {2, true},
	[ERR_UNREACHABLE] = {2, true},
	[ERR_REFUSED] = {2, false},
	[ERR_LOCKED] = {3, false},
	[ERR_GAP] = {4, false},
	[ERR_DAMAGED] = {5, false},
	[ERR_DIVERGED] = {6, false},
};

bool
error_set(struct error *error, enum error_code code, const char *format, ...)
{
	va_list arguments;

	error_clear(error);
	error->code = code;
	va_start(arguments, format);
	(void)vsnprintf(
		error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return false;
}

bool
error_set_errno(struct error *error, const char *format, ...)
{
	va_list arguments;
	int sys_errno = errno;
	size_t used;

	error_clear(error);
	error->code = ERR_SYSTEM;
	error->sys_errno = sys_errno;
	va_start(arguments, format);
	(void)vsnprintf(
		error->message, sizeof(error->message), format, arguments);
	va_end(arguments);

	used = strlen(error->message);
	(void)snprintf(error->message + used, sizeof(error->message) - used,
		": %s", strerror(sys_errno));
	return false;
}

bool
error_set_memory(struct error *error)
{
	return error_set(error, ERR_MEMORY, "out of memory");
}

bool
error_set_hint(struct error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(error->hint, sizeof(error->hint), format, arguments);
	va_end(arguments);
	return false;
}

void
error_clear(struct error *error)
{
	error->code = ERR_NONE;
	error->sys_errno = 0;
	error->message[0] = '\0';
	error->hint[0] = '\0';
}

bool
error_is_transient(const struct error *error)
{
	if (error->code == ERR_SYSTEM)
		return error->sys_errno == ENOSPC || error->sys_errno == EDQUOT;
	return error_classes[error->code].transient;
}

int
error_exit_status(enum error_code code)
{
	return error_classes[code].exit_status;
}
