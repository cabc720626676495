#include "model_server.h"

#include "base/byteorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE_SEGMENTS 16
#define SPARE ((size_t)256 * 1024) /* the longest record and a switch */
#define PAGE_OVERWRITE_CONTRECORD 0x0008
#define LEN_SIZE 4 /* of a record; what it is damaged to has no end */
#define MESSAGE_HEADER 25
#define KEEPALIVE_LEN 18

static struct model_timeline *
current(struct model_server *server)
{
	return &server->timelines[server->current];
}

static lsn
segment_start(const struct model_server *server, lsn at)
{
	return lsn_segment_start(at, server->segment_size);
}

static void
note_record(struct model_timeline *timeline, const struct model_record *record)
{
	if (timeline->count == timeline->room) {
		timeline->room = timeline->room * 2 + 64;
		timeline->records = realloc(timeline->records,
			timeline->room * sizeof(timeline->records[0]));
		if (timeline->records == NULL)
			abort();
	}
	timeline->records[timeline->count++] = *record;
}

static uint64_t
record_len(struct dice *dice)
{
	uint64_t kind = dice_below(dice, 100);

	if (kind < 85)
		return dice_between(dice, 24, 250);
	return dice_between(dice, 24, kind < 98 ? 6000 : 60000);
}

static bool
has_room(const struct model_timeline *timeline)
{
	return wal_builder_len(&timeline->wal) + SPARE < WAL_BUILDER_ROOM;
}

/* The next record begins in the last bytes of a segment, sometimes. */
static void
cross_border(struct model_server *server)
{
	struct wal_builder *wal = &current(server)->wal;
	lsn end = segment_start(server, wal->at) + server->segment_size;
	struct model_record record;

	if (!dice_one_in(server->dice, 4) || lsn_page_offset(wal->at) == 0 ||
		end - wal->at > WAL_PAGE_SIZE ||
		end - wal->at < WAL_RECORD_HEADER_LEN + 16)
		return;
	record.start = wal_builder_add(wal,
		(size_t)(end - wal->at) - 8 * dice_between(server->dice, 1, 2));
	record.last = wal->at;
	record.end = wal->at;
	note_record(current(server), &record);
}

static void
add_record(struct model_server *server)
{
	struct model_timeline *timeline = current(server);
	struct wal_builder *wal = &timeline->wal;
	struct model_record record = {.last = LSN_NONE};

	if (!has_room(timeline))
		return;
	if (dice_one_in(server->dice, 300)) {
		cross_border(server);
		record.start = wal_builder_add_switch(wal, false);
	} else {
		uint64_t len = record_len(server->dice);

		record.start = wal_builder_add(wal, len);
		record.last = wal->at - (8 - len % 8) % 8;
	}
	record.end = wal->at;
	note_record(timeline, &record);
}

/* The server flushes to the end of a record, or of a page within it. */
static void
write_some(struct model_server *server)
{
	struct model_timeline *timeline = current(server);
	uint64_t count = dice_one_in(server->dice, 20)
		? dice_between(server->dice, 1, 200)
		: dice_between(server->dice, 1, 4);
	lsn flushed = server->flushed;
	lsn page;

	while (count-- > 0)
		add_record(server);
	page = timeline->wal.at - lsn_page_offset(timeline->wal.at);
	server->flushed = timeline->wal.at;
	if (dice_one_in(server->dice, 3) && page >= flushed)
		server->flushed = page;
}

static lsn
lowest(lsn a, lsn b)
{
	return a < b ? a : b;
}

void
model_server_init(struct model_server *server, struct dice *dice)
{
	struct wal_builder *wal = &server->timelines[0].wal;

	*server = (struct model_server){
		.dice = dice,
		.segment_size = UINT32_C(16384) << dice_below(dice, 3),
		.count = 1,
		.slot = {.known = !dice_one_in(dice, 8), .physical = true},
		.timelines = {{.parent = -1}},
	};
	wal_builder_init(wal, (lsn)BASE_SEGMENTS * server->segment_size);
	wal->segment_size = server->segment_size;
	wal->seed = (uint32_t)dice_roll(dice);
	server->removed = wal->base;
	server->leads = !dice_one_in(dice, 3);
	if (dice_one_in(dice, 2)) {
		server->slot.exists = true;
		server->slot.restart = wal->base;
	}
	add_record(server);
	for (uint64_t n = dice_below(dice, 100); n > 0; n--)
		write_some(server);
	server->flushed = wal->at;
}

void
model_server_free(struct model_server *server)
{
	for (int i = 0; i < server->count; i++) {
		wal_builder_free(&server->timelines[i].wal);
		free(server->timelines[i].records);
	}
}

bool
model_server_has(
	const struct model_server *server, int target, int timeline, lsn *end)
{
	int child = target;

	*end = LSN_MAX;
	while (child != timeline && child >= 0) {
		*end = server->timelines[child].begin;
		child = server->timelines[child].parent;
	}
	return child == timeline;
}

const unsigned char *
model_server_truth(const struct model_server *server, int timeline, lsn at)
{
	const struct wal_builder *wal = &server->timelines[timeline].wal;

	return wal->bytes + (at - wal->base);
}

lsn
model_server_written(const struct model_server *server, int timeline)
{
	return server->timelines[timeline].wal.at;
}

void
model_server_history(
	const struct model_server *server, int timeline, char *text)
{
	const struct model_timeline *t = &server->timelines[timeline];
	char line[64];

	text[0] = '\0';
	if (t->parent < 0)
		return;
	model_server_history(server, t->parent, text);
	(void)snprintf(line, sizeof(line), "%u\t" LSN_FORMAT "\tpromoted\n",
		(unsigned int)t->parent + 1, LSN_ARGS(t->begin));
	strcat(text, line);
}

/*
 * The switch at a record's end; or, when the next one was never finished, where
 * one of its pages begins.
 */
static void
branch(struct model_server *server, int parent, size_t record)
{
	const struct model_timeline *from = &server->timelines[parent];
	struct model_timeline *to = &server->timelines[server->count];
	struct wal_builder *wal = &to->wal;
	lsn at = from->records[record].end;
	lsn page = at + WAL_PAGE_SIZE - 1;
	bool unfinished;

	page -= lsn_page_offset(page);
	unfinished = page > at && record + 1 < from->count &&
		from->records[record + 1].last > page &&
		(parent != server->current || page <= server->flushed) &&
		dice_one_in(server->dice, 2);
	if (unfinished)
		at = page;
	*to = (struct model_timeline){.parent = parent, .begin = at};
	wal_builder_init(wal, from->wal.base);
	wal->segment_size = server->segment_size;
	wal->timeline = model_timeline_number(server->count);
	wal->seed = (uint32_t)dice_roll(server->dice);
	memcpy(wal->bytes, from->wal.bytes, at - wal->base);
	wal->at = at;
	wal->previous = from->records[record].start;
	wal->next_flags = unfinished ? PAGE_OVERWRITE_CONTRECORD : 0;
	for (size_t i = 0; i <= record; i++)
		note_record(to, &from->records[i]);
	server->current = server->count++;
	server->removed = lowest(server->removed, segment_start(server, at));
	add_record(server);
	server->flushed = wal->at;
}

/* A record of the timeline that it can be left behind; false: none. */
static bool
choose_branch(struct model_server *server, int parent, lsn end, size_t back,
	size_t *record)
{
	const struct model_timeline *timeline = &server->timelines[parent];
	size_t count = timeline->count;
	size_t first;

	while (count > 0 && timeline->records[count - 1].end > end)
		count--;
	first = count > back ? count - back : 0;
	while (first < count && timeline->records[first].end < timeline->begin)
		first++;
	if (first == count)
		return false;
	*record = first + dice_below(server->dice, count - first);
	return true;
}

/*
 * A standby is promoted: this one, which goes on sending, or another one, which
 * may have got less; or a backup is restored and the connection lost.
 */
static void
switch_timeline(struct model_server *server)
{
	bool elsewhere = dice_one_in(server->dice, 2);
	int parent = server->current;
	lsn end = server->flushed;
	size_t record;

	if (server->count == MODEL_TIMELINES)
		return;
	if (elsewhere && dice_one_in(server->dice, 3) &&
		server->timelines[parent].parent >= 0) {
		parent = server->timelines[parent].parent;
		(void)model_server_has(server, server->current, parent, &end);
	}
	if (!choose_branch(server, parent, end, elsewhere ? 40 : 3, &record))
		return;
	branch(server, parent, record);
	server->leads = !dice_one_in(server->dice, 4);
	if (!elsewhere)
		return;
	server->lost = true;
	/* The standby's slot cannot be ahead of what it has. */
	server->slot.restart = lowest(server->slot.restart, server->flushed);
	if (dice_one_in(server->dice, 2)) {
		server->slot.exists = dice_one_in(server->dice, 2);
		server->slot.restart = server->slot.exists
			? segment_start(server, server->flushed)
			: LSN_NONE;
		server->slot.lost = false;
	}
}

static void
remove_wal(struct model_server *server)
{
	lsn up_to = segment_start(server, server->flushed);
	struct server_slot *slot = &server->slot;
	uint64_t segments;

	if (slot->exists && slot->restart != LSN_NONE && !slot->lost) {
		if (dice_one_in(server->dice, 20))
			slot->lost = true;
		else
			up_to = lowest(
				up_to, segment_start(server, slot->restart));
	}
	if (up_to <= server->removed)
		return;
	segments = (up_to - server->removed) / server->segment_size;
	server->removed +=
		server->segment_size * dice_between(server->dice, 1, segments);
	if (slot->exists && slot->restart != LSN_NONE &&
		slot->restart < server->removed)
		slot->lost = true;
}

void
model_server_mend_slot(struct model_server *server)
{
	if (!server->slot.lost)
		return;
	server->slot.lost = false;
	server->slot.restart = server->removed;
}

static void
copy_timeline(struct model_timeline *to, const struct model_timeline *from)
{
	*to = *from;
	to->wal.bytes = malloc(WAL_BUILDER_ROOM);
	to->records = malloc(from->room * sizeof(from->records[0]));
	if (to->wal.bytes == NULL || to->records == NULL)
		abort();
	memcpy(to->wal.bytes, from->wal.bytes, WAL_BUILDER_ROOM);
	memcpy(to->records, from->records,
		from->count * sizeof(from->records[0]));
}

/* Its WAL ends with a record. */
static void
cut_off(struct model_server *server, size_t record)
{
	struct model_timeline *timeline = current(server);
	struct wal_builder *wal = &timeline->wal;
	lsn end = timeline->records[record].end;

	memset(wal->bytes + (end - wal->base), 0, (size_t)(wal->at - end));
	timeline->count = record + 1;
	wal->at = end;
	wal->previous = timeline->records[record].start;
	wal->seed = (uint32_t)dice_roll(server->dice);
	server->flushed = end;
}

void
model_server_copy(struct model_server *copy, const struct model_server *server,
	bool follows)
{
	struct model_timeline *timeline;
	size_t record;

	*copy = *server;
	for (int i = 0; i < server->count; i++)
		copy_timeline(&copy->timelines[i], &server->timelines[i]);
	timeline = current(copy);
	copy->follows = follows;
	copy->leads = !follows;
	copy->damaged = false;
	if (choose_branch(copy, copy->current, copy->flushed, 60, &record)) {
		if (follows)
			copy->flushed = timeline->records[record].end;
		else
			cut_off(copy, record);
	}
	copy->slot.restart = lowest(copy->slot.restart, copy->flushed);
	copy->removed =
		lowest(copy->removed, segment_start(copy, copy->flushed));
}

void
model_server_catch_up(
	struct model_server *follower, const struct model_server *leader)
{
	struct model_server next;
	lsn flushed = follower->flushed;

	model_server_copy(&next, leader, true);
	if (next.flushed < flushed && next.current == follower->current)
		next.flushed = flushed;
	next.slot = follower->slot;
	next.slot.restart = lowest(next.slot.restart, next.flushed);
	model_server_free(follower);
	*follower = next;
}

bool
model_server_has_record(
	const struct model_server *server, int timeline, lsn start, lsn end)
{
	const struct model_timeline *t = &server->timelines[timeline];

	for (size_t i = 0; timeline < server->count && i < t->count; i++)
		if (t->records[i].start == start && t->records[i].end == end)
			return true;
	return false;
}

static size_t
page_header_len(const struct model_server *server, lsn page)
{
	return page == segment_start(server, page) ? WAL_LONG_HEADER_LEN
						   : WAL_PAGE_HEADER_LEN;
}

/* A byte of a record or of a page's header within it, soon to be sent. */
static void
do_damage(struct model_server *server)
{
	const struct model_timeline *timeline =
		&server->timelines[server->stream];
	struct model_damage *damage = &server->damage;
	size_t i = timeline->count;
	size_t back = dice_below(server->dice, 50);
	const struct model_record *record;
	lsn page;

	while (i > 0 && back > 0 &&
		timeline->records[i - 1].start > server->sent)
		i--, back--;
	if (i == timeline->count || !server->streaming || server->intact ||
		server->damage_sent)
		return;
	record = &timeline->records[i];
	if (record->last == LSN_NONE || record->start < server->sent)
		return;
	*damage = (struct model_damage){
		.timeline = server->stream,
		.at = dice_between(server->dice, record->start + LEN_SIZE,
			record->last - 1),
		.mask = (unsigned char)(1 << dice_below(server->dice, 8)),
		.record = record->start,
		.limit = record->last,
	};
	page = damage->at - lsn_page_offset(damage->at);
	if (damage->at < page + page_header_len(server, page)) {
		damage->at = page + 8 + dice_below(server->dice, 8);
		damage->limit = page + page_header_len(server, page);
	}
	/* A header split by a page may have its length behind the border. */
	if (page > record->start && page < record->start + LEN_SIZE)
		return;
	server->damaged = true;
	server->lasting = dice_one_in(server->dice, 4);
}

void
model_server_live(struct model_server *server)
{
	uint64_t what;

	if (server->calm)
		return;
	what = dice_below(server->dice, 4000);
	if (server->follows && (what < 512 || what >= 543))
		return;
	if (what < 300)
		write_some(server);
	else if (what < 504)
		return;
	else if (what < 508)
		switch_timeline(server);
	else if (what < 512)
		remove_wal(server);
	else if (what < 532)
		do_damage(server);
	else if (what < 540)
		server->lost = true;
	else if (what < 543)
		server->hung = true;
	else if (what < 560)
		server->damaged = false;
	else if (what < 562)
		server->slot.exists = false;
}

void
model_server_calm(struct model_server *server)
{
	server->calm = true;
	server->damaged = false;
	server->hung = false;
	if (!server->follows)
		server->flushed = current(server)->wal.at;
	model_server_mend_slot(server);
}

bool
model_server_start(struct model_server *server,
	const struct replication_request *request,
	enum replication_start *result, enum error_code *code)
{
	int timeline = (int)request->timeline - 1;
	lsn end;

	if (!model_server_has(server, server->current, timeline, &end) ||
		request->at > end) {
		*code = ERR_DIVERGED;
		return false;
	}
	if (end == request->at) {
		*result = REPLICATION_TIMELINE_ENDED;
		return true;
	}
	if (end == LSN_MAX && request->at > server->flushed) {
		*code = ERR_UNREACHABLE;
		return false;
	}
	if (request->at < server->removed ||
		request->at < segment_start(server,
				      server->timelines[timeline].begin)) {
		*code = ERR_GAP;
		return false;
	}
	*result = REPLICATION_STARTED;
	server->streaming = true;
	server->stream = timeline;
	server->stream_begin = request->at;
	server->sent = request->at;
	server->reply_owed = false;
	server->damage_sent = false;
	return true;
}

static size_t
put_keepalive(struct model_server *server, unsigned char *message, lsn end)
{
	message[0] = 'k';
	put_be64(message + 1, end);
	put_be64(message + 9, 12345);
	message[17] = !server->calm && dice_one_in(server->dice, 3);
	server->reply_owed = false;
	return KEEPALIVE_LEN;
}

static void
apply_damage(struct model_server *server, unsigned char *data, size_t len,
	bool *damage)
{
	const struct model_damage *d = &server->damage;

	if (!server->damaged || d->timeline != server->stream ||
		d->record < server->stream_begin || d->at < server->sent ||
		d->at >= server->sent + len)
		return;
	data[d->at - server->sent] ^= d->mask;
	*damage = true;
	server->damage_sent = true;
	server->damaged = server->lasting;
}

static size_t
piece_len(struct model_server *server, uint64_t left)
{
	uint64_t most = MODEL_MESSAGE_MAX - MESSAGE_HEADER;
	uint64_t kind = dice_below(server->dice, 16);

	if (kind < 4)
		most = 64;
	else if (kind < 12)
		most = 4096;
	most = lowest(most, left);
	return dice_one_in(server->dice, 3)
		? most
		: dice_between(server->dice, 1, most);
}

static size_t
put_wal(struct model_server *server, unsigned char *message, lsn end,
	bool *damage)
{
	size_t len = piece_len(server, end - server->sent);

	message[0] = 'w';
	put_be64(message + 1, server->sent);
	put_be64(message + 9, end);
	put_be64(message + 17, 12345);
	memcpy(message + MESSAGE_HEADER,
		model_server_truth(server, server->stream, server->sent), len);
	apply_damage(server, message + MESSAGE_HEADER, len, damage);
	server->sent += len;
	return MESSAGE_HEADER + len;
}

/* Make a message wrong. */
static void
spoil(struct model_server *server, unsigned char *message, size_t *len)
{
	switch (dice_below(server->dice, 4)) {
	case 0:
		message[0] = (unsigned char)('a' + dice_below(server->dice, 8));
		break;
	case 1:
		*len = dice_below(server->dice, KEEPALIVE_LEN);
		break;
	case 2:
		message[0] = 'w';
		put_be64(message + 1, server->sent + 1);
		break;
	default:
		put_be64(message + 1, dice_roll(server->dice));
		message[0] = 'w';
		break;
	}
}

enum model_answer
model_server_send(struct model_server *server, unsigned char *message,
	size_t *len, bool *damage, bool *odd)
{
	lsn end;
	bool historic;

	*damage = false;
	*odd = false;
	if (server->hung)
		return MODEL_DRAINED;
	(void)model_server_has(server, server->current, server->stream, &end);
	historic = end != LSN_MAX;
	if (historic && server->sent >= end)
		return MODEL_ENDED;
	if (!historic)
		end = server->flushed;
	/* A piece of the WAL may get lost. */
	if (!server->calm && server->sent + 64 < end &&
		dice_one_in(server->dice, 5000)) {
		server->sent += dice_between(server->dice, 1, 64);
		*odd = true;
	}
	if (server->reply_owed ||
		(!server->calm && dice_one_in(server->dice, 16)))
		*len = put_keepalive(server, message, end);
	else if (server->sent < end)
		*len = put_wal(server, message, end, damage);
	else
		return MODEL_DRAINED;
	if (!server->calm && dice_one_in(server->dice, 5000)) {
		*odd = true;
		spoil(server, message, len);
	}
	return MODEL_MESSAGE;
}

void
model_server_take_status(struct model_server *server, bool with_slot,
	const struct standby_status *status)
{
	if (status->reply_wanted)
		server->reply_owed = true;
	if (with_slot && server->slot.exists && !server->slot.lost &&
		status->flush != LSN_NONE)
		server->slot.restart = status->flush;
}
