#include "backup/wal_check.h"

#include <string.h>

void
wal_check_init(struct wal_check *check, const struct wal_identity *identity)
{
	*check = (struct wal_check){.begun = false};
	record_verifier_init(&check->verifier, identity);
}

static bool
set_missing(const struct wal_check *check, uint32_t timeline, lsn at,
	struct error *error)
{
	uint32_t size = check->verifier.identity.segment_size;
	char name[SEGMENT_NAME_LEN + 1];

	segment_name_format(name, timeline, lsn_segment_number(at, size), size);
	return error_set(error, ERR_GAP,
		"WAL segment %s, which the backup needs, was not sent", name);
}

static void
start(struct wal_check *check, uint32_t timeline, lsn at)
{
	record_verifier_start(&check->verifier, timeline, at, LSN_NONE);
	check->failed = false;
}

/*
 * The server sorts by number alone. Round the switch of a timeline it sends
 * segments of both, in either order; those of the newer one count.
 */
static void
join(struct wal_check *check, uint32_t timeline, lsn at)
{
	struct record_verifier *verifier = &check->verifier;

	if (timeline < verifier->timeline) {
		check->active = false;
	} else if (timeline > verifier->timeline && at < verifier->position) {
		start(check, timeline, at);
	} else if (check->failed) {
		return;
	} else if (at != verifier->position) {
		check->failed = true;
		(void)set_missing(
			check, timeline, verifier->position, &check->failure);
	} else if (timeline > verifier->timeline) {
		record_verifier_follow(verifier, timeline);
	}
}

bool
wal_check_begin(struct wal_check *check, const char *path)
{
	const size_t prefix_len = strlen(WAL_FOLDER_PREFIX);
	uint32_t size = check->verifier.identity.segment_size;
	uint32_t timeline;
	uint64_t number;

	check->active = strncmp(path, WAL_FOLDER_PREFIX, prefix_len) == 0 &&
		strlen(path + prefix_len) == SEGMENT_NAME_LEN &&
		segment_name_parse(path + prefix_len, size, &timeline, &number);
	if (!check->active)
		return false;
	if (check->begun) {
		join(check, timeline, number * size);
		return true;
	}
	check->begun = true;
	check->first = number * size;
	start(check, timeline, check->first);
	return true;
}

void
wal_check_update(struct wal_check *check, const void *data, size_t len)
{
	if (check->active && !check->failed &&
		!record_verifier_feed(
			&check->verifier, data, len, &check->failure))
		check->failed = true;
}

bool
wal_check_result(const struct wal_check *check, const struct wal_range *range,
	struct error *error)
{
	const struct record_verifier *verifier = &check->verifier;

	if (!check->begun || check->first > range->begin.at)
		return set_missing(
			check, range->begin.timeline, range->begin.at, error);
	/* Behind the end lies what was in the file before. */
	if (lsn_align(record_verifier_boundary(verifier)) >= range->end.at)
		return true;
	if (!check->failed)
		return set_missing(
			check, range->end.timeline, verifier->position, error);
	*error = check->failure;
	return false;
}
