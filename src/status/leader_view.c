#include "status/leader_view.h"

#include "base/number.h"
#include "status/moment.h"
#include "status/table.h"

#include <string.h>

#define FOLLOWER_COLUMNS 10
#define SLOT_COLUMNS 6

static const char *
or_dash(const char *string)
{
	return string[0] == '\0' ? "-" : string;
}

static const char *
client_of(const struct follower *follower)
{
	return follower->client[0] == '\0' && !follower->hidden
		? "local"
		: or_dash(follower->client);
}

static void
add_lsn(struct table *table, lsn at)
{
	if (at == LSN_NONE)
		table_cell(table, "-");
	else
		table_cell(table, LSN_FORMAT, LSN_ARGS(at));
}

static void
add_lag(struct table *table, const struct leader *leader,
	const struct follower_step *step)
{
	char size[SIZE_TEXT_MAX];
	char span[MOMENT_SIZE];

	if (step->at == LSN_NONE) {
		table_cell(table, "%s", "");
		return;
	}
	size_format(size, leader_behind(leader, step->at));
	if (step->lag_us < 0) {
		table_cell(table, "%s", size);
		return;
	}
	span_format(span, step->lag_us);
	table_cell(table, "%s, %s", size, span);
}

static void
add_follower(struct table *table, const struct leader *leader,
	const struct follower *follower)
{
	table_cell(table, "%d", follower->pid);
	table_cell(table, "%s", or_dash(follower->user));
	table_cell(table, "%s", or_dash(follower->application));
	table_cell(table, "%s", client_of(follower));
	table_cell(
		table, "%s", follower->hidden ? "(hidden)" : follower->state);
	table_cell(table, "%s", or_dash(follower->sync_state));
	for (int i = 0; i < FOLLOWER_STEPS; i++)
		add_lsn(table, follower->steps[i].at);
	for (int i = 0; i < FOLLOWER_COLUMNS - FOLLOWER_STEPS; i++)
		table_cell(table, "%s", "");
	for (int i = 0; i < FOLLOWER_STEPS; i++)
		add_lag(table, leader, &follower->steps[i]);
}

static void
add_headings(struct table *table, const char *const *headings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		table_cell(table, "%s", headings[i]);
}

static void
print_followers(const struct leader *leader, struct text *text)
{
	static const char *const headings[FOLLOWER_COLUMNS] = {"PID", "USER",
		"APPLICATION", "CLIENT", "STATE", "SYNC", "SENT", "WRITE",
		"FLUSH", "REPLAY"};
	struct table table;

	if (leader->follower_count == 0) {
		text_printf(text, "followers  none\n");
		return;
	}
	table_init(&table, FOLLOWER_COLUMNS);
	add_headings(&table, headings, FOLLOWER_COLUMNS);
	for (size_t i = 0; i < leader->follower_count; i++)
		add_follower(&table, leader, &leader->followers[i]);
	text_append(text, "\n", 1);
	table_print(&table, text);
	table_free(&table);
}

static void
add_slot(struct table *table, const struct leader *leader,
	const struct leader_slot *slot)
{
	char size[SIZE_TEXT_MAX];

	table_cell(table, "%s", slot->name);
	table_cell(table, "%s%s", slot->physical ? "physical" : "logical",
		slot->temporary ? ", temporary" : "");
	if (slot->active && slot->active_pid != 0)
		table_cell(table, "yes, %d", slot->active_pid);
	else
		table_cell(table, slot->active ? "yes" : "no");
	add_lsn(table, slot->restart);
	size_format(size, leader_behind(leader, slot->restart));
	table_cell(table, "%s", slot->restart == LSN_NONE ? "-" : size);
	table_cell(table, "%s%s%s", or_dash(slot->wal_status),
		slot->invalidation[0] != '\0' ? ": " : "", slot->invalidation);
}

static void
print_slots(const struct leader *leader, struct text *text)
{
	static const char *const headings[SLOT_COLUMNS] = {
		"SLOT", "TYPE", "ACTIVE", "RESTART", "HOLDS BACK", "WAL"};
	struct table table;

	if (leader->slot_count == 0) {
		text_printf(text, "slots      none\n");
		return;
	}
	table_init(&table, SLOT_COLUMNS);
	add_headings(&table, headings, SLOT_COLUMNS);
	for (size_t i = 0; i < leader->slot_count; i++)
		add_slot(&table, leader, &leader->slots[i]);
	text_append(text, "\n", 1);
	table_print(&table, text);
	table_free(&table);
}

void
leader_view_print(
	const struct leader *leader, const char *address, struct text *text)
{
	const char *names = leader->synchronous_standby_names;

	text_printf(text, "leader     %s, PostgreSQL %d%s\n", address,
		leader->version / 10000,
		leader->standby ? ", itself a standby" : "");
	text_printf(text, "WAL ends   ");
	if (leader->end == LSN_NONE)
		text_printf(text, "-\n");
	else
		text_printf(text, LSN_FORMAT "\n", LSN_ARGS(leader->end));
	if (names == NULL || names[0] == '\0')
		text_printf(text, "commits    wait for no follower\n");
	else
		text_printf(text,
			"commits    wait for %s (synchronous_commit = %s)\n",
			names,
			leader->synchronous_commit == NULL
				? "-"
				: leader->synchronous_commit);
	print_followers(leader, text);
	print_slots(leader, text);
}

lsn
follower_position(const struct follower *follower)
{
	for (int i = STEP_FLUSH; i >= STEP_SENT; i--)
		if (follower->steps[i].at != LSN_NONE)
			return follower->steps[i].at;
	return LSN_NONE;
}

const struct follower *
leader_view_last(const struct leader *leader)
{
	const struct follower *last = NULL;

	for (size_t i = 0; i < leader->follower_count; i++) {
		const struct follower *follower = &leader->followers[i];
		lsn at = follower_position(follower);

		if (at != LSN_NONE && strcmp(follower->state, "backup") != 0 &&
			(last == NULL || at < follower_position(last)))
			last = follower;
	}
	return last;
}
