/*
 * model_archive.h - an archive, its disk and its workers, as the engine sees
 * them.
 *
 * Bytes are appended to memory, written to a cache and made durable on a disk,
 * by and by; a crash keeps what is durable, and of the rest what the dice say.
 * Behaves as receive/finisher.h and archive/resume.h promise: names appear in
 * order, and what archive_locate finds is proved by a record verifier.
 *
 * Life cycle: model_archive_init -> (model_archive_locate ->
 * model_archive_begin -> (append | persist | work)* -> close)* ->
 * model_archive_free; model_archive_crash at any time.
 */
#ifndef MODEL_ARCHIVE_H
#define MODEL_ARCHIVE_H

#include "model_server.h"
#include "receive/engine.h"

enum model_file {
	FILE_NONE,
	FILE_PARTIAL,
	FILE_FINAL
};

#define MODEL_SEGMENTS_MAX (WAL_BUILDER_ROOM / 16384)

struct model_copy {
	unsigned char *disk;  /* what a power cut leaves */
	unsigned char *cache; /* what is read */
	enum model_file files[MODEL_SEGMENTS_MAX];
};

struct model_archive {
	struct dice *dice;
	uint32_t segment_size;
	lsn base; /* where the copies begin */
	struct model_copy copies[MODEL_TIMELINES];

	/* The workers. */
	bool begun;
	int timeline;
	lsn begin;
	lsn appended;
	lsn written;
	lsn durable; /* but for the last byte of a segment without final name */
	lsn target;
	bool closed;
	bool failed;
	bool compresses; /* full segments at once */
	lsn finished;	 /* the end of a segment that just got its name */
};

void model_archive_init(struct model_archive *archive, struct dice *dice,
	uint32_t segment_size, lsn base);
void model_archive_free(struct model_archive *archive);

/* A segment's file, and the end of what is not zero in it. */
enum model_file model_archive_file(
	const struct model_archive *archive, int timeline, lsn at);
lsn model_archive_held(
	const struct model_archive *archive, int timeline, lsn at);
const unsigned char *model_archive_bytes(
	const struct model_archive *archive, int timeline, lsn at);
/* No WAL at all? */
bool model_archive_is_empty(const struct model_archive *archive);

/* archive_locate; false: diverged. */
bool model_archive_locate(struct model_archive *archive,
	const struct timeline_history *history,
	struct archive_position *position);

/* finisher_... */
void model_archive_begin(
	struct model_archive *archive, const struct archive_position *position);
size_t model_archive_append(
	struct model_archive *archive, const void *data, size_t len);
void model_archive_persist(struct model_archive *archive);
void model_archive_close(struct model_archive *archive);
void model_archive_progress(const struct model_archive *archive,
	struct finisher_progress *progress);

/* The workers do something; thorough: all there is to do. True: a segment got
 * its final name, archive->finished is its end. */
bool model_archive_work(struct model_archive *archive, bool thorough);

/* The workers failed, or are no more; what they did not write is forgotten. */
void model_archive_forget(struct model_archive *archive);

/* SIGKILL, or the power fails. */
void model_archive_crash(struct model_archive *archive, bool power);

#endif
