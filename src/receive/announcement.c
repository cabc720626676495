#include "receive/announcement.h"

#include "base/clock.h"

#include <stdio.h>

/* Between two positions. */
#define POSITION_INTERVAL_US (10 * USECS_PER_SEC)

/* Before what was not heard is told again. */
#define AGAIN_INTERVAL_US USECS_PER_SEC

#define READY_LINE "READY=1\n"
#define STOPPING_LINE "STOPPING=1\n"

/* Room for an error's message and what stands around it. */
#define LINES_SIZE 2048

void
announcement_init(struct announcement *announcement,
	const struct service_manager *manager)
{
	*announcement = (struct announcement){
		.manager = manager,
		.due_us = CLOCK_NEVER,
	};
}

static void
describe_stream(const struct engine *engine, char *text, size_t size)
{
	uint64_t behind = engine->server_end > engine->received
		? engine->server_end - engine->received
		: 0;

	(void)snprintf(text, size,
		"streaming at " LSN_FORMAT " (timeline %u), %llu kB behind",
		LSN_ARGS(engine->received), engine->position.timeline,
		(unsigned long long)(behind / 1024));
}

/* In words, for people. */
static void
describe(const struct engine *engine, char *text, size_t size)
{
	struct error failure;
	const char *words = "";

	switch (engine->state) {
	case ENGINE_CONNECT:
	case ENGINE_IDENTIFY:
		words = "connecting";
		break;
	case ENGINE_OPEN:
	case ENGINE_HISTORY:
	case ENGINE_LOCATE:
	case ENGINE_SLOT:
	case ENGINE_START:
		words = "starting";
		break;
	case ENGINE_STREAM:
		describe_stream(engine, text, size);
		return;
	case ENGINE_END_COPY:
	case ENGINE_CLOSE:
	case ENGINE_FAREWELL:
	case ENGINE_EXIT:
		words = "closing";
		break;
	case ENGINE_RETRY:
		if (!engine_result(engine, &failure)) {
			(void)snprintf(text, size, "trying again after: %s",
				failure.message);
			return;
		}
		words = "trying again";
		break;
	}
	(void)snprintf(text, size, "%s", words);
}

/* What a server says must not look like something that we say. */
static void
make_one_line(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ')
			*text = ' ';
}

/* True if there is more to tell than how far it is. */
static bool
has_news(const struct announcement *announcement, const struct engine *engine)
{
	return !announcement->any || engine->state != announcement->state ||
		engine->stopping != announcement->stopping ||
		engine->retry_at_us != announcement->retry_at_us;
}

static bool
is_ready(const struct announcement *announcement, const struct engine *engine)
{
	return announcement->ready || engine->state == ENGINE_STREAM ||
		engine->state == ENGINE_RETRY;
}

static void
tell(struct announcement *announcement, const struct engine *engine,
	int64_t now_us)
{
	bool ready = is_ready(announcement, engine);
	char status[LINES_SIZE - 64];
	char lines[LINES_SIZE];

	describe(engine, status, sizeof(status));
	make_one_line(status);
	(void)snprintf(lines, sizeof(lines), "%s%sSTATUS=%s%s",
		ready && !announcement->ready ? READY_LINE : "",
		engine->stopping && !announcement->stopping ? STOPPING_LINE
							    : "",
		engine->stopping ? "stopping, " : "", status);
	if (!service_manager_tell(announcement->manager, lines)) {
		announcement->due_us = now_us + AGAIN_INTERVAL_US;
		return;
	}
	announcement->any = true;
	announcement->ready = ready;
	announcement->stopping = engine->stopping;
	announcement->state = engine->state;
	announcement->retry_at_us = engine->retry_at_us;
	announcement->received = engine->received;
	announcement->told_us = now_us;
	announcement->due_us = CLOCK_NEVER;
}

void
announcement_look(struct announcement *announcement,
	const struct engine *engine, int64_t now_us)
{
	bool moved = engine->received != announcement->received;

	if (announcement->manager == NULL)
		return;
	if (announcement->due_us == CLOCK_NEVER && moved)
		announcement->due_us =
			announcement->told_us + POSITION_INTERVAL_US;
	if (now_us >= announcement->due_us || has_news(announcement, engine))
		tell(announcement, engine, now_us);
}

void
announcement_end(struct announcement *announcement, const struct error *failure)
{
	char lines[LINES_SIZE];

	if (announcement->manager == NULL)
		return;
	if (failure != NULL) {
		(void)snprintf(
			lines, sizeof(lines), "STATUS=%s", failure->message);
		make_one_line(lines);
	} else
		/* Not ready before the end: there was little to do. */
		(void)snprintf(lines, sizeof(lines), "%s%sSTATUS=stopped",
			announcement->ready ? "" : READY_LINE,
			announcement->stopping ? "" : STOPPING_LINE);
	(void)service_manager_tell(announcement->manager, lines);
}
