/*
 * cmd/verify_report.h - what walfetch verify tells: walfetch-verify(1).
 */
#ifndef CMD_VERIFY_REPORT_H
#define CMD_VERIFY_REPORT_H

#include "cmd/verify_options.h"

/*
 * Print the report to stdout in the form that the options ask for. status is
 * what the command exits with. Errors: ERR_MEMORY, ERR_SYSTEM (stdout).
 */
bool verify_report_print(const struct verify_report *report,
	const struct verify_options *options, int status, struct error *error);

#endif
