/*
 * receive/status_writer.h - the thread that writes the receiver's status file.
 *
 * Life cycle: status_writer_create -> status_writer_post* ->
 * status_writer_free.
 * Guarantee: status_writer_post never waits for the disk. What was posted last
 * is written, whatever came before; a file that cannot be written is done
 * without, and the next one is tried again.
 */
#ifndef RECEIVE_STATUS_WRITER_H
#define RECEIVE_STATUS_WRITER_H

#include "archive/status_file.h"

struct status_writer; /* opaque */

/*
 * Start the thread; directory is borrowed, and only used once something is
 * posted. Errors: ERR_MEMORY, ERR_SYSTEM.
 */
bool status_writer_create(struct status_writer **writer,
	const struct directory *directory, struct error *error);

/* Have a status written soon; it is copied. */
void status_writer_post(
	struct status_writer *writer, const struct receiver_status *status);

/* Write what was posted last, end the thread, free. NULL is fine. */
void status_writer_free(struct status_writer *writer);

#endif
