#include "archive/segment_scan.h"

#include "archive/segment_form.h"
#include "archive/segment_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define READ_BUFFER_SIZE ((size_t)1 << 20)

/* A raw file of another size than a segment is none; a codec's has any. */
static bool
check_size(struct segment_scan *scan, const struct directory *directory,
	const char *file, uint32_t segment_size, struct error *error)
{
	struct stat status;

	scan->readable = true;
	if (scan->name.codec != CODEC_NONE)
		return true;
	if (fstatat(directory->fd, file, &status, AT_SYMLINK_NOFOLLOW) == 0) {
		scan->empty =
			status.st_size == 0 && scan->name.kind == NAME_PARTIAL;
		scan->readable =
			scan->empty || status.st_size == (off_t)segment_size;
		return true;
	}
	if (errno == ENOENT)
		return error_set(error, ERR_NOT_FOUND,
			"file \"%s\" does not exist", file);
	return error_set_errno(error, "could not stat file \"%s\"", file);
}

/* Take len bytes that lie at LSN at into the scan. */
static void
scan_piece(struct segment_scan *scan, struct record_verifier *verifier, lsn at,
	const unsigned char *data, size_t len)
{
	struct error ignored;
	size_t used = len;

	while (used > 0 && data[used - 1] == 0)
		used--;
	if (used > 0)
		scan->last_byte = at + used;
	(void)record_verifier_feed(verifier, data, len, &ignored);
}

/*
 * Read until the WAL, the file or its sound part ends. The end of a stream
 * holds its checksum, so it must be reached, and be where the segment ends.
 */
static bool
scan_bytes(struct segment_scan *scan, struct record_verifier *verifier,
	struct segment_reader *reader, struct error *error)
{
	unsigned char *buffer = malloc(READ_BUFFER_SIZE);
	lsn at = scan->start;
	lsn end = at + verifier->identity.segment_size;
	bool success = true;
	bool ended = false;

	if (buffer == NULL)
		return error_set_memory(error);
	while (success && !ended && at < end && verifier->position == at) {
		size_t len = READ_BUFFER_SIZE;

		if (end - at < len)
			len = (size_t)(end - at);
		success = segment_reader_read(reader, buffer, &len, error);
		scan_piece(scan, verifier, at, buffer, len);
		at += len;
		ended = len == 0;
	}
	if (success && at == end) {
		size_t len = 1;

		success = segment_reader_read(reader, buffer, &len, error);
		scan->readable = len == 0;
	} else if (ended) {
		scan->readable = scan->name.kind == NAME_PARTIAL;
	}
	free(buffer);
	if (success)
		return true;
	scan->readable = false;
	return error->code == ERR_DAMAGED;
}

/* Read the segment that the verifier stands at the start of. */
static bool
scan_file(struct segment_scan *scan, struct record_verifier *verifier,
	const struct directory *directory, const struct archive_name *name,
	struct error *error)
{
	uint32_t size = verifier->identity.segment_size;
	struct segment_reader *reader;
	char file[ARCHIVE_NAME_MAX];
	bool success;

	*scan = (struct segment_scan){
		.name = *name,
		.start = name->number * size,
		.boundary = name->number * size,
		.last_byte = name->number * size,
	};
	archive_name_format(file, name, size);
	if (!check_size(scan, directory, file, size, error))
		return false;
	if (!scan->readable || scan->empty)
		return true;
	if (!segment_reader_open(&reader, directory, file, name->codec, error))
		return false;
	success = scan_bytes(scan, verifier, reader, error);
	segment_reader_close(reader);
	return success;
}

bool
segment_scan(struct segment_scan *scan, const struct directory *directory,
	const struct wal_identity *identity, const struct archive_name *name,
	struct error *error)
{
	struct record_verifier verifier;

	record_verifier_init(&verifier, identity);
	record_verifier_start(&verifier, name->timeline,
		name->number * identity->segment_size, LSN_NONE);
	if (!scan_file(scan, &verifier, directory, name, error))
		return false;

	/* Of pages that nobody can read, only the next one proves the last. */
	scan->full = verifier.position == scan->start + identity->segment_size;
	if (verifier.state != VERIFIER_OFF) {
		scan->boundary = record_verifier_boundary(&verifier);
		scan->previous = record_verifier_previous(&verifier);
	}
	/* That is a switch whose head was not seen: perhaps it is none. */
	if (scan->previous < scan->start)
		scan->previous = LSN_NONE;
	if (scan->last_byte < scan->boundary)
		scan->last_byte = scan->boundary;
	scan->verifier = verifier;
	return true;
}

bool
segment_scan_feed(struct record_verifier *verifier,
	const struct directory *directory, const struct archive_name *name,
	struct error *error)
{
	struct segment_scan ignored;

	return scan_file(&ignored, verifier, directory, name, error);
}

static bool
is_behind_switch(const struct record_verifier *verifier)
{
	enum verifier_state state = verifier->state == VERIFIER_PAGE_HEADER
		? verifier->after_header
		: verifier->state;

	return state == VERIFIER_AFTER_SWITCH;
}

/*
 * Does the open segment name, which verifier was fed with, go on with a record
 * that began before it, and is that all the WAL there is?
 */
static bool
carries_on(const struct record_verifier *verifier,
	const struct directory *directory, const struct archive_name *name)
{
	uint32_t size = verifier->identity.segment_size;
	lsn start = name->number * size;
	struct archive_name next = *name;

	next.number++;
	return name->kind == NAME_PARTIAL && verifier->position > start &&
		verifier->record_start != LSN_NONE &&
		verifier->record_start < start &&
		(verifier->remaining > 0 || is_behind_switch(verifier)) &&
		!verifier->chain_broken &&
		!segment_form_find_any(directory, &next, size);
}

bool
segment_scan_prove_end(const struct segment_scan *scan,
	const struct directory *directory, bool *proven, struct error *error)
{
	uint32_t size = scan->verifier.identity.segment_size;
	struct record_verifier verifier = scan->verifier;
	struct archive_name name = scan->name;
	lsn end = scan->start + size;

	*proven = scan->full && scan->boundary == end &&
		scan->previous != LSN_NONE;
	while (scan->full && !*proven) {
		name.number++;
		if (verifier.position != name.number * size ||
			!segment_form_find_any(directory, &name, size))
			return true;
		if (!segment_scan_feed(&verifier, directory, &name, error))
			return false;
		*proven = record_verifier_boundary(&verifier) > end ||
			carries_on(&verifier, directory, &name);
	}
	return true;
}
