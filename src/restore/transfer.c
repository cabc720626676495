#include "restore/transfer.h"

#include "archive/segment_reader.h"
#include "base/byteorder.h"
#include "restore/writer.h"

#include <stdio.h>

/* Offsets in the first page header. */
#define HEAD_TIMELINE 4
#define HEAD_ADDRESS 8
#define HEAD_SYSTEM_IDENTIFIER 24
#define HEAD_SEGMENT_SIZE 32
#define HEAD_BLOCK_SIZE 36

/* One transfer in work. */
struct transfer {
	const struct transfer_spec *spec;
	struct transfer_result result;
	struct segment_reader *reader;
	struct writer writer;
	int fd; /* of the temporary file */
	uint64_t copied;
};

static bool
set_damaged(
	const struct transfer_spec *spec, const char *what, struct error *error)
{
	error_set(error, ERR_DAMAGED, "file \"%s\" is damaged: %s", spec->file,
		what);
	return error_set_hint(error,
		"Put a sound copy into the archive. With --no-verify the file "
		"is used as it is, and PostgreSQL takes the fault for the end "
		"of the WAL.");
}

static bool
check_identity(const struct transfer_spec *spec, const unsigned char *head,
	struct error *error)
{
	uint64_t found = get_le64(head + HEAD_SYSTEM_IDENTIFIER);

	if (spec->system_identifier == 0 || spec->system_identifier == found)
		return true;
	error_set(error, ERR_DIVERGED,
		"file \"%s\" of archive \"%s\" is of another cluster: its "
		"system identifier is %llu, the server's is %llu",
		spec->file, spec->archive->path, (unsigned long long)found,
		(unsigned long long)spec->system_identifier);
	return error_set_hint(
		error, "Name the archive of this server's cluster with -D.");
}

bool
transfer_check_head(const struct transfer_spec *spec, const unsigned char *head,
	struct transfer_result *result, struct error *error)
{
	uint32_t size = get_le32(head + HEAD_SEGMENT_SIZE);
	lsn address = get_le64(head + HEAD_ADDRESS);
	uint32_t page_timeline = get_le32(head + HEAD_TIMELINE);
	uint32_t timeline;
	uint64_t number;

	if (get_le32(head + HEAD_BLOCK_SIZE) != WAL_PAGE_SIZE ||
		!wal_segment_size_valid(size))
		return set_damaged(spec,
			"it does not begin with the page header of a WAL "
			"segment",
			error);
	if (!check_identity(spec, head, error))
		return false;
	if (!segment_name_parse(spec->segment, size, &timeline, &number) ||
		address != number * size)
		return error_set(error, ERR_DAMAGED,
			"file \"%s\" holds the WAL from " LSN_FORMAT
			" on, which is not the segment of its name",
			spec->file, LSN_ARGS(address));
	if (page_timeline == 0 || page_timeline > timeline)
		return error_set(error, ERR_DAMAGED,
			"file \"%s\" holds WAL of timeline %u, which is not "
			"that of its name",
			spec->file, page_timeline);
	result->timeline = timeline;
	result->number = number;
	result->segment_size = size;
	return true;
}

/* Look at the first bytes, then make the file and start to verify. */
static bool
begin(struct transfer *transfer, const unsigned char *head, size_t len,
	struct error *error)
{
	const struct transfer_spec *spec = transfer->spec;
	struct transfer_result *result = &transfer->result;
	struct wal_identity identity;

	if (len < WAL_LONG_HEADER_LEN)
		return set_damaged(spec, "it is too short", error);
	if (!transfer_check_head(spec, head, result, error))
		return false;
	identity = (struct wal_identity){
		spec->system_identifier, result->segment_size};
	/* Of an open segment the rest is zeros, which want space too. */
	if (!durable_create(spec->target, spec->temporary,
		    spec->open ? result->segment_size : 0, &transfer->fd,
		    error))
		return false;
	record_verifier_init(&result->verifier, &identity);
	record_verifier_start(&result->verifier, result->timeline,
		result->number * result->segment_size, LSN_NONE);
	return writer_start(
		&transfer->writer, transfer->fd, spec->temporary, error);
}

static bool
check_len(struct transfer *transfer, size_t len, struct error *error)
{
	char what[80];

	if (transfer->copied + len <= transfer->result.segment_size)
		return true;
	(void)snprintf(what, sizeof(what),
		"it holds more than the %u bytes of a segment",
		transfer->result.segment_size);
	return set_damaged(transfer->spec, what, error);
}

/* Of an open segment, a fault may be where its WAL ends. */
static bool
verify(struct transfer *transfer, const unsigned char *data, size_t len,
	struct error *error)
{
	const struct transfer_spec *spec = transfer->spec;
	struct transfer_result *result = &transfer->result;

	if (!spec->verify || result->fault.code != ERR_NONE ||
		record_verifier_feed(
			&result->verifier, data, len, &result->fault) ||
		spec->open)
		return true;
	return set_damaged(spec, result->fault.message, error);
}

/* Copy to the end of the file. */
static bool
copy(struct transfer *transfer, struct error *error)
{
	size_t len;

	do {
		unsigned char *room = writer_room(&transfer->writer);

		len = WRITER_PIECE;
		if (!segment_reader_read(transfer->reader, room, &len, error))
			return false;
		if (transfer->copied == 0 && !begin(transfer, room, len, error))
			return false;
		if (!check_len(transfer, len, error) ||
			!verify(transfer, room, len, error))
			return false;
		transfer->copied += len;
	} while (writer_put(&transfer->writer, len) && len > 0);
	return writer_finish(&transfer->writer, error);
}

static bool
check_whole(const struct transfer *transfer, struct error *error)
{
	uint32_t size = transfer->result.segment_size;
	char what[80];

	if (transfer->spec->open || transfer->copied == size)
		return true;
	(void)snprintf(what, sizeof(what), "it holds %llu bytes instead of %u",
		(unsigned long long)transfer->copied, size);
	return set_damaged(transfer->spec, what, error);
}

static bool
run(struct transfer *transfer, struct error *error)
{
	const struct transfer_spec *spec = transfer->spec;

	return segment_reader_open(&transfer->reader, spec->archive, spec->file,
		       spec->codec, error) &&
		writer_open(&transfer->writer, error) &&
		copy(transfer, error) && check_whole(transfer, error);
}

bool
transfer_segment(const struct transfer_spec *spec,
	struct transfer_result *result, struct error *error)
{
	struct transfer transfer = {.spec = spec, .fd = -1};
	struct error ignored;
	bool success = run(&transfer, error);

	segment_reader_close(transfer.reader);
	writer_close(&transfer.writer);
	if (transfer.fd >= 0) {
		if (!durable_close(transfer.fd, spec->temporary,
			    success ? error : &ignored))
			success = false;
		if (!success)
			(void)durable_unlink(
				spec->target, spec->temporary, &ignored);
	}
	if (success)
		*result = transfer.result;
	return success;
}
