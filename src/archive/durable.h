/*
 * archive/durable.h - every step that makes a file durable; small files whole.
 *
 * The only file that calls Linux's fallocate() and sync_file_range(), with a
 * portable way round each. All names are relative to a struct directory and
 * may not contain a slash; symbolic links at those names are never followed.
 *
 * A file appears in one order: durable_create (temporary name, mode, space) ->
 * durable_write* -> durable_sync -> durable_rename -> durable_sync_directory.
 * Guarantee: after a true return of durable_sync (of the descriptor written)
 * the bytes, and after durable_sync_directory the names, survive a power cut;
 * with sync off they return true without that. A failed sync or close is final
 * for that descriptor.
 * Sources: PostgreSQL src/common/file_utils.c.
 */
#ifndef ARCHIVE_DURABLE_H
#define ARCHIVE_DURABLE_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What storage writes at a time; memory aligned so is written fastest. */
#define DURABLE_BLOCK ((size_t)4096)

struct directory {
	int fd;		  /* -1: not open */
	char *path;	  /* as the person gave it, for messages */
	mode_t file_mode; /* 0600, or 0640 */
	bool sync;	  /* false: --no-sync */
};

/* Not open, mode 0600, sync on. */
void directory_init(struct directory *directory);

/*
 * Open an existing directory. Errors: ERR_SYSTEM (message: could not open
 * directory "PATH": reason), ERR_MEMORY.
 */
bool directory_open(
	struct directory *directory, const char *path, struct error *error);

/* Close it; one that is not open is fine. */
void directory_close(struct directory *directory);

/*
 * Call visit with each name in it but "." and "..", in no order, until one
 * fails. Errors: visit's, ERR_SYSTEM, ERR_MEMORY.
 */
bool directory_each(const struct directory *directory,
	bool (*visit)(void *context, const char *name, struct error *error),
	void *context, struct error *error);

/* Bytes that an ordinary user may still write there. False: not known. */
bool directory_free_bytes(const struct directory *directory, uint64_t *bytes);

/*
 * Create (or empty) the file name for writing, mode as the directory says
 * whatever the umask, and reserve size bytes (0: none) that read as zeros, so
 * that a full disk is found now. On failure no file is left and *fd untouched.
 * Errors: ERR_SYSTEM.
 */
bool durable_create(const struct directory *directory, const char *name,
	uint64_t size, int *fd, struct error *error);

/*
 * Write size bytes of zeros from the file's start: space that is only reserved
 * costs a metadata write with the first sync of each part.
 */
bool durable_fill(int fd, const char *name, uint64_t size, struct error *error);

/* Open an existing regular file for reading and writing. */
bool durable_open(const struct directory *directory, const char *name, int *fd,
	struct error *error);

/* The same for reading only. */
bool durable_open_to_read(const struct directory *directory, const char *name,
	int *fd, struct error *error);

/*
 * Set the error of an open that failed with the present errno, with O_NOFOLLOW
 * among its flags. Returns false.
 */
bool durable_open_failed(const char *name, struct error *error);

/*
 * Write len bytes at offset, whole. Large runs of whole blocks, if data and
 * offset are aligned alike, go past the page cache; the rest in pieces of 1 MiB
 * whose writeback starts early. name is for the message. One thread at a time
 * for a descriptor.
 */
bool durable_write(int fd, const char *name, const void *data, size_t len,
	uint64_t offset, struct error *error);

/*
 * Read len bytes at offset back from a descriptor that was made for writing,
 * past the page cache where durable_write would go past it. Errors: ERR_DAMAGED
 * (the file ends before), ERR_SYSTEM.
 */
bool durable_read(int fd, const char *name, void *data, size_t len,
	uint64_t offset, struct error *error);

/* fdatasync. */
bool durable_sync(const struct directory *directory, int fd, const char *name,
	struct error *error);

/* Close; a failure counts (name is for the message). */
bool durable_close(int fd, const char *name, struct error *error);

/* Rename within the directory; an existing target is replaced. */
bool durable_rename(const struct directory *directory, const char *from,
	const char *to, struct error *error);

/* Remove a file; one that is not there is fine. */
bool durable_unlink(const struct directory *directory, const char *name,
	struct error *error);

/* fsync of the directory: makes renames and removals durable. */
bool durable_sync_directory(
	const struct directory *directory, struct error *error);

/*
 * All of the above for a small file: temporary name ".NAME.tmp", write, sync,
 * rename, sync the directory.
 */
bool durable_write_file(const struct directory *directory, const char *name,
	const void *data, size_t len, struct error *error);

/*
 * Append the content of a small file to content. Errors: ERR_NOT_FOUND,
 * ERR_DAMAGED (more than max bytes), ERR_SYSTEM, ERR_MEMORY.
 */
bool durable_read_file(const struct directory *directory, const char *name,
	size_t max, struct text *content, struct error *error);

#endif
