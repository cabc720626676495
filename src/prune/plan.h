/*
 * prune/plan.h - which segments of an archive may go.
 *
 * A segment goes only when every rule lets it go. What goes of a timeline is
 * always its oldest part, and nothing goes of a timeline while older WAL on the
 * way to it stays, so that no removal makes a gap.
 *
 * Whatever the rules say, these stay:
 * - the newest complete segment of a timeline and what follows it, unless a
 *   later timeline has a complete segment and was written to more recently: a
 *   receiver goes on from there;
 * - with backups to keep, a timeline later than those of all of them, even if
 *   none of them can be recovered along it: its own backup may be yet to come;
 * - every history file: a server that looks for the newest timeline tries one
 *   number after another, and so does one that is to begin a new timeline.
 *
 * Life cycle: prune_check_backup* -> prune_plan_make -> prune_plan_free.
 */
#ifndef PRUNE_PLAN_H
#define PRUNE_PLAN_H

#include "archive/backup_start.h"
#include "archive/inventory.h"

/* A backup to keep. */
struct prune_backup {
	const char *path; /* borrowed */
	struct backup_start start;
};

/* What is to be kept; a rule that is not given lets everything go. */
struct prune_rules {
	const struct prune_backup *backups; /* borrowed */
	size_t backup_count;
	bool by_time;
	int64_t since; /* by_time: seconds since 1970; what was written then or
			  later stays */
	bool by_segment;
	uint64_t from; /* by_segment: this number and higher ones stay, on any
			  timeline */
};

/* Why the first segment that stays does. */
enum prune_reason {
	PRUNE_NONE_STAYS,
	PRUNE_BACKUP,	/* a kept backup needs it */
	PRUNE_TIME,	/* it is not old enough */
	PRUNE_SEGMENT,	/* it does not come before the given one */
	PRUNE_NEWEST,	/* a receiver goes on from there */
	PRUNE_ANCESTOR, /* it follows WAL of an older timeline that stays */
	PRUNE_FORK	/* its timeline is later than that of any kept backup */
};

/* One timeline of the inventory. */
struct prune_timeline {
	const struct inventory_timeline *row;
	int64_t newest_time; /* of its files */
	size_t going;	     /* its first so many files go */
	enum prune_reason reason;
	const char *backup; /* PRUNE_BACKUP: its path */
};

struct prune_plan {
	const struct inventory *inventory; /* borrowed */
	struct prune_timeline *timelines;  /* one for each of the inventory */
	size_t going;			   /* files */
	uint64_t going_bytes;
};

/*
 * Make sure that a backup is one of this archive's cluster, as far as that can
 * be told, and that the archive reaches its start; *lacks: the archive begins
 * later than that. Errors: ERR_DIVERGED (another cluster), ERR_GAP (the archive
 * does not reach it).
 */
bool prune_check_backup(const struct prune_backup *backup,
	const struct inventory *inventory, bool *lacks, struct error *error);

/*
 * Decide. The inventory has been measured and outlives the plan. Errors:
 * ERR_MEMORY.
 */
bool prune_plan_make(struct prune_plan *plan, const struct inventory *inventory,
	const struct prune_rules *rules, struct error *error);

/* Free; one of zeros is fine. */
void prune_plan_free(struct prune_plan *plan);

#endif
