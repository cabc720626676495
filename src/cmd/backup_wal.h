/*
 * cmd/backup_wal.h - the receiver as the one that fetches a backup's WAL: a
 * thread with a connection, a log and a stop of its own.
 *
 * Life cycle: backup_wal_init -> backup/backup.h's calls -> backup_wal_free.
 * Guarantee: what the receiver has to say comes out on the thread that calls,
 * a line at a time.
 */
#ifndef CMD_BACKUP_WAL_H
#define CMD_BACKUP_WAL_H

#include "backup/backup.h"
#include "receive/receiver.h"

struct backup_wal_thread {
	struct log *log;       /* borrowed */
	struct server *leader; /* whom the backup comes from; borrowed */
	struct server_options options;
	int outer_stop_fd; /* the program's */
	/* Private. */
	struct server *server;
	struct text conninfo;
	struct receiver_config config;
	struct log own_log;
	struct stop stop; /* only its descriptor is used */
	int stop_fds[2];  /* -1: not made; so are all of these */
	int end_fds[2];
	int message_fds[2];
	FILE *messages;	  /* the writing end of the last, before it is the
			     thread's */
	struct text line; /* of a message, not all there yet */
	pthread_t thread;
	bool running;
	struct error failure; /* the thread's; ERR_NONE: none */
};

/* options: how the backup connects, but for where to. */
void backup_wal_init(struct backup_wal_thread *wal, struct log *log,
	struct server *leader, const struct server_options *options);

/* What backup_run wants; valid as long as wal. */
struct backup_wal backup_wal_functions(struct backup_wal_thread *wal);

void backup_wal_free(struct backup_wal_thread *wal);

#endif
