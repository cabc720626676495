/*
 * backup/backup_writer.h - the thread that writes what the server sends:
 * unpacked into directories, or as tar archives. It checks every file on the
 * way.
 *
 * Life cycle: backup_writer_start -> chunk_queue_put ...,
 * backup_writer_notices, backup_writer_bytes -> backup_writer_join ->
 * backup_writer_results' fields -> backup_writer_free. Guarantee: nothing that
 * looks like a complete backup is there before backup_writer_publish:
 * global/pg_control, and the archives, have other names. Sources: PostgreSQL
 * documentation, "Streaming Replication Protocol".
 */
#ifndef BACKUP_BACKUP_WRITER_H
#define BACKUP_BACKUP_WRITER_H

#include "backup/chunk_queue.h"
#include "backup/member_check.h"
#include "backup/output_file.h"
#include "backup/tree.h"

struct backup_writer_config {
	const struct base_backup *backup; /* all are borrowed */
	struct tree *data;		  /* the target */
	struct tree *tablespaces; /* plain: one for each of the backup's; of
				     those that are elsewhere, prepared */
	bool plain;
	enum codec codec; /* tar: of the archives that we compress */
	int level;
	enum codec server_codec; /* in which they come */
	const char *settings;	 /* -R: what makes it a follower; or NULL */
	bool old_follower;	 /* -R: before version 12 */
	enum digest_kind digest;
	struct page_check_config pages;
	struct wal_check *wal;	     /* -X fetch: of the WAL; or NULL */
	const struct tree *wal_tree; /* plain: where it goes; NULL: in data */
};

struct backup_writer_results {
	struct file_list *list; /* of all files */
	struct text *manifest;	/* as it was sent; empty: none */
	uint64_t bad_pages;
};

struct backup_writer; /* opaque */

/* Start the thread. Errors: ERR_MEMORY, ERR_SYSTEM. */
bool backup_writer_start(struct backup_writer **writer,
	const struct backup_writer_config *config, struct error *error);

/* Where to put what the server sends, BACKUP_END last. */
struct chunk_queue *backup_writer_queue(struct backup_writer *writer);

/* Plain bytes of archives that it is through with. */
uint64_t backup_writer_bytes(struct backup_writer *writer);

/* Move what it has to say, a line each, to notices. */
void backup_writer_notices(struct backup_writer *writer, struct text *notices);

/* Wait at most timeout_us. True: it has ended, and backup_writer_join is quick.
 */
bool backup_writer_ended(struct backup_writer *writer, int64_t timeout_us);

/* Wait for its end. Errors: what it failed with. */
bool backup_writer_join(struct backup_writer *writer, struct error *error);

/* After backup_writer_join. */
struct backup_writer_results backup_writer_results(
	struct backup_writer *writer);

/* After backup_writer_join, when all else is durable: give files their names.
 */
bool backup_writer_publish(struct backup_writer *writer, struct error *error);

/* End the thread, if there is one, and free; NULL is fine. */
void backup_writer_free(struct backup_writer *writer);

#endif
