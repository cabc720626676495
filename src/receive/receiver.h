/*
 * receive/receiver.h - the stream thread: carries out what the engine says.
 *
 * Owns the connection while it runs, polls the socket, the workers' wake-up
 * pipe, the stop descriptor and the clock. While a copy is in progress it
 * touches no file and never waits for one.
 */
#ifndef RECEIVE_RECEIVER_H
#define RECEIVE_RECEIVER_H

#include "base/log.h"
#include "base/service_manager.h"
#include "base/stop.h"
#include "receive/engine.h"
#include "server/server.h"

struct receiver_config {
	const char *directory; /* the archive */
	struct engine_config engine;
	enum codec codec;
	int level;
	unsigned jobs;
	uint64_t memory;
	uint64_t min_free;
	bool sync;	    /* false: --no-sync */
	int progress_width; /* columns of the progress line; 0: none */
	int end_fd;	    /* an lsn to be read from it, once it is known, is
			       the end position; -1: none */
};

/* Who is spoken to; all are borrowed. */
struct receiver_peers {
	struct server *server;
	const struct stop *stop;
	struct log *log;
	const struct service_manager *manager; /* NULL: none */
};

/*
 * Receive until the engine is done. True: as asked, or stopped by a signal.
 * Errors: any; error_exit_status() tells the program's exit status.
 */
bool receiver_run(const struct receiver_config *config,
	const struct receiver_peers *peers, struct error *error);

#endif
