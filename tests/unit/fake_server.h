/*
 * fake_server.h - a scripted PostgreSQL server for tests: it speaks version 3
 * of the wire protocol on a Unix socket.
 *
 * Life cycle, in unit tests: fake_server_start -> connect to server->conninfo
 * -> fake_server_stop. The script is a function that runs in a thread and sends
 * and expects with the calls below; each returns at once after the first
 * failure, so a script checks nothing. Without a thread: fake_server_open ->
 * the same calls -> fake_server_close.
 * Guarantee: the thread never waits longer than ten seconds for its client.
 */
#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

#include "base/text.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

struct fake_server;

typedef void (*fake_script)(struct fake_server *server);

struct fake_server {
	char conninfo[256];
	void *argument; /* the script's */
	/* Private. */
	char directory[64];
	char path[128];
	int patience_ms; /* for the client; -1: no limit */
	int listen_fd;
	int client_fd; /* -1: none */
	int left_fd;   /* the same, see fake_leave */
	struct text out;
	size_t piece; /* send so much at a time, each once the last is read;
			 0: any amount */
	bool cutting;
	size_t cut_after; /* if cutting: close after so many bytes more, which
			     is a failure */
	sem_t go;
	pthread_t thread;
	fake_script script;
	const char *failure; /* NULL: none */
};

/*
 * Listen at the path of a socket, and wait for clients without a limit. Aborts
 * when it cannot.
 */
void fake_server_open(struct fake_server *server, const char *path);

/* Close everything, and remove the socket. */
void fake_server_close(struct fake_server *server);

/* Begin to listen; the script starts at once. Aborts when it cannot. */
void fake_server_start(
	struct fake_server *server, fake_script script, void *argument);

/* Wait for the script's end; what went wrong in it, or NULL. */
const char *fake_server_stop(struct fake_server *server);

/* Let a script that is in, or comes to, fake_wait go on (once for each). */
void fake_go(struct fake_server *server);

/* The calls of a script. */

/* Wait for fake_go. */
void fake_wait(struct fake_server *server);

/* Wait for a client and its startup packet. */
void fake_accept(struct fake_server *server);

/* AuthenticationOk, server_version and others, ReadyForQuery; sent. */
void fake_welcome(struct fake_server *server, const char *version);

/* accept and welcome. */
void fake_login(struct fake_server *server);

/* Expect a Query of exactly this text. */
void fake_expect_query(struct fake_server *server, const char *query);

/* Expect a message of this type; data NULL: any content. */
void fake_expect(
	struct fake_server *server, char type, const void *data, size_t len);

/* Expect a message of this type, whose content is body afterwards. */
void fake_take(struct fake_server *server, char type, struct text *body);

/* Any message: its type, or 0 at the end of the connection. */
char fake_take_any(struct fake_server *server, struct text *body);

/* True if the client has sent something, or hung up. */
bool fake_has_input(const struct fake_server *server);

/* Wait until the client has closed the connection, whatever it sends. */
void fake_expect_close(struct fake_server *server);

/* These queue; fake_flush sends. */
void fake_message(
	struct fake_server *server, char type, const void *data, size_t len);
void fake_row(struct fake_server *server, int count, const char *const *values);
void fake_complete(struct fake_server *server, const char *tag);
void fake_ready(struct fake_server *server);
void fake_copy_both(struct fake_server *server);
void fake_copy_data(struct fake_server *server, const void *data, size_t len);
void fake_error(struct fake_server *server, const char *severity,
	const char *sqlstate, const char *message);

/* Send all that is queued, or its first len bytes. */
void fake_flush(struct fake_server *server);
void fake_flush_part(struct fake_server *server, size_t len);

/* Send these bytes as they are, at once. */
void fake_send(struct fake_server *server, const void *data, size_t len);

/* Leave the client alone until the end; another fake_accept may follow. */
void fake_leave(struct fake_server *server);

/* Close the connection; another fake_accept may follow. */
void fake_close(struct fake_server *server);

#endif
