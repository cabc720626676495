/*
 * receive/engine.h - the receiver's protocol as a state machine, without I/O
 * and without a clock.
 *
 * The receiver asks engine_next() for one action, carries it out, and tells
 * the engine what came of it; messages, time, the workers' progress and the
 * wish to stop come in the same way. So tests can play the server, the disk
 * and the clock.
 *
 * engine.c says which state comes to word; what the states do is in
 * engine_start.c, engine_stream.c and engine_end.c, in this order.
 *
 * Life cycle: engine_init -> (engine_next -> engine_on_...)* until ACTION_EXIT
 * -> engine_free.
 * Guarantee: a flush position is only sent when the workers called it durable,
 * never one below what was sent before, and none of a record that failed its
 * checks. WAL that fails is not appended.
 * Sources: PostgreSQL documentation, "Streaming Replication Protocol";
 * src/bin/pg_basebackup/receivelog.c, src/backend/replication/walsender.c.
 */
#ifndef RECEIVE_ENGINE_H
#define RECEIVE_ENGINE_H

#include "archive/resume.h"
#include "receive/finisher.h"
#include "server/command.h"
#include "wal/replication_message.h"

enum engine_state {
	ENGINE_CONNECT,	 /* no connection; leaves to IDENTIFY when there is */
	ENGINE_IDENTIFY, /* asks who the server is; to OPEN */
	ENGINE_OPEN,	 /* lock, and the archive's identity; to HISTORY */
	ENGINE_HISTORY,	 /* fetches history files; to LOCATE after the last */
	ENGINE_LOCATE,	 /* finds where the archive ends; to SLOT */
	ENGINE_SLOT,	 /* reads, perhaps creates the slot; to START */
	ENGINE_START,	 /* asks for WAL; to STREAM, or to CLOSE when there is
			    nothing left to do on this timeline */
	ENGINE_STREAM,	 /* in CopyBoth; to END_COPY when the server ended it,
			    to CLOSE when we are done or it failed */
	ENGINE_END_COPY, /* answers the end of a timeline; to CLOSE */
	ENGINE_CLOSE,	 /* waits for the workers; to FAREWELL */
	ENGINE_FAREWELL, /* last status, end of copy, hanging up; to what was
			    the reason: IDENTIFY, RETRY or EXIT */
	ENGINE_RETRY,	 /* waits out the back-off; to CONNECT */
	ENGINE_EXIT	 /* the end */
};

enum engine_action_kind {
	ACTION_CONNECT,	     /* -> engine_on_connected */
	ACTION_IDENTIFY,     /* -> engine_on_identity */
	ACTION_OPEN_ARCHIVE, /* lock and check; -> engine_on_archive_open */
	ACTION_GET_HISTORY,  /* fetch and store; -> engine_on_history */
	ACTION_LOCATE,	     /* -> engine_on_located */
	ACTION_READ_SLOT,    /* -> engine_on_slot */
	ACTION_CREATE_SLOT,  /* -> engine_on_slot_created */
	ACTION_BEGIN,	     /* the workers go on at position; -> _on_begun */
	ACTION_START,	     /* stream from position; -> engine_on_started */
	ACTION_RECEIVE,	     /* take a message, do not wait; if at_hand, do not
				read the socket either; ->
				engine_on_message, _drained, _copy_ended */
	ACTION_APPEND,	     /* data, len; -> engine_on_appended */
	ACTION_PERSIST,	     /* ask the workers, or if here do it at once;
				nothing to tell */
	ACTION_SEND_STATUS,  /* status; nothing to tell */
	ACTION_WAIT,	     /* for the workers, a stop, the deadline, and if
				for_socket the socket; -> engine_on_woken */
	ACTION_CLOSE,	     /* closing; -> engine_on_progress */
	ACTION_FINISH_COPY,  /* -> engine_on_copy_finished */
	ACTION_HANG_UP,	     /* nothing to tell */
	ACTION_EXIT	     /* engine_result says how it ended */
};

struct engine_action {
	enum engine_action_kind kind;
	uint32_t timeline;	   /* GET_HISTORY */
	bool fetch;		   /* GET_HISTORY: even if it is archived */
	const unsigned char *data; /* APPEND: inside the last message */
	size_t len;
	bool at_hand;		       /* RECEIVE */
	bool here;		       /* PERSIST */
	struct standby_status status;  /* SEND_STATUS, but for sent_us */
	enum finisher_closing closing; /* CLOSE */
	int64_t deadline_us;	       /* WAIT; CLOCK_NEVER: none */
	bool for_socket;	       /* WAIT */
};

struct engine_config {
	const char *slot; /* NULL: none; borrowed */
	bool auto_slot;
	bool synchronous;
	bool once;
	bool no_loop;
	bool verify;
	bool allow_gap;
	lsn begin; /* of an archive without WAL: the segment that holds it;
		      LSN_NONE: where the slot or the server is */
	lsn end;   /* --endpos; LSN_NONE: none */
	int64_t status_interval_us; /* 0: only when asked */
	int64_t receive_timeout_us; /* CLOCK_NEVER: off */
	unsigned max_retries;	    /* in a row; UINT_MAX: no limit */
	uint64_t seed;		    /* of the jitter */
};

struct engine {
	struct engine_config config;
	enum engine_state state;
	enum engine_state after_close; /* IDENTIFY, RETRY or EXIT */
	struct error failure;	       /* why; ERR_NONE: no failure */
	bool stopping;
	uint64_t random;

	/* What the server and the archive said. */
	struct server_identity identity;
	uint32_t segment_size;
	struct timeline_history history;
	size_t histories_left; /* of its entries, whose files may be missing */
	struct server_slot slot;
	bool slot_read;
	bool slot_created;
	struct archive_position position; /* of this stream's start */
	bool begun;			  /* the workers know it */
	bool gap_ahead;	 /* with allow_gap: the WAL that comes next is gone */
	bool gap_passed; /* stepped over one, and nothing came since */
	lsn end;	 /* stop when all below is durable; LSN_NONE: never */

	/* The stream. */
	bool connected;
	bool in_copy;
	lsn received;	/* the next byte expected */
	lsn server_end; /* the end of WAL on the server, as last heard */
	int64_t server_sent_us; /* when it said so; PostgreSQL epoch */
	struct record_verifier verifier;
	const unsigned char *pending; /* verified, not yet appended */
	size_t pending_len;
	bool blocked;	/* no memory for pending */
	bool drained;	/* nothing to read */
	bool caught_up; /* the server had no more, as heard since we woke */
	struct finisher_progress progress;

	/* Reports. */
	lsn persist_asked; /* everything below was asked to be durable */
	int64_t last_persist_us;
	lsn report_target;    /* a report waits for this to be durable */
	int64_t report_by_us; /* and goes out then at the latest */
	int64_t next_status_us;
	int64_t last_report_us;
	int64_t last_heard_us;
	int64_t away_since_us; /* waiting for the disk; 0: we are not */
	bool pinged;
	lsn reported_write;
	lsn reported_flush; /* over all connections */
	lsn flush_floor;    /* say nothing of flush below */
	lsn held_end;	 /* of part of a record that the archive holds, with the
			    zeros that came behind it; LSN_NONE: there is none */
	lsn flush_limit; /* a record above failed its checks */

	/* The end of a connection. */
	bool close_asked;
	bool said_goodbye;
	int64_t began_us;	 /* the stream */
	unsigned attempts;	 /* in a row that brought nothing */
	uint32_t ended_timeline; /* the last that the server ended; 0: none */
	lsn ended_at;
	unsigned empty_ends; /* of timelines, in a row, without any WAL */
	int64_t backoff_us;  /* the next delay, before jitter */
	int64_t retry_at_us;
};

/* Begin without a connection. */
void engine_init(struct engine *engine, const struct engine_config *config);

void engine_free(struct engine *engine);

/* What to do next. now_us: monotonic. */
void engine_next(
	struct engine *engine, int64_t now_us, struct engine_action *action);

/* Answers to actions. A failed action: engine_on_failure. */
void engine_on_connected(struct engine *engine);
void engine_on_identity(struct engine *engine,
	const struct server_identity *identity, uint32_t segment_size);
void engine_on_archive_open(struct engine *engine);
/* text NULL: the server has no such file. Takes nothing over. */
void engine_on_history(struct engine *engine, const char *text, size_t len);
void engine_on_located(
	struct engine *engine, const struct archive_position *position);
void engine_on_slot(struct engine *engine, const struct server_slot *slot);
void engine_on_slot_created(struct engine *engine);
void engine_on_begun(struct engine *engine);
void engine_on_started(
	struct engine *engine, enum replication_start result, int64_t now_us);
void engine_on_message(
	struct engine *engine, const void *data, size_t len, int64_t now_us);
void engine_on_drained(struct engine *engine);
void engine_on_copy_ended(struct engine *engine);
void engine_on_appended(struct engine *engine, size_t len);
void engine_on_woken(struct engine *engine);
void engine_on_copy_finished(struct engine *engine);

/*
 * An action failed, or the connection did. connection_lost: it is of no more
 * use.
 */
void engine_on_failure(
	struct engine *engine, const struct error *error, bool connection_lost);

/* How far the workers are; at any time. */
void engine_on_progress(
	struct engine *engine, const struct finisher_progress *progress);

/* Only now the end position is known; at any time. */
void engine_set_end(struct engine *engine, lsn end);

/* A signal came; at any time. */
void engine_stop(struct engine *engine);

/*
 * After ACTION_EXIT: true if all went as asked; else *error says why not.
 * During ENGINE_RETRY: why it tries again.
 */
bool engine_result(const struct engine *engine, struct error *error);

#endif
