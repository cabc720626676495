/*
 * restore/absence.h - what it means that an archive does not have a file.
 *
 * PostgreSQL takes "not there" for the end of the WAL, or for a timeline that
 * nobody has used yet. Where the archive itself says otherwise, that would
 * lose WAL.
 */
#ifndef RESTORE_ABSENCE_H
#define RESTORE_ABSENCE_H

#include "restore/request.h"

/*
 * The file asked for was not found. True if that is all there is to say, or
 * the server has the file itself.
 * Errors: ERR_GAP (of a segment: the archive has others of its timeline before
 * it and behind it, and the loss is not on record; of a history: the archive
 * has WAL of that timeline and of a lower one; either may have come since: look
 * again),
 * ERR_DAMAGED (the record of gaps is none), ERR_SYSTEM (also: the directory is
 * no archive), ERR_MEMORY.
 */
bool absence_check(const struct directory *archive,
	const struct restore_request *request, struct error *error);

#endif
