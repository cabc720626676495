/*
 * base/log.h - messages to the person, on stderr.
 *
 * Every message begins with the name that the program was called by, as
 * PostgreSQL's tools do (src/common/logging.c): "walfetch: error: ...".
 * A progress line at a terminal is wiped before a message and drawn again by
 * its owner afterwards.
 *
 * Life cycle: log_init; nothing to free. One thread only: workers hand what
 * they have to say to the thread that started them.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/error.h"

#include <stdio.h>

enum log_level {
	LOG_QUIET,   /* errors only */
	LOG_NORMAL,  /* and warnings, and what a person must know */
	LOG_VERBOSE, /* and each step: -v */
	LOG_DEBUG    /* and what helps to find a fault: -v -v */
};

/* What one more -v makes of a level. */
enum log_level log_level_raise(enum log_level level);

struct log {
	FILE *stream;
	const char *program; /* borrowed */
	enum log_level level;
	bool progress_shown;
};

/* Begin to log to stream as program (borrowed for the life of the log). */
void log_init(struct log *log, FILE *stream, const char *program);

/* "program: error: MESSAGE", and "program: hint: HINT" if there is one. */
void log_error(struct log *log, const struct error *error);

/* "program: warning: ..."; nothing when quiet. */
void log_warning(struct log *log, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same with the text of an error, and its hint. */
void log_warning_error(struct log *log, const struct error *error);

/* "program: ..."; shown from level on. */
void log_at(struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Draw line over the last progress line. */
void log_progress(struct log *log, const char *line);

/* Wipe the progress line, if one is shown. */
void log_progress_end(struct log *log);

#endif
