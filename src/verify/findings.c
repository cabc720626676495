#include "verify/findings.h"

#include "base/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct findings *
findings_create(void)
{
	struct findings *findings = calloc(1, sizeof(*findings));

	if (findings != NULL)
		(void)pthread_mutex_init(&findings->mutex, NULL);
	return findings;
}

void
findings_free(struct findings *findings)
{
	if (findings == NULL)
		return;
	for (size_t i = 0; i < findings->count; i++)
		free(findings->items[i].message);
	free(findings->items);
	(void)pthread_mutex_destroy(&findings->mutex);
	free(findings);
}

static enum error_code
code_of(enum finding_kind kind)
{
	switch (kind) {
	case FINDING_DAMAGE:
		return ERR_DAMAGED;
	case FINDING_CLUSTER:
		return ERR_DIVERGED;
	case FINDING_GAP:
	case FINDING_HISTORY:
		return ERR_GAP;
	case FINDING_ACCEPTED_GAP:
	case FINDING_TWICE:
		return ERR_NONE;
	}
	return ERR_NONE;
}

bool
finding_is_fault(enum finding_kind kind)
{
	return code_of(kind) != ERR_NONE;
}

static bool
append(struct findings *findings, const struct finding *finding, char *message,
	struct error *error)
{
	struct finding *items = array_room(
		findings->items, findings->count, sizeof(*items), error);

	if (items == NULL)
		return false;
	findings->items = items;
	items[findings->count] = *finding;
	items[findings->count++].message = message;
	findings->faults += finding_is_fault(finding->kind);
	return true;
}

bool
findings_add(struct findings *findings, const struct finding *finding,
	struct error *error, const char *format, ...)
{
	va_list arguments;
	char *message;
	bool success;

	va_start(arguments, format);
	if (vasprintf(&message, format, arguments) < 0)
		message = NULL;
	va_end(arguments);
	if (message == NULL)
		return error_set_memory(error);
	(void)pthread_mutex_lock(&findings->mutex);
	success = append(findings, finding, message, error);
	(void)pthread_mutex_unlock(&findings->mutex);
	if (!success)
		free(message);
	return success;
}

size_t
findings_faults(struct findings *findings)
{
	size_t faults;

	(void)pthread_mutex_lock(&findings->mutex);
	faults = findings->faults;
	(void)pthread_mutex_unlock(&findings->mutex);
	return faults;
}

static int
compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int
compare_findings(const void *a, const void *b)
{
	const struct finding *x = a;
	const struct finding *y = b;
	int order = compare_numbers(x->timeline, y->timeline);

	if (order == 0)
		order = compare_numbers(x->at, y->at);
	if (order == 0)
		order = strcmp(x->file, y->file);
	return order != 0 ? order : strcmp(x->message, y->message);
}

void
findings_sort(struct findings *findings)
{
	if (findings->count > 1)
		qsort(findings->items, findings->count,
			sizeof(findings->items[0]), compare_findings);
}

enum error_code
findings_code(const struct findings *findings)
{
	bool seen[ERR_CODES] = {false};

	for (size_t i = 0; i < findings->count; i++)
		seen[code_of(findings->items[i].kind)] = true;
	if (seen[ERR_DIVERGED])
		return ERR_DIVERGED;
	if (seen[ERR_DAMAGED])
		return ERR_DAMAGED;
	return seen[ERR_GAP] ? ERR_GAP : ERR_NONE;
}
