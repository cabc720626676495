#include "archive/segment_head.h"

#include "archive/segment_reader.h"
#include "base/byteorder.h"

/*
 * Fill head as far as the file goes: *len is what could be had. False only for
 * what a reading of any file can meet.
 */
static bool
read_head(struct segment_reader *reader, unsigned char *head, size_t *len,
	struct error *error)
{
	size_t piece;

	*len = 0;
	do {
		piece = WAL_LONG_HEADER_LEN - *len;
		if (!segment_reader_read(reader, head + *len, &piece, error))
			return error->code == ERR_DAMAGED;
		*len += piece;
	} while (piece > 0 && *len < WAL_LONG_HEADER_LEN);
	return true;
}

/* Also of a version that is newer than we are. */
static bool
is_long_header(const unsigned char *head)
{
	return wal_magic_version(get_le16(head)) != 0 ||
		get_le32(head + 36) == WAL_PAGE_SIZE;
}

bool
segment_head_read(const struct directory *directory, const char *name,
	enum codec codec, struct wal_identity *identity, bool *told,
	struct error *error)
{
	unsigned char head[WAL_LONG_HEADER_LEN];
	struct segment_reader *reader;
	size_t len;
	bool success;

	if (!segment_reader_open(&reader, directory, name, codec, error))
		return false;
	success = read_head(reader, head, &len, error);
	segment_reader_close(reader);
	if (!success)
		return false;
	*told = len == sizeof(head) && is_long_header(head);
	if (*told)
		*identity = (struct wal_identity){
			.system_identifier = get_le64(head + 24),
			.segment_size = get_le32(head + 32),
		};
	return true;
}
