/*
 * archive/lock.h - one writer per archive.
 *
 * A kernel lock on ".walfetch.lock", open for the life of the process: it dies
 * with the process, however that ends, so no stale lock can exist. The file
 * holds the process id, for people, and is never removed.
 */
#ifndef ARCHIVE_LOCK_H
#define ARCHIVE_LOCK_H

#include "archive/durable.h"

#define LOCK_FILE_NAME ".walfetch.lock"

/*
 * Take the lock and keep it until archive_lock_release or the end of the
 * process; *fd is only set on success. Errors: ERR_LOCKED (the message names
 * the directory and the process that holds it), ERR_SYSTEM.
 */
bool archive_lock_acquire(
	const struct directory *directory, int *fd, struct error *error);

/*
 * Give the file of a lock that is held the directory's mode for files; a name
 * that is one of several of a file stays as it is. Errors: ERR_SYSTEM.
 */
bool archive_lock_set_mode(
	const struct directory *directory, int fd, struct error *error);

/*
 * Does a process hold the lock now? *pid: the process id in the file, 0 if it
 * tells none; it is only worth something while the lock is held. The lock is
 * not taken, so no receiver that starts now is kept out. Errors: ERR_SYSTEM.
 */
bool archive_lock_query(const struct directory *directory, bool *held,
	long *pid, struct error *error);

/* Give the lock back; -1 is fine. */
void archive_lock_release(int fd);

#endif
