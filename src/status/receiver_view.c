#include "status/receiver_view.h"

#include "archive/lock.h"
#include "base/clock.h"
#include "base/number.h"
#include "status/moment.h"

/* The longest interval when the server is only answered when it asks. */
#define IDLE_INTERVAL_US (10 * USECS_PER_SEC)

/* What a busy machine may take longer. */
#define GRACE_US (5 * USECS_PER_SEC)

bool
receiver_view_read(
	struct receiver_view *view, const char *path, struct error *error)
{
	struct receiver_view found = {.directory = path};
	struct directory directory;
	bool ok;

	directory_init(&directory);
	if (!directory_open(&directory, path, error))
		return false;
	ok = archive_lock_query(&directory, &found.running, &found.pid, error);
	if (ok) {
		found.told = status_file_read(&directory, &found.status, error);
		ok = found.told || error->code == ERR_NOT_FOUND;
	}
	directory_close(&directory);
	if (!ok)
		return false;
	found.own =
		found.told && found.running && found.status.pid == found.pid;
	found.now_us = clock_postgres_us();
	*view = found;
	return true;
}

uint64_t
receiver_view_lag(const struct receiver_view *view)
{
	const struct receiver_status *status = &view->status;

	return status->server_end > status->received
		? status->server_end - status->received
		: 0;
}

bool
receiver_view_stale(const struct receiver_view *view)
{
	int64_t interval_us = view->status.status_interval_us;

	if (!view->own || view->status.state != RECEIVER_STREAMING)
		return false;
	if (interval_us <= 0)
		interval_us = IDLE_INTERVAL_US;
	return view->now_us - view->status.updated_us > interval_us + GRACE_US;
}

static void
print_state(const struct receiver_view *view, struct text *text)
{
	const struct receiver_status *status = &view->status;
	char since[MOMENT_SIZE];
	char span[MOMENT_SIZE];

	moment_format(since, status->since_us);
	span_format(span, view->now_us - status->since_us);
	text_printf(text, "receiver   ");
	if (!view->running && !view->told)
		text_printf(text, "none, and none has told of itself\n");
	else if (!view->running &&
		(status->state == RECEIVER_STOPPED ||
			status->state == RECEIVER_FAILED))
		text_printf(text, "none; process %ld %s at %s, %s ago\n",
			status->pid, receiver_state_name(status->state), since,
			span);
	else if (!view->running)
		text_printf(text, "none; process %ld ended without a word\n",
			status->pid);
	else if (!view->own && view->pid == 0)
		text_printf(text,
			"a process holds the archive, and has not told of "
			"itself yet\n");
	else if (!view->own)
		text_printf(text,
			"process %ld holds the archive, and has not told of "
			"itself yet\n",
			view->pid);
	else
		text_printf(text, "%s since %s, %s; process %ld\n",
			receiver_state_name(status->state), since, span,
			status->pid);
}

static void
print_position(const char *name, lsn at, struct text *text)
{
	if (at == LSN_NONE)
		text_printf(text, "%s-", name);
	else
		text_printf(text, "%s" LSN_FORMAT, name, LSN_ARGS(at));
}

/* The bytes from at to below: what a later step still has before it. */
static void
print_rest(lsn from, lsn to, const char *what, struct text *text)
{
	char size[SIZE_TEXT_MAX];

	if (from != LSN_NONE && to > from) {
		size_format(size, to - from);
		text_printf(text, ", %s %s", size, what);
	}
	text_append(text, "\n", 1);
}

static void
print_positions(const struct receiver_view *view, struct text *text)
{
	const struct receiver_status *status = &view->status;
	char size[SIZE_TEXT_MAX];
	char span[MOMENT_SIZE];

	print_position("received   ", status->received, text);
	if (status->received != LSN_NONE) {
		size_format(size, receiver_view_lag(view));
		span_format(span, status->lag_us);
		text_printf(text, ", lag %s %s", size, span);
		size_format(size, status->rate);
		text_printf(text, ", %s/s", size);
	}
	text_append(text, "\n", 1);
	print_position("durable    ", status->durable, text);
	print_rest(status->durable, status->received,
		"received and not durable yet", text);
	print_position("archived   ", status->archived, text);
	print_rest(status->archived, status->durable,
		"durable under no final name yet", text);
	text_printf(text, "in work    %u segment%s%s\n", status->in_work,
		status->in_work == 1 ? "" : "s",
		status->space_short ? ", waiting for space" : "");
}

static void
print_failure(const struct receiver_status *status, struct text *text)
{
	char when[MOMENT_SIZE];

	moment_format(when, status->failed_us);
	if (status->failure[0] == '\0') {
		text_printf(text, "last error none\n");
		return;
	}
	text_printf(text, "last error %s: %s\n", when, status->failure);
	if (status->hint[0] != '\0')
		text_printf(text, "           %s\n", status->hint);
}

void
receiver_view_print(const struct receiver_view *view, struct text *text)
{
	const struct receiver_status *status = &view->status;
	char span[MOMENT_SIZE];

	text_printf(text, "archive    %s\n", view->directory);
	print_state(view, text);
	if (!view->told)
		return;
	text_printf(text, "server     %s%s%s%s%s\n",
		status->server[0] != '\0' ? status->server : "-",
		status->slot[0] != '\0' ? ", slot " : "", status->slot,
		status->slot[0] == '\0' ? ", no slot" : "",
		status->synchronous ? ", synchronous" : "");
	if (status->timeline != 0)
		text_printf(text, "timeline   %u\n", status->timeline);
	print_positions(view, text);
	print_failure(status, text);
	span_format(span, view->now_us - status->updated_us);
	text_printf(text, "told       %s ago%s\n", span,
		receiver_view_stale(view) ? ", later than it should" : "");
}

static const char *
state_meaning(enum receiver_state state)
{
	switch (state) {
	case RECEIVER_CONNECTING:
		return "it connects to the server";
	case RECEIVER_STARTING:
		return "it finds out where the archive goes on";
	case RECEIVER_STREAMING:
		return "it receives WAL as the server writes it, or faster "
		       "while it catches up";
	case RECEIVER_CLOSING:
		return "the stream is over, and it waits for the disk";
	case RECEIVER_RETRYING:
		return "something failed that may pass, and it will try again";
	case RECEIVER_STOPPED:
		return "it ended as it was asked to";
	case RECEIVER_FAILED:
		return "it ended because of the last error";
	case RECEIVER_STATES:
		break;
	}
	return "";
}

static void
explain_problems(const struct receiver_view *view, struct text *text)
{
	const struct receiver_status *status = &view->status;

	if (!view->running)
		text_printf(text,
			"Problem: no receiver runs, so the archive falls "
			"behind.%s\n",
			status->slot[0] != '\0'
				? " The slot makes the server keep the WAL "
				  "meanwhile, which may fill its disk."
				: "");
	if (view->running && view->told && !view->own)
		text_printf(text,
			"The lines above are of an earlier process, %ld.\n",
			status->pid);
	if (receiver_view_stale(view))
		text_printf(text,
			"Problem: it has not told of itself for longer than "
			"its status interval: its disk may hang.\n");
	if (view->own && status->space_short)
		text_printf(text,
			"Problem: less space is free than --min-free asks "
			"for; nothing is acknowledged until there is.\n");
	if (view->own && status->state == RECEIVER_RETRYING)
		text_printf(text,
			"Problem: it cannot receive now; the last error says "
			"why.\n");
}

void
receiver_view_explain(const struct receiver_view *view, struct text *text)
{
	if (view->told)
		text_printf(text, "\n%s: %s.\n",
			receiver_state_name(view->status.state),
			state_meaning(view->status.state));
	else
		text_append(text, "\n", 1);
	text_printf(text,
		"received: how far WAL has arrived. durable: how far it "
		"survives a power cut here, which is what the server is told "
		"as flushed.\narchived: how far it lies under final names, in "
		"whole segments.\n");
	explain_problems(view, text);
}
