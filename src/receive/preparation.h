/*
 * receive/preparation.h - the actions that come before the stream: connect,
 * learn who the server is, open the archive, fetch history files, find where
 * the archive ends, see to the slot. Private to the receiver.
 *
 * Carries out one action of the engine at a time and tells the engine what came
 * of it, a failure too. It waits for the server, with the limits of
 * server/server.h, and for the disk.
 *
 * Life cycle: preparation_open -> preparation_carry_out, over and over, in the
 * engine's order -> preparation_close.
 * Guarantee: from ACTION_OPEN_ARCHIVE until preparation_close the archive is
 * locked, and already from preparation_open on unless its disk is in the way;
 * no WAL in it is changed before it was found to be the server's.
 */
#ifndef RECEIVE_PREPARATION_H
#define RECEIVE_PREPARATION_H

#include "receive/receiver.h"

struct preparation {
	const struct receiver_config *config; /* all borrowed */
	struct server *server;
	struct log *log;
	struct engine *engine;
	struct directory directory;
	int lock_fd;
	struct archive_position located; /* before the engine completed it */
};

/*
 * Open the directory. Errors: directory_open's, ERR_LOCKED; preparation_close
 * is due all the same.
 */
bool preparation_open(struct preparation *preparation,
	const struct receiver_config *config,
	const struct receiver_peers *peers, struct engine *engine,
	struct error *error);

void preparation_close(struct preparation *preparation);

/* Carry out one of the actions from ACTION_CONNECT to ACTION_CREATE_SLOT. */
void preparation_carry_out(
	struct preparation *preparation, const struct engine_action *action);

/*
 * If the engine stepped over WAL that the server no longer has, say so, and
 * for ever in the archive. Errors: ERR_GAP (without --allow-gap nothing may be
 * stepped over), gap_record_add's.
 */
bool preparation_accept_gap(
	struct preparation *preparation, struct error *error);

#endif
