#include "receive/display.h"

#include "base/clock.h"

#define INTERVAL_US (USECS_PER_SEC / 2)

void
display_init(struct display *display, const struct receiver_config *config,
	struct log *log)
{
	*display = (struct display){
		.config = config,
		.log = log,
		.due_us = config->progress_width > 0 ? 0 : CLOCK_NEVER,
	};
	progress_init(&display->progress);
	text_init(&display->line);
}

void
display_free(struct display *display)
{
	log_progress_end(display->log);
	text_free(&display->line);
}

void
display_progress(
	struct display *display, const struct engine *engine, int64_t now_us)
{
	struct progress_sample sample = {
		.now_us = now_us,
		.wall_us = clock_postgres_us(),
		.sent_us = engine->server_sent_us,
		.received = engine->received,
		.server_end = engine->server_end,
	};

	if (now_us < display->due_us)
		return;
	display->due_us = now_us + INTERVAL_US;
	if (engine->state != ENGINE_STREAM) {
		progress_init(&display->progress);
		return;
	}
	progress_update(&display->progress, &sample,
		display->config->progress_width, &display->line);
	log_progress(display->log, display->line.string);
}

void
display_completed(struct display *display, const struct engine *engine,
	struct finisher *finisher)
{
	uint32_t timeline;
	uint64_t number;

	while (finisher_completed(finisher, &timeline, &number)) {
		char name[SEGMENT_NAME_LEN + 1];

		segment_name_format(
			name, timeline, number, engine->segment_size);
		log_at(display->log, LOG_VERBOSE, "finished segment %s%s", name,
			codec_suffix(display->config->codec));
	}
}

void
display_space(
	struct display *display, const struct engine *engine, bool space_short)
{
	if (space_short == display->space_short)
		return;
	display->space_short = space_short;
	/* The end uses what space is left, which is no news. */
	if (engine->state == ENGINE_CLOSE)
		return;
	if (space_short)
		log_warning(display->log,
			"less than %llu bytes are free in \"%s\"; waiting for "
			"space",
			(unsigned long long)display->config->min_free,
			display->config->directory);
	else
		log_warning(display->log, "going on: space is free again");
}

void
display_magic(struct display *display, const struct engine *engine)
{
	const struct record_verifier *verifier = &engine->verifier;

	if (verifier->state != VERIFIER_OFF || display->warned_of_magic)
		return;
	display->warned_of_magic = true;
	log_warning(display->log,
		"WAL page magic %04X is of no known version of PostgreSQL; "
		"records are not verified",
		verifier->magic);
}
