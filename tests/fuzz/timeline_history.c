/*
 * A timeline's number, four bytes, and its history file.
 */
#include "fuzz.h"

#include "base/byteorder.h"
#include "wal/timeline_history.h"

static void
check(const struct timeline_history *history, uint32_t target)
{
	const struct timeline_entry *entries = history->entries;

	fuzz_expect(history->count > 0);
	fuzz_expect(entries[0].begin == LSN_NONE);
	for (size_t i = 1; i < history->count; i++) {
		fuzz_expect(entries[i].timeline > entries[i - 1].timeline);
		fuzz_expect(entries[i].begin == entries[i - 1].end);
		fuzz_expect(entries[i].begin <= entries[i].end);
		fuzz_expect(timeline_history_next(history, &entries[i - 1]) ==
			&entries[i]);
	}
	fuzz_expect(entries[history->count - 1].timeline == target);
	fuzz_expect(entries[history->count - 1].end == LSN_MAX);
	fuzz_expect(timeline_history_next(
			    history, &entries[history->count - 1]) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct timeline_history history;
	struct error error;
	uint32_t target;

	if (size < 4)
		return 0;
	target = get_be32(data);
	timeline_history_init(&history);
	if (timeline_history_parse(
		    &history, target, (const char *)data + 4, size - 4, &error))
		check(&history, target);
	else {
		fuzz_expect_error(&error);
		fuzz_expect(history.count == 0);
	}
	timeline_history_free(&history);
	return 0;
}
