#include "promises.h"

#include <stdio.h>
#include <string.h>

void
promises_init(struct promises *promises, const struct model_server *server,
	const struct model_archive *archive)
{
	*promises = (struct promises){.server = server, .archive = archive};
	promises_restart(promises);
}

void
promises_restart(struct promises *promises)
{
	promises->reported = LSN_NONE;
	promises->slot_restart = LSN_NONE;
	promises->sent.limit = LSN_MAX;
}

void
promises_forget_archive(struct promises *promises)
{
	promises->bad_count = 0;
	promises->gap_count = 0;
	promises->acknowledged = LSN_NONE;
	promises->mixed = false;
}

/* Say which promise is broken, and where. */
static bool
broken(struct promises *promises, const char *what, lsn at, lsn other)
{
	(void)snprintf(promises->text, sizeof(promises->text),
		"%s: " LSN_FORMAT ", " LSN_FORMAT, what, LSN_ARGS(at),
		LSN_ARGS(other));
	return false;
}

static size_t
same_bytes(const unsigned char *a, const unsigned char *b, size_t len)
{
	size_t i = 0;

	if (memcmp(a, b, len) == 0)
		return len;
	while (a[i] == b[i])
		i++;
	return i;
}

/* Where a segment's file stops being what a server wrote. */
static lsn
written_end(const struct promises *promises, const struct model_server *server,
	int timeline, lsn start)
{
	if (timeline >= server->count)
		return start;
	return start +
		same_bytes(
			model_archive_bytes(promises->archive, timeline, start),
			model_server_truth(server, timeline, start),
			promises->archive->segment_size);
}

/* Whose WAL it is, is found out when it is carried on. */
static lsn
sound_end(const struct promises *promises, int timeline, lsn start)
{
	uint32_t size = promises->archive->segment_size;
	lsn end = written_end(promises, promises->server, timeline, start);
	lsn others = start;

	if (model_archive_file(promises->archive, timeline, start) ==
		FILE_FINAL)
		return start + size;
	if (promises->other != NULL)
		others =
			written_end(promises, promises->other, timeline, start);
	return others > end ? others : end;
}

/* Where the longest WAL of a timeline ends. */
static lsn
longest(const struct promises *promises, int timeline)
{
	const struct model_server *other = promises->other;
	lsn written = model_server_written(promises->server, timeline);

	if (other != NULL && timeline < other->count &&
		model_server_written(other, timeline) > written)
		return model_server_written(other, timeline);
	return written;
}

/* From an LSN on, how far do the files of the server's history reach? */
static lsn
reach(const struct promises *promises, lsn from)
{
	uint32_t size = promises->archive->segment_size;
	lsn start = lsn_segment_start(from, size);
	lsn reached = from;

	for (int i = 0; i < promises->server->count; i++) {
		lsn written = longest(promises, i);
		lsn end;

		if (!model_server_has(
			    promises->server, promises->target, i, &end) ||
			model_archive_file(promises->archive, i, start) ==
				FILE_NONE)
			continue;
		if (end > written)
			end = written;
		if (end > sound_end(promises, i, start))
			end = sound_end(promises, i, start);
		if (end > reached)
			reached = end;
	}
	return reached;
}

static lsn
step_over_gap(const struct promises *promises, lsn at)
{
	for (size_t i = 0; i < promises->gap_count; i++)
		if (promises->gaps[i].begin <= at && promises->gaps[i].end > at)
			return promises->gaps[i].end;
	return at;
}

/* The lowest segment of the server's history; LSN_NONE: there is none. */
static lsn
find_first(const struct promises *promises)
{
	lsn at = promises->archive->base;
	lsn end;

	for (size_t row = 0; row < MODEL_SEGMENTS_MAX; row++) {
		for (int i = 0; i < promises->server->count; i++)
			if (model_server_has(promises->server, promises->target,
				    i, &end) &&
				end > at &&
				promises->archive->copies[i].files[row] !=
					FILE_NONE)
				return at;
		at += promises->archive->segment_size;
	}
	return LSN_NONE;
}

lsn
promises_covered(const struct promises *promises)
{
	lsn at = find_first(promises);
	lsn next;

	if (at == LSN_NONE)
		return LSN_NONE;
	while ((next = step_over_gap(promises, reach(promises, at))) > at)
		at = next;
	return at;
}

static bool
accept_gap(struct promises *promises, const struct engine *engine, lsn from)
{
	if (!engine->config.allow_gap ||
		promises->gap_count == PROMISES_GAPS_MAX)
		return broken(promises, "P4: a gap", from, engine->position.at);
	promises->gaps[promises->gap_count++] = (struct promises_gap){
		.begin = from,
		.end = engine->position.at,
	};
	return true;
}

/*
 * What the server lost itself is said anew; and only a slot or WAL in the
 * archive can tell another process what was said.
 */
static void
forget_reports(struct promises *promises, const struct engine *engine,
	const struct archive_position *located)
{
	lsn server_end = engine->identity.flushed;

	if (promises->reported > server_end)
		promises->reported = LSN_NONE;
	if (promises->acknowledged > server_end || located->at == LSN_NONE)
		promises->acknowledged = LSN_NONE;
}

/* Does a timeline's archive hold other bytes below an LSN than the server? */
static bool
differs(const struct promises *promises, int timeline, lsn limit)
{
	const struct model_archive *archive = promises->archive;
	lsn at = archive->base;

	for (size_t row = 0; row < MODEL_SEGMENTS_MAX && at < limit; row++) {
		enum model_file file = archive->copies[timeline].files[row];
		lsn next = at + archive->segment_size;
		lsn end = next;

		if (file == FILE_PARTIAL)
			end = model_archive_held(archive, timeline, at);
		if (end > limit)
			end = limit;
		if (file != FILE_NONE &&
			written_end(promises, promises->server, timeline, at) <
				end)
			return true;
		at = next;
	}
	return false;
}

bool
promises_is_others(const struct promises *promises)
{
	for (int i = 0; i < MODEL_TIMELINES; i++)
		if (differs(promises, i, LSN_MAX))
			return true;
	return false;
}

/*
 * The archive's last record and another server's have one place and one length,
 * though not one content: what follows is linked to either.
 */
static bool
joins_unseen(const struct promises *promises,
	const struct archive_position *position)
{
	int timeline = (int)position->timeline - 1;

	return promises->other != NULL && position->follows &&
		model_server_has_record(promises->server, timeline,
			record_verifier_previous(&position->verifier),
			position->at) &&
		differs(promises, timeline, position->at);
}

bool
promises_begin(struct promises *promises, const struct engine *engine,
	const struct archive_position *located)
{
	const struct archive_position *position = &engine->position;
	int timeline = (int)position->timeline - 1;
	lsn start = lsn_segment_start(
		position->at, promises->archive->segment_size);
	lsn covered;
	lsn held;

	promises->sent.limit = LSN_MAX;
	promises->unseen = joins_unseen(promises, position);
	forget_reports(promises, engine, located);
	switch (model_archive_file(promises->archive, timeline, start)) {
	case FILE_FINAL:
		return broken(promises, "P3: a final segment is begun anew",
			start, position->at);
	case FILE_PARTIAL:
		held = model_archive_held(promises->archive, timeline, start);
		if (position->held < held)
			return broken(promises,
				"P3: a shorter segment replaces a longer one",
				position->held, held);
		break;
	case FILE_NONE:
		break;
	}
	/* With an empty archive, it begins anywhere. */
	if (located->at == LSN_NONE)
		return true;
	covered = promises_covered(promises);
	if (covered == LSN_NONE)
		covered = located->at;
	if (position->at <= covered && position->at <= located->at)
		return true;
	/* Told where to begin behind a gap, it says that, too. */
	if (engine->config.begin != LSN_NONE)
		promises->acknowledged = LSN_NONE;
	return accept_gap(promises, engine, covered);
}

static void
forget_bad(struct promises *promises, lsn from, lsn to)
{
	size_t kept = 0;

	for (size_t i = 0; i < promises->bad_count; i++) {
		const struct model_damage *bad = &promises->bad[i];

		if (bad->timeline == promises->archive->timeline &&
			bad->at >= from && bad->at < to)
			continue;
		promises->bad[kept++] = *bad;
	}
	promises->bad_count = kept;
}

bool
promises_append(struct promises *promises, const void *data, size_t len)
{
	lsn at = promises->archive->appended;
	int timeline = promises->archive->timeline;
	const unsigned char *truth =
		model_server_truth(promises->server, timeline, at);
	size_t same = same_bytes(data, truth, len);

	forget_bad(promises, at, at + len);
	if (at + len >= promises->sent.limit)
		return broken(promises, "P2: a record that failed is archived",
			promises->sent.record, at + len);
	if (same == len)
		return true;
	if (at + same != promises->sent.at ||
		promises->bad_count == PROMISES_BAD_MAX ||
		memcmp((const unsigned char *)data + same + 1, truth + same + 1,
			len - same - 1) != 0)
		return broken(promises,
			"the archive gets other bytes than were "
			"sent",
			at + same, at);
	promises->bad[promises->bad_count++] = promises->sent;
	return true;
}

/* Is that segment what a server wrote, but for damage that is not known yet? */
static bool
is_as_written(const struct promises *promises,
	const struct model_server *server, int timeline, lsn end)
{
	uint32_t size = promises->archive->segment_size;
	lsn start = end - size;
	unsigned char copy[WAL_BUILDER_SEGMENT];

	if (timeline >= server->count ||
		end > model_server_written(server, timeline))
		return false;
	memcpy(copy, model_archive_bytes(promises->archive, timeline, start),
		size);
	/* The beginning of a record may be there that goes on behind it. */
	for (size_t i = 0; i < promises->bad_count; i++) {
		const struct model_damage *bad = &promises->bad[i];

		if (bad->timeline == timeline && bad->at >= start &&
			bad->at < end && bad->limit > end)
			copy[bad->at - start] ^= bad->mask;
	}
	return memcmp(copy, model_server_truth(server, timeline, start),
		       size) == 0;
}

/* The segment and the final one before it: all of it is one server's. */
static bool
is_one_servers(const struct promises *promises,
	const struct model_server *server, int timeline, lsn end)
{
	uint32_t size = promises->archive->segment_size;
	lsn start = end - size;

	return is_as_written(promises, server, timeline, end) &&
		(start == promises->archive->base ||
			model_archive_file(promises->archive, timeline,
				start - size) != FILE_FINAL ||
			is_as_written(promises, server, timeline, start));
}

bool
promises_finished(struct promises *promises, int timeline, lsn end)
{
	if (is_one_servers(promises, promises->server, timeline, end) ||
		(promises->other != NULL &&
			is_one_servers(
				promises, promises->other, timeline, end)))
		return true;
	if (promises->unseen) {
		promises->mixed = true;
		return true;
	}
	return broken(promises,
		"P3: a final segment is not what a server wrote",
		end - promises->archive->segment_size, end);
}

/* Nothing below was said before, by whomever. */
static bool
check_floor(struct promises *promises, const struct engine *engine, lsn flush)
{
	if (flush < promises->reported)
		return broken(promises, "P1: flush goes backwards", flush,
			promises->reported);
	if (promises->slot_restart <= engine->identity.flushed &&
		flush < promises->slot_restart)
		return broken(promises, "P1: the slot goes backwards", flush,
			promises->slot_restart);
	if (promises->acknowledged_timeline == promises->archive->timeline &&
		flush < promises->acknowledged)
		return broken(promises,
			"P1: flush goes backwards across a restart", flush,
			promises->acknowledged);
	return true;
}

static bool
check_flush(struct promises *promises, const struct engine *engine, lsn flush)
{
	const struct model_archive *archive = promises->archive;
	const struct model_damage *sent = &promises->sent;

	if (!archive->begun || flush > archive->durable)
		return broken(promises, "P1: flush beyond what is durable",
			flush, archive->durable);
	if (promises->server->sent >= sent->limit && flush > sent->record &&
		flush > promises->reported)
		return broken(promises,
			"P2: a record that failed is acknowledged", flush,
			sent->record);
	if (!check_floor(promises, engine, flush))
		return false;
	promises->reported = flush;
	promises->acknowledged = flush;
	promises->acknowledged_timeline = archive->timeline;
	promises->slot_restart = LSN_NONE;
	return true;
}

bool
promises_status(struct promises *promises, const struct engine *engine,
	const struct standby_status *status)
{
	if (status->write > promises->archive->written)
		return broken(promises, "write beyond what is written",
			status->write, promises->archive->written);
	if (status->flush == LSN_NONE)
		return true;
	if (engine->config.slot == NULL && !engine->config.synchronous)
		return broken(promises, "flush without being asked for",
			status->flush, LSN_NONE);
	return check_flush(promises, engine, status->flush);
}
