#include "verify/open_extent.h"

#include "base/byteorder.h"
#include "wal/record_verifier.h"

#define PAGE_MAGIC 0
#define PAGE_ADDRESS 8

/* What the file held before it was recycled, which servers archive as well. */
static bool
is_recycled(
	const unsigned char *page, size_t len, lsn at, uint32_t segment_size)
{
	lsn address;

	if (len < WAL_PAGE_HEADER_LEN)
		return false;
	address = get_le64(page + PAGE_ADDRESS);
	return wal_magic_version(get_le16(page + PAGE_MAGIC)) != 0 &&
		address < at && (at - address) % segment_size == 0;
}

static void
measure_page(struct open_extent *extent, const unsigned char *page, size_t len,
	uint32_t segment_size)
{
	size_t used = len;

	while (used > 0 && page[used - 1] == 0)
		used--;
	if (used > 0 && !is_recycled(page, len, extent->bytes, segment_size))
		extent->used = extent->bytes + used;
	extent->bytes += len;
}

bool
open_extent_measure(struct open_extent *extent, struct segment_input *input,
	lsn start, uint32_t segment_size, unsigned char *buffer,
	struct error *error)
{
	bool success;
	size_t len;

	*extent = (struct open_extent){start, start};
	do {
		len = SEGMENT_PIECE;
		success = segment_input_read(input, buffer, &len, error);
		for (size_t offset = 0; offset < len; offset += WAL_PAGE_SIZE)
			measure_page(extent, buffer + offset,
				len - offset < WAL_PAGE_SIZE ? len - offset
							     : WAL_PAGE_SIZE,
				segment_size);
	} while (success && len == SEGMENT_PIECE);
	return success;
}
