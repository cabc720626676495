/*
 * backup/tar_stream.h - the members of a tar archive, read by libarchive from
 * whatever hands out its bytes, and written anew.
 *
 * Life cycle: tar_reader_open -> (tar_reader_next -> tar_reader_data*)* ->
 * tar_reader_free; tar_writer_open -> (tar_writer_copy | tar_writer_file ->
 * tar_writer_data*)* -> tar_writer_finish -> tar_writer_free.
 * Guarantee: only files, directories and symbolic links come out; anything
 * else, and a damaged archive, is ERR_PROTOCOL. Names are the server's: it is
 * backup/tree.h that does not trust them.
 * Sources: libarchive's manual pages; POSIX, ustar interchange format.
 */
#ifndef BACKUP_TAR_STREAM_H
#define BACKUP_TAR_STREAM_H

#include "base/error.h"

#include <stdint.h>

enum tar_kind {
	TAR_FILE,
	TAR_DIRECTORY,
	TAR_LINK
};

struct tar_member {
	enum tar_kind kind;
	const char *path;   /* without "/" at its end; valid until next */
	const char *target; /* of a link */
	uint64_t size;
};

/*
 * Hands out the next bytes, borrowed until the next call; *len 0: the end.
 * False: error is set.
 */
typedef bool (*tar_source)(
	void *context, const void **data, size_t *len, struct error *error);

/* Takes bytes. False: error is set. */
typedef bool (*tar_sink)(
	void *context, const void *data, size_t len, struct error *error);

struct tar_reader; /* opaque */
struct tar_writer;

/* Begin to read; the context is borrowed. Errors: the source's, ERR_MEMORY. */
bool tar_reader_open(struct tar_reader **reader, tar_source source,
	void *context, struct error *error);

/* Go on to the next member; *end: there is none, and all bytes were read. */
bool tar_reader_next(struct tar_reader *reader, struct tar_member *member,
	bool *end, struct error *error);

/* The next bytes of the member's content; *len 0: all were read. */
bool tar_reader_data(struct tar_reader *reader, const void **data, size_t *len,
	struct error *error);

/* NULL is fine. */
void tar_reader_free(struct tar_reader *reader);

/* Begin to write; the context is borrowed. Errors: the sink's, ERR_MEMORY. */
bool tar_writer_open(struct tar_writer **writer, tar_sink sink, void *context,
	struct error *error);

/* Begin a member like the one that reader is at, of this size. */
bool tar_writer_copy(struct tar_writer *writer, struct tar_reader *reader,
	uint64_t size, struct error *error);

/* Begin a file of this size and mode, of now and of ours. */
bool tar_writer_file(struct tar_writer *writer, const char *path, unsigned mode,
	uint64_t size, struct error *error);

/* The member's content, in all as many bytes as was said. */
bool tar_writer_data(struct tar_writer *writer, const void *data, size_t len,
	struct error *error);

/* Write the archive's end. */
bool tar_writer_finish(struct tar_writer *writer, struct error *error);

/* Before tar_writer_finish, nothing more is written. NULL is fine. */
void tar_writer_free(struct tar_writer *writer);

#endif
