#include "verify/page_check.h"

#include "base/byteorder.h"
#include "wal/record_verifier.h"

#include <inttypes.h>

#define PAGE_MAGIC 0
#define PAGE_TIMELINE 4
#define PAGE_ADDRESS 8

static uint32_t
timeline_at(const struct timeline_history *history, lsn at)
{
	size_t i = history->count - 1;

	while (i > 0 && at < history->entries[i].begin)
		i--;
	return history->entries[i].timeline;
}

static bool
check_magic(const struct page_rules *rules, lsn at, const unsigned char *page,
	struct error *error)
{
	uint16_t found = get_le16(page + PAGE_MAGIC);

	if (found == rules->magic)
		return true;
	return error_set(error, ERR_DAMAGED,
		"invalid magic number %04X in WAL page at " LSN_FORMAT
		", expected %04X",
		found, LSN_ARGS(at), rules->magic);
}

static bool
check_timeline(const struct page_rules *rules, lsn at,
	const unsigned char *page, struct error *error)
{
	uint32_t found = get_le32(page + PAGE_TIMELINE);
	uint32_t expected;

	if (rules->history->count == 0)
		return true;
	expected = timeline_at(rules->history, at);
	if (found == expected)
		return true;
	return error_set(error, ERR_DAMAGED,
		"unexpected timeline %" PRIu32 " in WAL page at " LSN_FORMAT
		": the history has timeline %" PRIu32 " there",
		found, LSN_ARGS(at), expected);
}

bool
page_check(const struct page_rules *rules, lsn at, const unsigned char *bytes,
	size_t len, lsn *fault_at, struct error *error)
{
	for (size_t offset = 0; offset + WAL_PAGE_HEADER_LEN <= len;
		offset += WAL_PAGE_SIZE) {
		const unsigned char *page = bytes + offset;

		if (get_le64(page + PAGE_ADDRESS) != at + offset ||
			(check_magic(rules, at + offset, page, error) &&
				check_timeline(
					rules, at + offset, page, error)))
			continue;
		*fault_at = at + offset;
		return false;
	}
	return true;
}
