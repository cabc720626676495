#include "restore/open_end.h"

#include "base/byteorder.h"

#include <string.h>
#include <unistd.h>

/* Offsets in page headers. */
#define PAGE_MAGIC 0
#define PAGE_ADDRESS 8
#define PAGE_REM_LEN 16

/* A segment in a file, and where its WAL ends. */
struct open_end {
	int fd;
	const char *name;
	lsn start;  /* of the segment */
	lsn end;    /* of the segment */
	lsn record; /* the first that is not whole */
	uint16_t magic;
};

static bool
read_at(const struct open_end *end, lsn at, unsigned char *data, size_t len,
	struct error *error)
{
	ssize_t got = pread(end->fd, data, len, (off_t)(at - end->start));

	if (got == (ssize_t)len)
		return true;
	if (got < 0)
		return error_set_errno(
			error, "could not read file \"%s\"", end->name);
	return error_set(error, ERR_DAMAGED,
		"file \"%s\" is shorter than a segment", end->name);
}

/* Is there a page of this very position at page? *rem_len: what it goes on. */
static bool
is_page(const struct open_end *end, lsn page, bool *found, uint32_t *rem_len,
	struct error *error)
{
	unsigned char header[WAL_PAGE_HEADER_LEN];

	*found = false;
	if (page >= end->end)
		return true;
	if (!read_at(end, page, header, sizeof(header), error))
		return false;
	*found = get_le16(header + PAGE_MAGIC) == end->magic &&
		get_le64(header + PAGE_ADDRESS) == page;
	*rem_len = get_le32(header + PAGE_REM_LEN);
	return true;
}

/*
 * Does any record on the page, from at on, say that it follows the one that is
 * not whole? Where it begins is not known: that one's length may be at fault.
 */
static bool
has_successor(
	const struct open_end *end, lsn at, bool *found, struct error *error)
{
	unsigned char bytes[WAL_PAGE_SIZE];
	size_t len = WAL_PAGE_SIZE - lsn_page_offset(at);

	*found = false;
	if (lsn_page_offset(at) == 0 || at >= end->end)
		return true;
	if (!read_at(end, at, bytes, len, error))
		return false;
	for (size_t i = 0; i + sizeof(uint64_t) <= len && !*found; i += 8)
		*found = get_le64(bytes + i) == end->record;
	return true;
}

/* Is there any page of this segment from page on? */
static bool
has_page(const struct open_end *end, lsn page, bool *found, struct error *error)
{
	uint32_t ignored;

	*found = false;
	for (; page < end->end && !*found; page += WAL_PAGE_SIZE)
		if (!is_page(end, page, found, &ignored, error))
			return false;
	return true;
}

/*
 * Follow the record that is not whole to its end: left bytes of it come from
 * page on. Pages that are there must be in order and go on with it.
 */
static bool
look_behind_pages(const struct open_end *end, lsn page, uint32_t left,
	bool *damaged, struct error *error)
{
	uint32_t header;
	uint32_t rem_len;
	bool found;

	for (;;) {
		header = page == end->start ? WAL_LONG_HEADER_LEN
					    : WAL_PAGE_HEADER_LEN;
		if (!is_page(end, page, &found, &rem_len, error))
			return false;
		if (!found)
			return has_page(
				end, page + WAL_PAGE_SIZE, damaged, error);
		*damaged = rem_len != left;
		if (*damaged)
			return true;
		if (left <= WAL_PAGE_SIZE - header)
			break;
		left -= WAL_PAGE_SIZE - header;
		page += WAL_PAGE_SIZE;
	}
	if (!has_successor(
		    end, lsn_align(page + header + left), damaged, error))
		return false;
	return *damaged || has_page(end, page + WAL_PAGE_SIZE, damaged, error);
}

/* The same for a record whose head is at record, within a page. */
static bool
look_behind_record(
	const struct open_end *end, bool *damaged, struct error *error)
{
	unsigned char bytes[4];
	uint32_t here = WAL_PAGE_SIZE - lsn_page_offset(end->record);
	lsn next = end->record + here;
	uint32_t total_len;

	if (!read_at(end, end->record, bytes, sizeof(bytes), error))
		return false;
	total_len = get_le32(bytes);
	*damaged = false;
	if (here > WAL_RECORD_HEADER_LEN &&
		!has_successor(end, end->record + WAL_RECORD_HEADER_LEN,
			damaged, error))
		return false;
	if (*damaged)
		return true;
	if (total_len > here)
		return look_behind_pages(
			end, next, total_len - here, damaged, error);
	return has_page(end, next, damaged, error);
}

/* What is whole may end with a page: the next one's header comes first. */
static bool
look_behind(struct open_end *end, bool *damaged, struct error *error)
{
	lsn page = end->record;
	uint32_t rem_len;
	bool found;

	if (lsn_page_offset(page) != 0)
		return look_behind_record(end, damaged, error);
	if (!is_page(end, page, &found, &rem_len, error))
		return false;
	if (!found)
		return has_page(end, page + WAL_PAGE_SIZE, damaged, error);
	if (rem_len > 0)
		return look_behind_pages(end, page, rem_len, damaged, error);
	end->record +=
		page == end->start ? WAL_LONG_HEADER_LEN : WAL_PAGE_HEADER_LEN;
	return look_behind_record(end, damaged, error);
}

bool
open_end_check(const struct directory *directory, const char *name,
	const struct record_verifier *verifier, bool *damaged,
	struct error *error)
{
	uint32_t size = verifier->identity.segment_size;
	lsn boundary = lsn_align(record_verifier_boundary(verifier));
	struct open_end end = {
		.fd = -1,
		.name = name,
		.start = lsn_segment_start(boundary, size),
		.record = boundary,
		.magic = verifier->magic,
	};
	bool success;

	end.end = end.start + size;
	if (!durable_open_to_read(directory, name, &end.fd, error))
		return false;
	success = look_behind(&end, damaged, error);
	(void)close(end.fd);
	return success;
}
