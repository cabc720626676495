/*
 * check/parts.h - the parts of a check, in their order. Private to the check.
 *
 * Each adds its verdicts, and fails only with what is none: see
 * check_passes_on.
 */
#ifndef CHECK_PARTS_H
#define CHECK_PARTS_H

#include "archive/durable.h"
#include "check/check.h"

/* True if a failure tells nothing of the server or the directory. */
bool check_passes_on(const struct error *failure);

/* Add the error that a question has no answer. */
void find_failed(
	struct check *check, const char *name, const struct error *failure);

/* The server's settings; there is a connection of either kind. */
bool check_settings(struct check *check, struct error *error);

/* The slot that the config names; it is connected for replication. */
bool check_slot(struct check *check, struct error *error);

/*
 * The directory that the config names. *usable: it was opened, and belongs to
 * this server's cluster as far as is known.
 */
bool check_place(struct check *check, struct directory *directory, bool *usable,
	struct error *error);

/*
 * Is the WAL that the archive needs next still on the server? The replication
 * connection is of no use afterwards.
 */
bool check_gap(struct check *check, const struct directory *directory,
	struct error *error);

#endif
