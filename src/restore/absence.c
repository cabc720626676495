#include "restore/absence.h"

#include "archive/gap_record.h"
#include "archive/lock.h"
#include "archive/segment_head.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * What lies around the file that is not there. Names are read as if segments
 * were small, which keeps them in order whatever their size.
 */
struct surroundings {
	const struct restore_request *request;
	uint64_t number; /* of the segment asked for */
	bool any;	 /* file of an archive is there */
	bool lower;	 /* a segment of a lower timeline is */
	bool same;	 /* the segment is, open */
	bool before;
	struct archive_name after; /* a complete one rather than an open one */
};

static void
add_segment(struct surroundings *around, const struct archive_name *name)
{
	struct archive_name *after = &around->after;

	if (name->number == around->number)
		around->same = true;
	else if (name->number < around->number)
		around->before = true;
	else if (after->kind == NAME_OTHER || name->kind < after->kind ||
		(name->kind == after->kind && name->number < after->number))
		*after = *name;
}

static bool
add_name(void *context, const char *text, struct error *error)
{
	struct surroundings *around = context;
	struct archive_name name;

	(void)error;
	archive_name_parse(&name, text, WAL_SEGMENT_SIZE_MIN);
	around->any |= name.kind != NAME_OTHER;
	if (name.kind != NAME_SEGMENT && name.kind != NAME_PARTIAL)
		return true;
	if (name.timeline == around->request->timeline)
		add_segment(around, &name);
	around->lower |= name.timeline < around->request->timeline;
	return true;
}

static bool
look_around(struct surroundings *around, const struct directory *archive,
	const struct restore_request *request, struct error *error)
{
	uint32_t ignored;

	*around = (struct surroundings){.request = request};
	if (request->kind == RESTORE_SEGMENT)
		(void)segment_name_parse(request->name, WAL_SEGMENT_SIZE_MIN,
			&ignored, &around->number);
	return directory_each(archive, add_name, around, error);
}

/* An empty mount point is no archive that lacks a file. */
static bool
check_mounted(const struct surroundings *around,
	const struct directory *archive, struct error *error)
{
	if (around->any ||
		faccessat(archive->fd, LOCK_FILE_NAME, F_OK,
			AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	error_set(error, ERR_SYSTEM,
		"directory \"%s\" is not an archive: it holds no WAL",
		archive->path);
	return error_set_hint(error, "Is its file system mounted?");
}

/* The timeline that a cluster began with has no history. */
static bool
check_history(const struct surroundings *around,
	const struct directory *archive, struct error *error)
{
	uint32_t timeline = around->request->timeline;

	if (!around->lower ||
		(!around->before && !around->same &&
			around->after.kind == NAME_OTHER))
		return true;
	error_set(error, ERR_GAP,
		"archive \"%s\" holds WAL of timeline %u, but not file \"%s\"",
		archive->path, timeline, around->request->name);
	return error_set_hint(error,
		"Without it PostgreSQL would not find that WAL, and could "
		"begin another timeline of that number. Copy the file into "
		"the archive from the pg_wal of a server that has it.");
}

/* *accepted: the loss of WAL of the segment asked for is on record. */
static bool
find_accepted(const struct surroundings *around,
	const struct directory *archive, uint32_t segment_size, bool *accepted,
	struct error *error)
{
	uint32_t timeline;
	uint64_t number;
	struct gap *gaps;
	size_t count;

	*accepted = false;
	if (!segment_name_parse(
		    around->request->name, segment_size, &timeline, &number))
		return true;
	if (!gap_record_read(archive, &gaps, &count, error))
		return false;
	for (size_t i = 0; i < count; i++)
		*accepted |= gaps[i].timeline == timeline &&
			gaps[i].begin < (number + 1) * segment_size &&
			number * segment_size < gaps[i].end;
	free(gaps);
	return true;
}

static bool
check_hole(const struct surroundings *around, const struct directory *archive,
	struct error *error)
{
	const struct archive_name *after = &around->after;
	struct wal_identity identity;
	char file[ARCHIVE_NAME_MAX];
	bool accepted = false;
	bool told;

	/* An open one is followed by another before it has its final name. */
	if (after->kind == NAME_OTHER || (!around->before && !around->same) ||
		(around->same && after->kind == NAME_PARTIAL))
		return true;
	archive_name_format(file, after, WAL_SEGMENT_SIZE_MIN);
	if (!segment_head_read(
		    archive, file, after->codec, &identity, &told, error))
		return error->code == ERR_NOT_FOUND;
	if (told && wal_segment_size_valid(identity.segment_size) &&
		!find_accepted(around, archive, identity.segment_size,
			&accepted, error))
		return false;
	if (accepted)
		return true;
	error_set(error, ERR_GAP,
		"archive \"%s\" does not have segment %s, but goes on with "
		"file \"%s\"",
		archive->path, around->request->name, file);
	return error_set_hint(error,
		"The WAL between is missing. \"walfetch verify --accept-gap\" "
		"puts its loss on record; recovery can end there then.");
}

/* What the archive does not have the server reads from its own folder. */
static bool
server_has(const struct restore_request *request)
{
	return faccessat(request->directory.fd, request->name, F_OK,
		       AT_SYMLINK_NOFOLLOW) == 0;
}

bool
absence_check(const struct directory *archive,
	const struct restore_request *request, struct error *error)
{
	struct surroundings around;

	if (!look_around(&around, archive, request, error) ||
		!check_mounted(&around, archive, error))
		return false;
	if (server_has(request))
		return true;
	switch (request->kind) {
	case RESTORE_SEGMENT:
		return check_hole(&around, archive, error);
	case RESTORE_HISTORY:
		return check_history(&around, archive, error);
	case RESTORE_BACKUP:
		return true;
	}
	return true;
}
