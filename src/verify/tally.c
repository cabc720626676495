#include "verify/tally.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

bool
tally_init(struct tally *tally, struct error *error)
{
	struct findings *findings = findings_create();

	if (findings == NULL)
		return error_set_memory(error);
	memset(tally, 0, sizeof(*tally));
	tally->findings = findings;
	(void)pthread_mutex_init(&tally->mutex, NULL);
	return true;
}

void
tally_free(struct tally *tally)
{
	findings_free(tally->findings);
	free(tally->open_ends);
	(void)pthread_mutex_destroy(&tally->mutex);
}

void
tally_add(struct tally *tally, const struct tally_segment *segment)
{
	(void)pthread_mutex_lock(&tally->mutex);
	tally->segments++;
	tally->records += segment->records;
	tally->unknown += segment->unknown;
	(void)pthread_mutex_unlock(&tally->mutex);
}

void
tally_add_vanished(struct tally *tally)
{
	(void)pthread_mutex_lock(&tally->mutex);
	tally->vanished++;
	(void)pthread_mutex_unlock(&tally->mutex);
}

bool
tally_add_open(
	struct tally *tally, const struct open_end *end, struct error *error)
{
	struct open_end *ends;

	(void)pthread_mutex_lock(&tally->mutex);
	ends = array_room(
		tally->open_ends, tally->open_count, sizeof(*ends), error);
	if (ends != NULL) {
		tally->open_ends = ends;
		ends[tally->open_count++] = *end;
	}
	(void)pthread_mutex_unlock(&tally->mutex);
	return ends != NULL;
}

size_t
tally_done(struct tally *tally)
{
	size_t done;

	(void)pthread_mutex_lock(&tally->mutex);
	done = tally->segments + tally->vanished;
	(void)pthread_mutex_unlock(&tally->mutex);
	return done;
}
