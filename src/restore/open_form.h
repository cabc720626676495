/*
 * restore/open_form.h - the open segment, in the form that holds most.
 *
 * Guarantee: the archive is only read.
 */
#ifndef RESTORE_OPEN_FORM_H
#define RESTORE_OPEN_FORM_H

#include "archive/segment_scan.h"
#include "restore/transfer.h"

/*
 * Scan every form of the open segment that spec names by its segment, and keep
 * the best in *scan; spec->file and spec->codec are not read. *found: one is
 * there and holds WAL. Forms may vanish meanwhile. Errors: ERR_NOT_FOUND (one
 * vanished: look again), ERR_DAMAGED (none can be read to its end, or one that
 * cannot holds more than the best), ERR_DIVERGED, ERR_SYSTEM, ERR_MEMORY.
 */
bool open_form_choose(const struct transfer_spec *spec,
	struct segment_scan *scan, bool *found, struct error *error);

/*
 * May recovery end with this open segment? *again: the archive has changed
 * since it was scanned. True if it is the newest of its timeline, or full, or
 * if the loss of what follows is on record. Errors: ERR_GAP, ERR_DAMAGED (the
 * record of gaps is none), ERR_SYSTEM, ERR_MEMORY.
 */
bool open_form_check_newest(const struct transfer_spec *spec,
	const struct segment_scan *scan, bool *again, struct error *error);

#endif
