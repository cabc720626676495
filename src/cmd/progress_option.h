/*
 * cmd/progress_option.h - the option --progress, which several commands have.
 */
#ifndef CMD_PROGRESS_OPTION_H
#define CMD_PROGRESS_OPTION_H

#include "base/log.h"

enum progress_when {
	PROGRESS_AUTO,
	PROGRESS_ALWAYS,
	PROGRESS_NEVER
};

/* Read auto, always or never. Errors: ERR_USAGE. */
bool progress_option_parse(
	const char *value, enum progress_when *when, struct error *error);

/* Columns that a progress line on stderr may have; 0: none is wanted. */
int progress_option_width(enum progress_when when, enum log_level level);

#endif
