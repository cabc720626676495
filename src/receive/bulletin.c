#include "receive/bulletin.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

#define POST_INTERVAL_US USECS_PER_SEC

/* How often it is posted when the server is only answered when it asks. */
#define IDLE_INTERVAL_US (10 * USECS_PER_SEC)

/* A span that says something about the rate. */
#define RATE_SPAN_US (USECS_PER_SEC / 2)

bool
bulletin_open(struct bulletin *bulletin, const struct preparation *preparation,
	struct error *error)
{
	const struct engine_config *config = &preparation->config->engine;

	*bulletin = (struct bulletin){
		.preparation = preparation,
		.due_us = CLOCK_NEVER,
		.status =
			{
				.pid = (long)getpid(),
				.started_us = clock_postgres_us(),
				.synchronous = config->synchronous,
				.status_interval_us =
					config->status_interval_us,
			},
	};
	(void)snprintf(bulletin->status.slot, sizeof(bulletin->status.slot),
		"%s", config->slot == NULL ? "" : config->slot);
	return status_writer_create(
		&bulletin->writer, &preparation->directory, error);
}

static enum receiver_state
state_of(const struct engine *engine)
{
	switch (engine->state) {
	case ENGINE_CONNECT:
	case ENGINE_IDENTIFY:
		return RECEIVER_CONNECTING;
	case ENGINE_OPEN:
	case ENGINE_HISTORY:
	case ENGINE_LOCATE:
	case ENGINE_SLOT:
	case ENGINE_START:
		return RECEIVER_STARTING;
	case ENGINE_STREAM:
		return RECEIVER_STREAMING;
	case ENGINE_END_COPY:
	case ENGINE_CLOSE:
	case ENGINE_FAREWELL:
	case ENGINE_EXIT:
		return RECEIVER_CLOSING;
	case ENGINE_RETRY:
		return RECEIVER_RETRYING;
	}
	return RECEIVER_CLOSING;
}

static void
note_failure(struct receiver_status *status, const struct error *failure)
{
	status->failed_us = clock_postgres_us();
	(void)snprintf(status->failure, sizeof(status->failure), "%s",
		failure->message);
	(void)snprintf(status->hint, sizeof(status->hint), "%s", failure->hint);
}

static void
note_rate(struct bulletin *bulletin, struct receiver_status *status,
	int64_t now_us)
{
	int64_t span_us = now_us - bulletin->rate_from_us;

	if (status->state == RECEIVER_STREAMING &&
		bulletin->rate_from != LSN_NONE &&
		status->received >= bulletin->rate_from) {
		if (span_us < RATE_SPAN_US)
			return;
		status->rate = (uint64_t)((double)(status->received -
						  bulletin->rate_from) *
			(double)USECS_PER_SEC / (double)span_us);
	} else
		status->rate = 0;
	bulletin->rate_from = status->state == RECEIVER_STREAMING
		? status->received
		: LSN_NONE;
	bulletin->rate_from_us = now_us;
}

static void
note_archived(const struct bulletin *bulletin, struct receiver_status *status)
{
	const struct preparation *preparation = bulletin->preparation;
	const struct engine *engine = preparation->engine;
	lsn archived = engine->progress.archived;

	/* What is continued has nothing but complete segments before it. */
	if (archived == LSN_NONE && engine->begun &&
		preparation->located.at != LSN_NONE)
		archived = lsn_segment_start(
			engine->position.at, engine->segment_size);
	if (archived != LSN_NONE)
		status->archived = archived;
}

/* What a status would say now, but for the times and the rate. */
static void
describe(const struct bulletin *bulletin, struct receiver_status *status)
{
	const struct preparation *preparation = bulletin->preparation;
	const struct engine *engine = preparation->engine;
	int64_t lag_us = clock_postgres_us() - engine->server_sent_us;
	bool behind = engine->received < engine->server_end;

	status->state = state_of(engine);
	status->segment_size = engine->segment_size;
	status->in_work = engine->progress.in_work;
	status->space_short = engine->progress.space_short;
	note_archived(bulletin, status);
	if (engine->connected)
		(void)snprintf(status->server, sizeof(status->server), "%s",
			server_address(preparation->server));
	if (engine->received == LSN_NONE)
		return;
	status->timeline = engine->position.timeline;
	status->received = engine->received;
	status->server_end = engine->server_end;
	if (engine->progress.durable > status->durable ||
		status->timeline != bulletin->status.timeline)
		status->durable = engine->progress.durable;
	status->lag_us = behind && lag_us > 0 && engine->server_sent_us != 0
		? lag_us
		: 0;
}

static bool
has_moved(const struct receiver_status *a, const struct receiver_status *b)
{
	return a->received != b->received || a->durable != b->durable ||
		a->archived != b->archived || a->in_work != b->in_work ||
		a->space_short != b->space_short ||
		a->server_end != b->server_end;
}

static void
post(struct bulletin *bulletin, const struct receiver_status *status,
	int64_t now_us)
{
	bulletin->status = *status;
	bulletin->status.updated_us = clock_postgres_us();
	status_writer_post(bulletin->writer, &bulletin->status);
	bulletin->posted = true;
	bulletin->retry_at_us = bulletin->preparation->engine->retry_at_us;
	bulletin->posted_at_us = now_us;
	bulletin->due_us = CLOCK_NEVER;
}

static int64_t
idle_interval_us(const struct bulletin *bulletin)
{
	int64_t interval_us = bulletin->status.status_interval_us;

	return interval_us > 0 ? interval_us : IDLE_INTERVAL_US;
}

/* True if the state is another one, or the same after another failure. */
static bool
has_news(const struct bulletin *bulletin, const struct engine *engine)
{
	enum receiver_state state = state_of(engine);

	return !bulletin->posted || state != bulletin->status.state ||
		(state == RECEIVER_RETRYING &&
			engine->retry_at_us != bulletin->retry_at_us);
}

void
bulletin_look(struct bulletin *bulletin, int64_t now_us)
{
	const struct engine *engine = bulletin->preparation->engine;
	bool news = has_news(bulletin, engine);
	int64_t age_us = now_us - bulletin->posted_at_us;
	struct receiver_status status;
	struct error failure;

	if (bulletin->preparation->lock_fd < 0)
		return;
	/* A look that comes to nothing must cost nothing. */
	if (!news && age_us < POST_INTERVAL_US) {
		if (engine->received != bulletin->status.received)
			bulletin->due_us =
				bulletin->posted_at_us + POST_INTERVAL_US;
		return;
	}
	status = bulletin->status;
	describe(bulletin, &status);
	if (!news && !has_moved(&status, &bulletin->status) &&
		age_us < idle_interval_us(bulletin)) {
		bulletin->due_us = CLOCK_NEVER;
		return;
	}
	if (news)
		status.since_us = clock_postgres_us();
	if (news && status.state == RECEIVER_RETRYING &&
		!engine_result(engine, &failure))
		note_failure(&status, &failure);
	note_rate(bulletin, &status, now_us);
	post(bulletin, &status, now_us);
}

void
bulletin_close(struct bulletin *bulletin, const struct error *failure)
{
	struct receiver_status status = bulletin->status;

	if (bulletin->writer != NULL && bulletin->preparation->lock_fd >= 0) {
		describe(bulletin, &status);
		status.state =
			failure == NULL ? RECEIVER_STOPPED : RECEIVER_FAILED;
		status.since_us = clock_postgres_us();
		status.rate = 0;
		status.in_work = 0;
		if (failure != NULL)
			note_failure(&status, failure);
		post(bulletin, &status, clock_monotonic_us());
	}
	status_writer_free(bulletin->writer);
	bulletin->writer = NULL;
}
