/*
 * check/finding.h - what walfetch check has found, a row for each question.
 *
 * Life cycle: findings_init -> (finding_add -> finding_mean, finding_mend)* ->
 * findings_print or findings_json -> findings_free.
 * Guarantee: finding_add always returns a row; for want of memory one that is
 * not kept, and then findings->failed is true.
 */
#ifndef CHECK_FINDING_H
#define CHECK_FINDING_H

#include "base/error.h"
#include "base/text.h"

enum finding_level {
	FINDING_OK,
	FINDING_WARNING,
	FINDING_ERROR
};

struct finding {
	enum finding_level level;
	enum error_code code; /* of an error: it tells the exit status */
	const char *name;     /* the setting, or what was asked; constant */
	char value[512];
	char meaning[512]; /* for us; a phrase; empty: the value says it */
	char mend[768];	   /* sentences; empty: nothing to do */
};

struct findings {
	struct finding *rows;
	size_t count;
	bool failed; /* not all rows could be kept */
	struct finding spare;
};

void findings_init(struct findings *findings);

void findings_free(struct findings *findings);

/* Add a row with its value. It is valid until the next one is added. */
struct finding *finding_add(struct findings *findings, enum finding_level level,
	const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same for an error. */
struct finding *finding_error(struct findings *findings, enum error_code code,
	const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Say what the value means for us. */
void finding_mean(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Say what to do about it. */
void finding_mend(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The code of the first error; ERR_NONE: there is none. */
enum error_code findings_code(const struct findings *findings);

/* Append them as lines; quiet: only what is not ok. */
void findings_print(
	const struct findings *findings, bool quiet, struct text *text);

/*
 * Append them as one line of JSON; walfetch-check(1) has the schema. Errors:
 * ERR_MEMORY.
 */
bool findings_json(const struct findings *findings, struct text *text,
	struct error *error);

#endif
