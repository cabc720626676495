/*
 * receive/display.h - what a person is told while the stream runs: the progress
 * line, finished segments, want of space, WAL that cannot be verified. Private
 * to the receiver.
 *
 * Life cycle: display_init -> display_* -> display_free. The engine is only
 * asked how far it is.
 */
#ifndef RECEIVE_DISPLAY_H
#define RECEIVE_DISPLAY_H

#include "receive/progress.h"
#include "receive/receiver.h"

struct display {
	const struct receiver_config *config; /* borrowed, as is the log */
	struct log *log;
	struct progress progress;
	struct text line;
	int64_t due_us; /* the next line; CLOCK_NEVER: there is none */
	bool space_short;
	bool warned_of_magic;
};

void display_init(struct display *display, const struct receiver_config *config,
	struct log *log);

/* Ends the progress line. */
void display_free(struct display *display);

/* Show the progress line if it is due. */
void display_progress(
	struct display *display, const struct engine *engine, int64_t now_us);

/* Name the segments that the workers have finished since the last call. */
void display_completed(struct display *display, const struct engine *engine,
	struct finisher *finisher);

/* Say when waiting for space begins and when it ends. */
void display_space(
	struct display *display, const struct engine *engine, bool space_short);

/* Say once that the records of a server of this version are not verified. */
void display_magic(struct display *display, const struct engine *engine);

#endif
