#include "base/log.h"

#include <ctype.h>
#include <stdarg.h>

/* Return to the first column and erase to the end of the line. */
#define ERASE_LINE "\r\033[K"

enum log_level
log_level_raise(enum log_level level)
{
	return level >= LOG_VERBOSE ? LOG_DEBUG : LOG_VERBOSE;
}

void
log_init(struct log *log, FILE *stream, const char *program)
{
	log->stream = stream;
	log->program = program;
	log->level = LOG_NORMAL;
	log->progress_shown = false;
}

/* A server may not work the terminal; its messages may have several lines. */
static void
write_plain(FILE *stream, const char *message)
{
	for (; *message != '\0'; message++) {
		bool control = iscntrl((unsigned char)*message) &&
			*message != '\n' && *message != '\t';

		(void)putc_unlocked(control ? '?' : *message, stream);
	}
}

static void
log_line(struct log *log, const char *kind, const char *message)
{
	log_progress_end(log);
	(void)fprintf(log->stream, "%s: %s", log->program, kind);
	write_plain(log->stream, message);
	(void)fputs("\n", log->stream);
	(void)fflush(log->stream);
}

static void
log_hint(struct log *log, const struct error *error)
{
	if (error->hint[0] != '\0')
		log_line(log, "hint: ", error->hint);
}

void
log_error(struct log *log, const struct error *error)
{
	log_line(log, "error: ", error->message);
	log_hint(log, error);
}

void
log_warning_error(struct log *log, const struct error *error)
{
	if (log->level < LOG_NORMAL)
		return;
	log_line(log, "warning: ", error->message);
	log_hint(log, error);
}

static void __attribute__((format(printf, 3, 0))) log_formatted(struct log *log,
	const char *kind, const char *format, va_list arguments)
{
	char message[sizeof(((struct error *)NULL)->message)];

	(void)vsnprintf(message, sizeof(message), format, arguments);
	log_line(log, kind, message);
}

void
log_warning(struct log *log, const char *format, ...)
{
	va_list arguments;

	if (log->level < LOG_NORMAL)
		return;
	va_start(arguments, format);
	log_formatted(log, "warning: ", format, arguments);
	va_end(arguments);
}

void
log_at(struct log *log, enum log_level level, const char *format, ...)
{
	va_list arguments;

	if (log->level < level)
		return;
	va_start(arguments, format);
	log_formatted(log, "", format, arguments);
	va_end(arguments);
}

void
log_progress(struct log *log, const char *line)
{
	(void)fprintf(log->stream, ERASE_LINE "%s", line);
	(void)fflush(log->stream);
	log->progress_shown = true;
}

void
log_progress_end(struct log *log)
{
	if (!log->progress_shown)
		return;
	(void)fputs(ERASE_LINE, log->stream);
	(void)fflush(log->stream);
	log->progress_shown = false;
}
