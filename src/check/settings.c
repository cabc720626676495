#include "base/number.h"
#include "check/parts.h"
#include "server/query.h"
#include "server/sync_names.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_KEEP_SIZE 130000
#define VERSION_IDLE_TIMEOUT 180000

/* Below this a status interval of ten seconds is no good. */
#define SENDER_TIMEOUT_MIN_MS 20000

/* walfetch receive, and a backup with its WAL. */
#define SENDERS_WANTED 3

/* One setting on its way to a verdict. */
struct asking {
	struct check *check;
	const char *name;
	const char *value;
};

/* "1min", "500ms", "0": milliseconds; -1: not a duration. */
static int64_t
duration_ms(const char *value)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"min", 60000},
		{"h", 3600000}, {"d", 86400000}};
	char *end;
	long long number = strtoll(value, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (end != value && strcmp(end, units[i].unit) == 0)
			return number * units[i].ms;
	return -1;
}

/* A server's count of places. */
static int
count_of(const char *value)
{
	long count = strtol(value, NULL, 10);

	return count < 0 || count > INT_MAX / 2 ? 0 : (int)count;
}

static struct verdict *
ok(const struct asking *asking)
{
	return verdict_add(asking->check->verdicts, VERDICT_OK, asking->name,
		"%s", asking->value);
}

static struct verdict *
warning(const struct asking *asking)
{
	return verdict_add(asking->check->verdicts, VERDICT_WARNING,
		asking->name, "%s", asking->value);
}

static void
judge_wal_level(const struct asking *asking)
{
	struct verdict *row;

	if (strcmp(asking->value, "minimal") != 0) {
		verdict_mean(ok(asking), "WAL is complete enough to recover");
		return;
	}
	row = verdict_error(asking->check->verdicts, ERR_REFUSED, asking->name,
		"%s", asking->value);
	verdict_mean(row, "the server sends no WAL");
	verdict_mend(row,
		"ALTER SYSTEM SET wal_level = replica; and max_wal_senders = "
		"10; then restart the server.");
}

/* How many walsenders are at work, we not counted; -1: not known. */
static int
senders_in_use(const struct check *check)
{
	int own = check->replication ? server_process(check->server) : 0;
	int count = 0;

	if (!check->led)
		return -1;
	for (size_t i = 0; i < check->leader.follower_count; i++)
		if (check->leader.followers[i].pid != own)
			count++;
	return count;
}

static void
judge_senders(const struct asking *asking)
{
	int max = count_of(asking->value);
	int used = senders_in_use(asking->check);
	struct verdicts *verdicts = asking->check->verdicts;
	struct verdict *row;

	if (max == 0 || (used >= 0 && max - used < 1)) {
		row = verdict_error(verdicts, ERR_REFUSED, asking->name,
			max == 0 ? "%s" : "%s, none free", asking->value);
		verdict_mean(row, "nobody more can stream");
	} else if (used < 0) {
		verdict_mean(ok(asking), "how many are free is not known");
		return;
	} else if (max - used < SENDERS_WANTED) {
		row = verdict_add(verdicts, VERDICT_WARNING, asking->name,
			"%s, %d free", asking->value, max - used);
		verdict_mean(row, "a backup beside a receiver finds no place");
	} else {
		verdict_add(verdicts, VERDICT_OK, asking->name, "%s, %d free",
			asking->value, max - used);
		return;
	}
	verdict_mend(row,
		"ALTER SYSTEM SET max_wal_senders = %d; then "
		"restart the server.",
		max < 8 ? 10 : max + 5);
}

static bool
slot_exists(const struct check *check)
{
	for (size_t i = 0; i < check->leader.slot_count; i++)
		if (strcmp(check->leader.slots[i].name, check->config->slot) ==
			0)
			return true;
	return false;
}

static void
judge_slots(const struct asking *asking)
{
	const struct check *check = asking->check;
	int max = count_of(asking->value);
	int left = check->led ? max - (int)check->leader.slot_count : max;
	bool wanted = check->config->slot != NULL &&
		!(check->led && slot_exists(check));
	struct verdict *row;

	if (left > 0) {
		row = verdict_add(check->verdicts, VERDICT_OK, asking->name,
			"%s", asking->value);
		if (check->led)
			verdict_mean(row, "%d free", left);
		else
			verdict_mean(row, "how many are free is not known");
		return;
	}
	if (wanted)
		row = verdict_error(check->verdicts, ERR_REFUSED, asking->name,
			"%s, none free", asking->value);
	else if (check->config->slot == NULL)
		row = verdict_add(check->verdicts, VERDICT_WARNING,
			asking->name, "%s, none free", asking->value);
	else {
		verdict_add(check->verdicts, VERDICT_OK, asking->name,
			"%s, none free", asking->value);
		return;
	}
	verdict_mean(row, "no slot can be made");
	verdict_mend(row,
		"ALTER SYSTEM SET max_replication_slots = %d; then restart the "
		"server; or drop a slot that nobody needs.",
		max < 8 ? 10 : max + 5);
}

static void
judge_keep(const struct asking *asking)
{
	struct verdict *row;

	if (asking->check->config->slot != NULL) {
		verdict_mean(ok(asking), "the slot keeps WAL, whatever it is");
		return;
	}
	if (strcmp(asking->value, "0") != 0) {
		verdict_mean(ok(asking),
			"so much WAL is kept for a receiver that was away");
		return;
	}
	row = warning(asking);
	verdict_mean(row, "WAL may go before a receiver that was away has it");
	verdict_mend(row,
		"Use a slot (-S), or ALTER SYSTEM SET %s = %s; and "
		"reload.",
		asking->name,
		strcmp(asking->name, "wal_keep_size") == 0 ? "'1GB'" : "64");
}

static void
judge_slot_keep(const struct asking *asking)
{
	struct verdict *row;

	if (strcmp(asking->value, "-1") != 0) {
		verdict_mean(ok(asking),
			"a receiver further behind than this loses its slot");
		return;
	}
	if (asking->check->config->slot == NULL) {
		verdict_mean(ok(asking), "no limit to what a slot keeps");
		return;
	}
	row = warning(asking);
	verdict_mean(
		row, "a slot whose receiver is gone fills the server's disk");
	verdict_mend(row,
		"Set it to what the disk can spare, such as ALTER "
		"SYSTEM SET max_slot_wal_keep_size = '50GB'; and "
		"reload.");
}

static void
judge_idle_timeout(const struct asking *asking)
{
	struct verdict *row;

	if (duration_ms(asking->value) == 0 ||
		asking->check->config->slot == NULL) {
		ok(asking);
		return;
	}
	row = warning(asking);
	verdict_mean(row, "a slot that is not used for so long is invalidated");
	verdict_mend(row,
		"A receiver that runs now and then, such as one with --once "
		"from cron, must run more often; 0 turns it off.");
}

static void
judge_sender_timeout(const struct asking *asking)
{
	int64_t ms = duration_ms(asking->value);
	struct verdict *row;

	if (ms >= SENDER_TIMEOUT_MIN_MS || ms < 0) {
		verdict_mean(ok(asking),
			"the server gives up a receiver that is silent so "
			"long");
		return;
	}
	row = warning(asking);
	if (ms == 0) {
		verdict_mean(row,
			"the server never notices a receiver whose "
			"host is gone, and its slot stays in use");
		verdict_mend(row,
			"ALTER SYSTEM SET wal_sender_timeout = "
			"'60s'; and reload.");
	} else {
		verdict_mean(row, "too short for the usual status interval");
		verdict_mend(row,
			"Run walfetch receive with a --status-interval below "
			"half of it, or ALTER SYSTEM SET wal_sender_timeout = "
			"'60s'; and reload.");
	}
}

static void
judge_hot_standby(const struct asking *asking)
{
	struct verdict *row;

	if (strcmp(asking->value, "on") == 0) {
		verdict_mean(ok(asking), "a follower answers queries");
		return;
	}
	row = warning(asking);
	verdict_mean(row,
		"a follower made from this server answers no "
		"queries; an archive does not mind");
	verdict_mend(row,
		"ALTER SYSTEM SET hot_standby = on; then restart "
		"the server.");
}

static bool
names_us(const struct asking *asking)
{
	struct sync_names names;
	struct error ignored;
	bool named;

	if (!sync_names_parse(asking->value, &names, &ignored))
		return false;
	named = sync_names_match(&names, asking->check->name.string);
	sync_names_free(&names);
	return named;
}

static unsigned
count_synchronous(const struct leader *leader)
{
	unsigned count = 0;

	for (size_t i = 0; i < leader->follower_count; i++)
		if (strcmp(leader->followers[i].sync_state, "sync") == 0 ||
			strcmp(leader->followers[i].sync_state, "quorum") == 0)
			count++;
	return count;
}

static unsigned
count_wanted(const char *value)
{
	struct sync_names names;
	struct error ignored;
	unsigned wanted;

	if (!sync_names_parse(value, &names, &ignored))
		return 0;
	wanted = names.wanted;
	sync_names_free(&names);
	return wanted;
}

static void
judge_names(const struct asking *asking)
{
	struct check *check = asking->check;
	unsigned wanted = count_wanted(asking->value);
	unsigned found = check->led ? count_synchronous(&check->leader) : 0;
	char how[256];
	struct verdict *row;

	check->awaited = names_us(asking);
	(void)snprintf(how, sizeof(how),
		check->awaited ? "run walfetch receive with --synchronous, for "
				 "commits wait for \"%s\""
			       : "commits do not wait for walfetch receive, "
				 "whose application_name is \"%s\"",
		check->name.string);
	if (wanted == 0) {
		verdict_mean(verdict_add(check->verdicts, VERDICT_OK,
				     asking->name, "empty"),
			"no commit waits for a follower");
		return;
	}
	if (!check->led || !check->leader.sees_all || check->leader.standby ||
		found >= wanted) {
		verdict_mean(ok(asking), "%s", how);
		return;
	}
	row = warning(asking);
	verdict_mean(row, "%u of %u are connected: commits hang; %s", found,
		wanted, how);
	verdict_mend(row,
		"Start the followers that are named, or change the "
		"setting and reload.");
}

static void
judge_commit(const struct asking *asking)
{
	const struct check *check = asking->check;
	struct verdict *row;

	if (strcmp(asking->value, "remote_apply") == 0 && check->awaited) {
		row = verdict_error(check->verdicts, ERR_REFUSED, asking->name,
			"%s", asking->value);
		verdict_mean(row,
			"commits that wait for walfetch wait for "
			"ever: it applies nothing");
		verdict_mend(row,
			"ALTER SYSTEM SET synchronous_commit = on; "
			"and reload; or take \"%s\" out of "
			"synchronous_standby_names.",
			check->name.string);
	} else if (strcmp(asking->value, "off") == 0) {
		row = warning(asking);
		verdict_mean(row,
			"a crash of the server loses commits that "
			"were acknowledged");
		verdict_mend(row,
			"ALTER SYSTEM SET synchronous_commit = on; "
			"and reload, unless you chose this.");
	} else
		ok(asking);
}

struct setting {
	const char *name;
	void (*judge)(const struct asking *asking);
	int since;  /* the first version that has it */
	int before; /* the first that has it no more; 0: none */
};

static const struct setting settings[] = {
	{"wal_level", judge_wal_level, 0, 0},
	{"max_wal_senders", judge_senders, 0, 0},
	{"max_replication_slots", judge_slots, 0, 0},
	{"wal_keep_segments", judge_keep, 0, VERSION_KEEP_SIZE},
	{"wal_keep_size", judge_keep, VERSION_KEEP_SIZE, 0},
	{"max_slot_wal_keep_size", judge_slot_keep, VERSION_KEEP_SIZE, 0},
	{"idle_replication_slot_timeout", judge_idle_timeout,
		VERSION_IDLE_TIMEOUT, 0},
	{"wal_sender_timeout", judge_sender_timeout, 0, 0},
	{"hot_standby", judge_hot_standby, 0, 0},
	{"synchronous_standby_names", judge_names, 0, 0},
	{"synchronous_commit", judge_commit, 0, 0},
};

static bool
check_setting(
	struct check *check, const struct setting *setting, struct error *error)
{
	struct server *server =
		check->replication ? check->server : check->plain;
	int version = server_version(server);
	struct asking asking = {.check = check, .name = setting->name};
	struct error failure;
	struct text value;

	if (version < setting->since ||
		(setting->before != 0 && version >= setting->before))
		return true;
	text_init(&value);
	if (query_show(server, setting->name, &value, &failure)) {
		asking.value = value.string;
		setting->judge(&asking);
	} else if (check_passes_on(&failure)) {
		*error = failure;
		text_free(&value);
		return false;
	} else
		verdict_add(check->verdicts, VERDICT_WARNING, setting->name,
			"not known: %s", failure.message);
	text_free(&value);
	return true;
}

bool
check_settings(struct check *check, struct error *error)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (!check_setting(check, &settings[i], error))
			return false;
	return true;
}
