#include "base/number.h"
#include "check/parts.h"

#include <inttypes.h>
#include <string.h>

/* More than this held back is worth a word. */
#define HELD_BACK_MANY ((uint64_t)1 << 30)

/* PostgreSQL's, its terminator included. */
#define NAME_SIZE 64

static const struct leader_slot *
find_slot(const struct check *check)
{
	for (size_t i = 0; check->led && i < check->leader.slot_count; i++)
		if (strcmp(check->leader.slots[i].name, check->config->slot) ==
			0)
			return &check->leader.slots[i];
	return NULL;
}

/* As PostgreSQL has it. */
static bool
is_valid_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < NAME_SIZE &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static void
find_missing(struct check *check)
{
	const char *name = check->config->slot;

	if (!is_valid_name(name)) {
		verdict_mend(verdict_error(check->verdicts, ERR_REFUSED, "slot",
				     "no slot can be called \"%s\"", name),
			"Take lower-case letters, digits and underscores, %d "
			"at most.",
			NAME_SIZE - 1);
		return;
	}
	verdict_mend(verdict_error(check->verdicts, ERR_REFUSED, "slot",
			     "\"%s\" does not exist", name),
		"Run walfetch receive with -S %s --auto-slot, or make it "
		"first: SELECT pg_create_physical_replication_slot('%s', "
		"true);",
		name, name);
}

static void
find_logical(struct check *check)
{
	verdict_mend(verdict_error(check->verdicts, ERR_REFUSED, "slot",
			     "\"%s\" is a logical slot", check->config->slot),
		"Name a physical slot.");
}

static void
find_lost(struct check *check, const struct leader_slot *seen)
{
	const char *name = check->config->slot;
	bool reason = seen != NULL && seen->invalidation[0] != '\0';
	struct verdict *row = verdict_error(check->verdicts, ERR_GAP, "slot",
		"\"%s\" is invalidated%s%s", name, reason ? ", " : "",
		reason ? seen->invalidation : "");

	verdict_mean(row, "the WAL that it should hold back is gone");
	verdict_mend(row,
		"Drop it: walfetch receive -S %s --drop-slot. Then see below "
		"whether the archive can go on; if not, take a base backup.",
		name);
}

/* What it holds back, how near to being lost it is, and who uses it. */
static void
find_position(struct check *check, const struct server_slot *slot,
	const struct leader_slot *seen)
{
	lsn end = check->led ? check->leader.end : check->identity.flushed;
	uint64_t held = end > slot->restart ? end - slot->restart : 0;
	bool idle = seen != NULL && !seen->active;
	bool ending =
		seen != NULL && strcmp(seen->wal_status, "unreserved") == 0;
	bool many = idle && held >= HELD_BACK_MANY;
	char size[SIZE_TEXT_MAX];
	struct verdict *row;

	size_format(size, held);
	row = verdict_add(check->verdicts,
		ending || many ? VERDICT_WARNING : VERDICT_OK, "slot",
		"\"%s\" holds back %s (%" PRIu64 " bytes)", check->config->slot,
		size, held);
	if (ending) {
		verdict_mean(row, "the next checkpoint may invalidate it");
		verdict_mend(row,
			"Start its receiver now, or raise "
			"max_slot_wal_keep_size and reload.");
	} else if (many)
		verdict_mend(row, "Start its receiver, or drop the slot.");
}

static void
find_user(struct check *check, const struct leader_slot *seen)
{
	if (seen == NULL)
		verdict_add(check->verdicts, VERDICT_OK, "slot in use",
			"not known without SQL");
	else if (!seen->active)
		verdict_add(check->verdicts, VERDICT_OK, "slot in use", "no");
	else
		verdict_mend(
			verdict_add(check->verdicts, VERDICT_WARNING,
				"slot in use", "by process %d of the server",
				seen->active_pid),
			"One receiver uses it already; a second one needs a "
			"slot of its own.");
}

bool
check_slot(struct check *check, struct error *error)
{
	const struct leader_slot *seen = find_slot(check);
	struct server_slot slot;
	struct error failure;

	if (!server_read_slot(
		    check->server, check->config->slot, &slot, &failure)) {
		*error = failure;
		if (check_passes_on(&failure))
			return false;
		find_failed(check, "slot", &failure);
		return true;
	}
	if (!slot.known)
		verdict_add(check->verdicts, VERDICT_WARNING, "slot",
			"nothing is known of \"%s\" without SQL before "
			"PostgreSQL 15",
			check->config->slot);
	else if (!slot.exists)
		find_missing(check);
	else if (!slot.physical)
		find_logical(check);
	else if (slot.lost || (seen != NULL && leader_slot_is_lost(seen)))
		find_lost(check, seen);
	else if (slot.restart == LSN_NONE)
		verdict_mean(verdict_add(check->verdicts, VERDICT_OK, "slot",
				     "\"%s\" has reserved nothing yet",
				     check->config->slot),
			"WAL is held back from its first use on");
	else {
		find_position(check, &slot, seen);
		find_user(check, seen);
	}
	return true;
}
