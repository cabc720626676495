/*
 * backup/writing.h - what writer.c, unpack.c and pack.c share. Private to the
 * writer.
 */
#ifndef BACKUP_WRITING_H
#define BACKUP_WRITING_H

#include "backup/backup_writer.h"
#include "backup/tar_stream.h"

/* Held back until the end: no server starts without it. */
#define CONTROL_FILE "global/pg_control"
#define CONTROL_NAME "pg_control"
#define CONTROL_TEMPORARY "global/.pg_control.tmp"

/* The archive that is being read. */
struct writing {
	const struct backup_writer_config *config;
	struct member_check *check;
	const struct base_backup_tablespace *tablespace;
	size_t index; /* of it */
	struct tar_reader *reader;
	struct output_file *output; /* tar: where the archive goes */
	bool tee; /* tar: its bytes go there as they are read */
	struct text *notices;
	void (*publish_notices)(void *context);
	void *context;
};

/*
 * Which tablespace's link lies at path, or at the first len bytes of it? NULL:
 * none that this archive may have a link for.
 */
const struct base_backup_tablespace *writing_find_link(
	const struct writing *writing, const char *path, size_t len);

/* Set the error of a link that is of no tablespace. Returns false. */
bool writing_refuse_link(const struct tar_member *member, struct error *error);

/* Plain: all members into the tablespace's tree. */
bool unpack_archive(struct writing *writing, struct error *error);

/* Tar: read it for the checks; with -R write it anew, with what that adds. */
bool pack_archive(struct writing *writing, struct error *error);

#endif
