#include "archive/catalog.h"
#include "base/clock.h"
#include "base/number.h"
#include "check/parts.h"
#include "server/copy_stream.h"
#include "wal/replication_message.h"
#include "wal/timeline_history.h"

#include <errno.h>
#include <poll.h>

/* The server answers within this, or it is not known. */
#define ANSWER_US (10 * USECS_PER_SEC)

/* Where the archive goes on, judged by its names alone. */
struct place_to_go {
	bool found;
	uint32_t timeline;
	lsn at; /* of a segment's start */
};

static bool
read_history(struct check *check, struct timeline_history *history,
	struct error *error)
{
	uint32_t timeline = check->identity.timeline;
	struct text text;
	bool ok = true;

	text_init(&text);
	if (timeline > 1)
		ok = server_fetch_history(
			     check->server, timeline, &text, error) ||
			error->code == ERR_NOT_FOUND;
	ok = ok &&
		timeline_history_parse(
			history, timeline, text.string, text.len, error);
	text_free(&text);
	return ok;
}

/* The first segment of a timeline that the archive does not have complete. */
static bool
end_of_timeline(
	const struct catalog *catalog, uint32_t timeline, uint64_t *number)
{
	const struct catalog_timeline *row = catalog_find(catalog, timeline);
	bool found = row != NULL && row->has_complete;
	uint64_t highest = found ? row->newest.number + 1 : 0;

	for (size_t i = 0; i < catalog->partial_count; i++) {
		const struct archive_name *name = &catalog->partials[i];

		if (name->timeline != timeline ||
			(found && name->number < highest))
			continue;
		highest = name->number;
		found = true;
	}
	*number = highest;
	return found;
}

/* The newest place that lies in the server's history. */
static void
find_place(const struct catalog *catalog,
	const struct timeline_history *history, uint32_t segment_size,
	struct place_to_go *place)
{
	*place = (struct place_to_go){.found = false};
	for (size_t i = history->count; i > 0 && !place->found; i--) {
		const struct timeline_entry *entry = &history->entries[i - 1];
		const struct timeline_entry *next;
		uint64_t number;

		if (!end_of_timeline(catalog, entry->timeline, &number))
			continue;
		place->found = true;
		place->timeline = entry->timeline;
		place->at = number * segment_size;
		next = timeline_history_next(history, entry);
		if (next != NULL && place->at >= entry->end) {
			place->timeline = next->timeline;
			place->at = lsn_segment_start(entry->end, segment_size);
		}
	}
}

static bool
ask_for_reply(struct check *check, struct error *error)
{
	unsigned char buffer[STANDBY_STATUS_LEN];
	struct standby_status status = {
		.sent_us = clock_postgres_us(),
		.reply_wanted = true,
	};

	standby_status_format(buffer, &status);
	return copy_send(check->server, buffer, sizeof(buffer), error);
}

/* Wait for the socket. Errors: ERR_STOPPED, ERR_UNREACHABLE. */
static bool
wait_for_server(
	const struct check *check, int64_t deadline_us, struct error *error)
{
	struct pollfd fds[] = {
		{.fd = check->config->stop_fd, .events = POLLIN},
		{.fd = server_socket(check->server), .events = POLLIN},
	};
	int ready;

	do {
		ready = poll(fds, 2,
			clock_poll_timeout_ms(
				deadline_us, clock_monotonic_us()));
	} while (ready < 0 && errno == EINTR);
	if (ready > 0 && fds[0].revents != 0)
		return error_set(error, ERR_STOPPED, "stopped");
	if (ready <= 0)
		return error_set(
			error, ERR_UNREACHABLE, "the server does not answer");
	return true;
}

/* Takes the message. */
static bool
is_wal(struct copy_message *message, bool *wal, struct error *error)
{
	struct replication_message parsed;
	bool ok = replication_message_parse(
		&parsed, message->data, message->len, error);

	*wal = ok && parsed.kind == MESSAGE_WAL_DATA;
	copy_message_free(message);
	return ok;
}

/*
 * An error comes in the place of WAL. It may come behind the keepalive that was
 * asked for, so that one only counts if there is no WAL to be sent.
 */
static bool
take_first_message(struct check *check, const struct place_to_go *place,
	struct error *error)
{
	int64_t deadline_us = clock_monotonic_us() + ANSWER_US;
	bool idle = place->at >= check->identity.flushed;
	struct copy_message message = {.data = NULL};
	enum copy_status status;
	bool wal = false;

	if (!ask_for_reply(check, error))
		return false;
	for (;;) {
		if (!copy_receive(
			    check->server, false, &status, &message, error))
			return false;
		switch (status) {
		case COPY_MESSAGE:
			if (!is_wal(&message, &wal, error))
				return false;
			if (wal || idle)
				return true;
			break;
		case COPY_ENDED:
			return true;
		case COPY_DRAINED:
			if (!wait_for_server(check, deadline_us, error))
				return false;
			break;
		}
	}
}

static bool
try_streaming(struct check *check, const struct place_to_go *place,
	struct error *error)
{
	struct replication_request request = {
		.timeline = place->timeline,
		.at = place->at,
	};
	enum replication_start result;
	struct timeline_switch next;

	if (!server_start_replication(
		    check->server, &request, &result, &next, error))
		return false;
	return result == REPLICATION_TIMELINE_ENDED ||
		take_first_message(check, place, error);
}

static void
find_streaming(struct check *check, const struct place_to_go *place)
{
	lsn end = check->identity.flushed;
	char size[SIZE_TEXT_MAX];

	size_format(size, end > place->at ? end - place->at : 0);
	verdict_mean(verdict_add(check->verdicts, VERDICT_OK, "gap",
			     "none: the server has timeline %u from " LSN_FORMAT
			     " on",
			     place->timeline, LSN_ARGS(place->at)),
		"at most %s to fetch", size);
}

static void
find_no_streaming(struct check *check, const struct place_to_go *place,
	const struct error *failure)
{
	struct verdict *row = verdict_error(check->verdicts, failure->code,
		"gap", "WAL from " LSN_FORMAT " on: %s", LSN_ARGS(place->at),
		failure->message);

	if (failure->code == ERR_GAP) {
		verdict_mean(row, "the archive cannot go on without a gap");
		verdict_mend(row,
			"If another archive has that WAL, copy it here. Else "
			"go on with walfetch receive --allow-gap, and take a "
			"base backup then.");
	} else if (failure->code == ERR_DIVERGED)
		verdict_mend(row,
			"The archive holds WAL that is not in this server's "
			"history: use another directory.");
	else
		verdict_mend(row, "Try again; the server's log may say more.");
}

/* The archive is further than the server: nothing can be asked for. */
static void
find_ahead(struct check *check, const struct place_to_go *place)
{
	if (place->at - check->identity.flushed <= check->segment_size) {
		verdict_add(check->verdicts, VERDICT_OK, "gap",
			"none: the archive is at the server's end");
		return;
	}
	verdict_mend(
		verdict_error(check->verdicts, ERR_DIVERGED, "gap",
			"the archive ends at " LSN_FORMAT
			", and the server at " LSN_FORMAT,
			LSN_ARGS(place->at), LSN_ARGS(check->identity.flushed)),
		"The server lost WAL that the archive has, or is a standby "
		"that is behind. Use a new directory for a server that was "
		"set back.");
}

static bool
judge(struct check *check, const struct catalog *catalog,
	const struct timeline_history *history, struct error *error)
{
	struct place_to_go place;
	struct error failure;

	find_place(catalog, history, check->segment_size, &place);
	if (!place.found &&
		catalog->timeline_count + catalog->partial_count == 0)
		verdict_add(check->verdicts, VERDICT_OK, "gap",
			"none: the archive is empty");
	else if (!place.found)
		verdict_mend(verdict_error(check->verdicts, ERR_DIVERGED, "gap",
				     "the archive holds no timeline of this "
				     "server's history"),
			"Use another directory.");
	else if (place.at > check->identity.flushed)
		find_ahead(check, &place);
	else if (try_streaming(check, &place, &failure))
		find_streaming(check, &place);
	else if (check_passes_on(&failure)) {
		*error = failure;
		return false;
	} else
		find_no_streaming(check, &place, &failure);
	return true;
}

bool
check_gap(struct check *check, const struct directory *directory,
	struct error *error)
{
	struct timeline_history history;
	struct catalog catalog = {.timelines = NULL};
	struct error failure;
	bool ok = true;

	timeline_history_init(&history);
	if (!catalog_scan(&catalog, directory, check->segment_size, &failure) ||
		!read_history(check, &history, &failure)) {
		*error = failure;
		ok = !check_passes_on(&failure);
		if (ok)
			find_failed(check, "gap", &failure);
	} else
		ok = judge(check, &catalog, &history, error);
	catalog_free(&catalog);
	timeline_history_free(&history);
	return ok;
}
