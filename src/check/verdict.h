/*
 * check/verdict.h - what walfetch check has found, a row for each question.
 *
 * Life cycle: verdicts_init -> (verdict_add -> verdict_mean, verdict_mend)* ->
 * verdicts_print or verdicts_json -> verdicts_free.
 * Guarantee: verdict_add always returns a row; for want of memory one that is
 * not kept, and then verdicts->failed is true.
 */
#ifndef CHECK_VERDICT_H
#define CHECK_VERDICT_H

#include "base/error.h"
#include "base/text.h"

enum verdict_level {
	VERDICT_OK,
	VERDICT_WARNING,
	VERDICT_ERROR
};

struct verdict {
	enum verdict_level level;
	enum error_code code; /* of an error: it tells the exit status */
	const char *name;     /* the setting, or what was asked; constant */
	char value[512];
	char meaning[512]; /* for us; a phrase; empty: the value says it */
	char mend[768];	   /* sentences; empty: nothing to do */
};

struct verdicts {
	struct verdict *rows;
	size_t count;
	bool failed; /* not all rows could be kept */
	struct verdict spare;
};

void verdicts_init(struct verdicts *verdicts);

void verdicts_free(struct verdicts *verdicts);

/* Add a row with its value. It is valid until the next one is added. */
struct verdict *verdict_add(struct verdicts *verdicts, enum verdict_level level,
	const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same for an error. */
struct verdict *verdict_error(struct verdicts *verdicts, enum error_code code,
	const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Say what the value means for us. */
void verdict_mean(struct verdict *verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Say what to do about it. */
void verdict_mend(struct verdict *verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The code of the first error; ERR_NONE: there is none. */
enum error_code verdicts_code(const struct verdicts *verdicts);

/* Append them as lines; quiet: only what is not ok. */
void verdicts_print(
	const struct verdicts *verdicts, bool quiet, struct text *text);

/*
 * Append them as one line of JSON; walfetch-check(1) has the schema. Errors:
 * ERR_MEMORY.
 */
bool verdicts_json(const struct verdicts *verdicts, struct text *text,
	struct error *error);

#endif
