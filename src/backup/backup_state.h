/*
 * backup/backup_state.h - what backup.c and backup_prepare.c share. Private to
 * the backup.
 */
#ifndef BACKUP_BACKUP_STATE_H
#define BACKUP_BACKUP_STATE_H

#include "backup/backup.h"
#include "backup/backup_writer.h"
#include "backup/meter.h"
#include "backup/wal_check.h"

struct backup {
	const struct backup_config *config;
	struct server *server;
	const struct stop *stop;
	struct log *log;
	const struct backup_wal *wal;
	struct tree data;
	struct tree wal_tree;	  /* --waldir */
	struct tree *tablespaces; /* as many as stream has */
	struct base_backup stream;
	struct base_backup_position end;
	struct backup_writer *writer;
	struct text settings; /* -R */
	char *archive;	      /* its absolute path; NULL: none */
	struct directory archive_directory;
	struct text wal_path;
	struct meter meter;
	struct wal_identity identity;
	struct page_check_config pages;
	struct wal_check wal_check; /* -X fetch */
	bool group;
	bool slot_created;
	bool damaged;
	bool published;
};

/*
 * Everything before the server is told to begin: ask it who it is, open the
 * archive, prepare the target, see to the slot. Errors: those of backup_run.
 */
bool backup_prepare(struct backup *backup, struct error *error);

/*
 * Two parts of the backup in one directory would run into each other: tree is
 * none of the others. Errors: ERR_USAGE.
 */
bool backup_is_apart(const struct backup *backup, const struct tree *tree,
	struct error *error);

/* -X stream, -X fetch. */
bool backup_streams(const struct backup *backup);
bool backup_fetches(const struct backup *backup);

/* Where the WAL is received into: a directory of this tree, "" for all of it.
 */
struct tree *backup_wal_tree(struct backup *backup);
const char *backup_wal_folder(const struct backup *backup);

#endif
