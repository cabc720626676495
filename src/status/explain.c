#include "status/leader_view.h"

#include "base/number.h"
#include "server/sync_names.h"
#include "status/moment.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A follower that replays this much later than it receives has a reason. */
#define REPLAY_BEHIND_BYTES ((uint64_t)64 << 20)

/* What one page is made from. */
struct page {
	const struct leader *leader;
	struct sync_names names;
	struct text *text;
};

struct meaning {
	const char *word;
	const char *sentence;
};

static const struct meaning states[] = {
	{"startup", "the connection is made, and nothing is sent yet"},
	{"catchup",
		"it is sent WAL that was written before it came, or while it "
		"was slow"},
	{"streaming", "it has caught up, and is sent WAL as it is written"},
	{"backup", "it takes a base backup, and follows nothing"},
	{"stopping", "the leader shuts down, and sends it the last WAL"},
};

static const struct meaning sync_states[] = {
	{"async", "no commit waits for it"},
	{"potential",
		"no commit waits for it now; it takes the place of a "
		"synchronous one that fails"},
	{"sync", "commits wait for it"},
	{"quorum", "commits wait for it, or for others of its group"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *
find_meaning(const struct meaning *rows, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].word, word) == 0)
			return rows[i].sentence;
	return NULL;
}

static void __attribute__((format(printf, 2, 3)))
problem(struct page *page, const char *format, ...)
{
	char sentence[1024];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	text_printf(page->text, "  Problem: %s\n", sentence);
}

static bool
is_synchronous(const struct follower *follower)
{
	return strcmp(follower->sync_state, "sync") == 0 ||
		strcmp(follower->sync_state, "quorum") == 0;
}

static bool
setting_is(const char *setting, const char *value)
{
	return setting != NULL && strcmp(setting, value) == 0;
}

static void
explain_flush(struct page *page, const struct follower *follower)
{
	const struct follower_step *steps = follower->steps;

	if (steps[STEP_FLUSH].at != LSN_NONE ||
		steps[STEP_WRITE].at == LSN_NONE)
		return;
	text_printf(page->text,
		"  flush is empty: it has not said what is durable. walfetch "
		"receive does with --slot or --synchronous, from its first "
		"status update on.\n");
	if (sync_names_match(&page->names, follower->application))
		problem(page,
			"it is named in synchronous_standby_names, and is "
			"never counted, for it reports no flush position.");
}

static void
explain_replay(struct page *page, const struct follower *follower)
{
	const struct follower_step *steps = follower->steps;
	lsn flush = steps[STEP_FLUSH].at;
	lsn replay = steps[STEP_REPLAY].at;
	char size[SIZE_TEXT_MAX];

	if (replay == LSN_NONE && steps[STEP_WRITE].at != LSN_NONE) {
		text_printf(page->text,
			"  replay is empty: it keeps WAL and never replays "
			"it. That is right for walfetch and pg_receivewal.\n");
		if (is_synchronous(follower) &&
			setting_is(page->leader->synchronous_commit,
				"remote_apply"))
			problem(page,
				"synchronous_commit = remote_apply waits for "
				"replay, which never comes: commits hang. "
				"Use on or remote_write.");
	}
	if (replay != LSN_NONE && flush > replay &&
		flush - replay >= REPLAY_BEHIND_BYTES) {
		size_format(size, flush - replay);
		problem(page,
			"it has %s that it has not replayed: replay is slow, "
			"waits for a query, or is paused.",
			size);
	}
}

static void
explain_lag(struct page *page, const struct follower *follower)
{
	lsn at = follower_position(follower);
	uint64_t behind = leader_behind(page->leader, at);
	char size[SIZE_TEXT_MAX];

	if (at == LSN_NONE || strcmp(follower->state, "backup") == 0)
		return;
	size_format(size, behind);
	if (behind == 0)
		text_printf(page->text, "  It has all of the leader's WAL.\n");
	else
		text_printf(page->text,
			"  It is %s behind the end of the leader's WAL.\n",
			size);
}

static void
explain_follower(struct page *page, const struct follower *follower)
{
	const char *state =
		find_meaning(states, COUNT(states), follower->state);
	const char *sync = find_meaning(
		sync_states, COUNT(sync_states), follower->sync_state);

	text_printf(page->text, "\n%s, process %d:\n", follower->application,
		follower->pid);
	if (follower->hidden) {
		text_printf(page->text,
			"  This role may not see its state; one with "
			"pg_monitor or pg_read_all_stats may.\n");
		return;
	}
	if (state != NULL)
		text_printf(page->text, "  %s: %s.\n", follower->state, state);
	if (sync != NULL && strcmp(follower->state, "backup") != 0)
		text_printf(
			page->text, "  %s: %s.\n", follower->sync_state, sync);
	explain_lag(page, follower);
	explain_flush(page, follower);
	explain_replay(page, follower);
}

/* Does a drop or a receiver free the WAL that it holds back? */
static void
explain_inactive(struct page *page, const struct leader_slot *slot)
{
	char size[SIZE_TEXT_MAX];
	char span[MOMENT_SIZE];

	size_format(size, leader_behind(page->leader, slot->restart));
	if (slot->inactive_us >= 0) {
		span_format(span, slot->inactive_us);
		text_printf(page->text, "  Nobody has used it for %s.\n", span);
	}
	problem(page,
		"nobody uses it, and it holds back %s. Start the follower or "
		"receiver that it is for, or drop it: "
		"SELECT pg_drop_replication_slot('%s').",
		size, slot->name);
	if (setting_is(page->leader->max_slot_wal_keep_size, "-1"))
		problem(page,
			"max_slot_wal_keep_size = -1: the slot may fill the "
			"leader's disk.");
}

static void
explain_slot(struct page *page, const struct leader_slot *slot)
{
	char size[SIZE_TEXT_MAX];

	size_format(size, leader_behind(page->leader, slot->restart));
	text_printf(page->text, "\nslot %s:\n", slot->name);
	if (leader_slot_is_lost(slot)) {
		problem(page,
			"it is invalidated%s%s: WAL that it should hold back "
			"is gone. Drop it and make it anew.",
			slot->invalidation[0] != '\0' ? ", " : "",
			slot->invalidation);
		return;
	}
	if (slot->restart == LSN_NONE) {
		text_printf(page->text,
			"  It was never used, and holds back nothing yet.\n");
		return;
	}
	if (slot->active)
		text_printf(page->text,
			"  It is in use, and holds back %s that its follower "
			"has not confirmed.\n",
			size);
	else
		explain_inactive(page, slot);
	if (strcmp(slot->wal_status, "unreserved") == 0)
		problem(page,
			"it is further behind than max_slot_wal_keep_size: the "
			"next checkpoint may invalidate it.");
	if (slot->safe_known && slot->safe_bytes > 0) {
		size_format(size, (uint64_t)slot->safe_bytes);
		text_printf(page->text,
			"  %s may be written before it can be lost.\n", size);
	}
}

static unsigned
count_synchronous(const struct leader *leader)
{
	unsigned count = 0;

	for (size_t i = 0; i < leader->follower_count; i++)
		if (is_synchronous(&leader->followers[i]))
			count++;
	return count;
}

static bool
any_hidden(const struct leader *leader)
{
	for (size_t i = 0; i < leader->follower_count; i++)
		if (leader->followers[i].hidden)
			return true;
	return false;
}

static void
explain_commits(struct page *page)
{
	const char *commit = page->leader->synchronous_commit;
	unsigned found = count_synchronous(page->leader);

	if (page->names.wanted == 0) {
		text_printf(page->text,
			"No commit waits for a follower: "
			"synchronous_standby_names is empty.\n");
		return;
	}
	text_printf(page->text,
		"Commits wait for %u follower%s: %s of those that "
		"synchronous_standby_names names.\n",
		page->names.wanted, page->names.wanted == 1 ? "" : "s",
		page->names.any ? "any" : "the first");
	if (setting_is(commit, "off") || setting_is(commit, "local"))
		text_printf(page->text,
			"But synchronous_commit = %s: unless a session says "
			"otherwise, none does.\n",
			commit);
	else if (found < page->names.wanted && !any_hidden(page->leader) &&
		!page->leader->standby)
		problem(page,
			"%u of them %s connected and synchronous: commits "
			"hang until more are. Start them, or change the "
			"setting and reload.",
			found, found == 1 ? "is" : "are");
}

static void
explain_columns(struct page *page)
{
	text_printf(page->text,
		"Each position is how far a follower is, and below it how far "
		"that is behind the leader, in bytes and time:\n"
		"  sent: the leader has sent it. write: the follower has "
		"handed it to its system.\n"
		"  flush: it survives a power cut there. replay: queries "
		"there see it.\n");
}

bool
leader_view_explain(
	const struct leader *leader, struct text *text, struct error *error)
{
	const char *names = leader->synchronous_standby_names;
	struct page page = {.leader = leader, .text = text};

	if (!sync_names_parse(names == NULL ? "" : names, &page.names, error))
		return false;
	text_append(text, "\n", 1);
	explain_commits(&page);
	if (leader->follower_count == 0)
		text_printf(text, "No follower is connected.\n");
	else
		explain_columns(&page);
	for (size_t i = 0; i < leader->follower_count; i++)
		explain_follower(&page, &leader->followers[i]);
	for (size_t i = 0; i < leader->slot_count; i++)
		explain_slot(&page, &leader->slots[i]);
	sync_names_free(&page.names);
	return true;
}
