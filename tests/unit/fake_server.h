/*
 * fake_server.h - a scripted PostgreSQL server for unit tests: one thread on a
 * Unix socket that speaks version 3 of the wire protocol.
 *
 * Life cycle: fake_server_start -> connect to server->conninfo ->
 * fake_server_stop. The script is a function that runs in the thread and sends
 * and expects with the calls below; each returns at once after the first
 * failure, so a script checks nothing.
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
	int listen_fd;
	int client_fd; /* -1: none */
	int left_fd;   /* the same, see fake_leave */
	struct text out;
	sem_t go;
	pthread_t thread;
	fake_script script;
	const char *failure; /* NULL: none */
};

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

/* Expect a message of this type, whose content is added to body. */
void fake_take(struct fake_server *server, char type, struct text *body);

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

/* Leave the client alone until the end; another fake_accept may follow. */
void fake_leave(struct fake_server *server);

/* Close the connection; another fake_accept may follow. */
void fake_close(struct fake_server *server);

#endif
