#include "restore/restore.h"

#include "archive/history_file.h"
#include "restore/absence.h"
#include "restore/ahead.h"
#include "restore/open_end.h"
#include "restore/open_form.h"
#include "restore/request.h"
#include "restore/undo.h"
#include "wal/timeline_history.h"

#include <stdio.h>

/*
 * So often the archive is looked at before what changes all the time counts as
 * a fault, and before what was not seen counts as not there.
 */
#define LOOKS_MAX 100
#define LOOKS_MIN 2

/* One call in work. */
struct restore {
	const struct restore_config *config;
	struct log *log;
	struct directory archive;
	struct restore_request request;
	struct transfer_result served;
};

static struct transfer_spec
make_spec(const struct restore *restore)
{
	return (struct transfer_spec){
		.archive = &restore->archive,
		.segment = restore->request.name,
		.system_identifier = restore->request.system_identifier,
		.verify = restore->config->verify,
		.target = &restore->request.directory,
		.temporary = restore->request.temporary,
	};
}

static bool
publish(const struct restore *restore, struct error *error)
{
	const struct restore_request *request = &restore->request;
	struct error ignored;

	if (durable_rename(&request->directory, request->temporary,
		    request->target, error))
		return true;
	(void)durable_unlink(&request->directory, request->temporary, &ignored);
	return false;
}

static void
warn_unknown_version(struct restore *restore)
{
	if (restore->config->verify &&
		restore->served.verifier.state == VERIFIER_OFF)
		log_warning(restore->log,
			"segment %s was written by a PostgreSQL version that "
			"is not known here; its records were not verified",
			restore->request.name);
}

/* A complete file, in whatever codec; one that is sound makes up for others. */
static bool
fetch_complete(struct restore *restore, bool *found, struct error *error)
{
	struct transfer_spec spec = make_spec(restore);
	struct error fault = {.code = ERR_NONE};
	char file[ARCHIVE_NAME_MAX];

	*found = false;
	spec.file = file;
	for (int codec = CODEC_NONE; codec < CODECS && !*found; codec++) {
		spec.codec = (enum codec)codec;
		(void)snprintf(file, sizeof(file), "%s%s", spec.segment,
			codec_suffix(spec.codec));
		*found = transfer_segment(&spec, &restore->served, error);
		if (*found || error->code == ERR_NOT_FOUND)
			continue;
		if (error->code != ERR_DAMAGED)
			return false;
		fault = *error;
	}
	if (fault.code != ERR_NONE && !*found) {
		*error = fault;
		return false;
	}
	if (fault.code != ERR_NONE)
		log_warning_error(restore->log, &fault);
	return true;
}

/*
 * Where the WAL of a copied open segment ends, has it ended? A receiver may
 * have been writing to it while it was copied, which looks like damage: it is
 * none if a new look sees more. *again says so.
 */
static bool
check_open_end(const struct restore *restore, const struct transfer_spec *spec,
	const struct transfer_result *result, bool *again, struct error *error)
{
	lsn end = record_verifier_boundary(&result->verifier);
	struct segment_scan scan;
	bool damaged;
	bool found;

	if (result->fault.code == ERR_NONE)
		return true;
	if (!open_end_check(&restore->request.directory,
		    restore->request.temporary, &result->verifier, &damaged,
		    error))
		return false;
	if (!damaged)
		return true;
	if (!open_form_choose(spec, &scan, &found, error))
		return false;
	/* More pages of a long record are more, though it is not whole yet. */
	*again = !found || scan.boundary > end ||
		scan.verifier.position > result->verifier.position;
	if (*again)
		return true;
	error_set(error, ERR_DAMAGED, "file \"%s\" is damaged: %s", spec->file,
		result->fault.message);
	return error_set_hint(error,
		"There is more WAL behind the fault. With --no-verify "
		"recovery ends at the fault.");
}

/*
 * What is served takes the place of the server's own file. A standby may have
 * streamed more into that than the archive has, and have confirmed it.
 */
static bool
server_has_more(const struct restore *restore, const struct segment_scan *scan,
	bool *more, struct error *error)
{
	struct archive_name name = scan->name;
	struct segment_scan own;

	*more = false;
	if (restore->request.system_identifier == 0)
		return true;
	name.kind = NAME_SEGMENT;
	name.codec = CODEC_NONE;
	if (!segment_scan(&own, &restore->request.directory,
		    &scan->verifier.identity, &name, error))
		return error->code == ERR_NOT_FOUND;
	*more = own.verifier.state != VERIFIER_OFF &&
		own.boundary > scan->boundary;
	if (*more)
		log_at(restore->log, LOG_VERBOSE,
			"not serving open segment %s: valid up to " LSN_FORMAT
			" in the archive, and up to " LSN_FORMAT
			" on the server itself",
			restore->request.name, LSN_ARGS(scan->boundary),
			LSN_ARGS(own.boundary));
	return true;
}

/* The open segment, if recovery may end there; *again: it has changed. */
static bool
fetch_open(
	struct restore *restore, bool *found, bool *again, struct error *error)
{
	struct transfer_spec spec = make_spec(restore);
	struct transfer_result result;
	struct segment_scan scan;
	char file[ARCHIVE_NAME_MAX];
	bool success;
	bool more;

	spec.open = true;
	if (!open_form_choose(&spec, &scan, found, error))
		return false;
	if (!*found)
		return true;
	if (!open_form_check_newest(&spec, &scan, again, error))
		return false;
	if (*again)
		return true;
	if (!server_has_more(restore, &scan, &more, error))
		return false;
	*found = !more;
	if (more)
		return true;
	archive_name_format(
		file, &scan.name, scan.verifier.identity.segment_size);
	spec.file = file;
	spec.codec = scan.name.codec;
	if (!transfer_segment(&spec, &result, error))
		return false;
	success = check_open_end(restore, &spec, &result, again, error);
	if (!success || *again) {
		struct error ignored;

		(void)durable_unlink(spec.target, spec.temporary, &ignored);
		return success;
	}
	restore->served = result;
	log_at(restore->log, LOG_VERBOSE,
		"serving open segment \"%s\", valid up to " LSN_FORMAT, file,
		LSN_ARGS(scan.boundary));
	return true;
}

/* A look at the archive; *again: it has changed meanwhile. */
static bool
look(struct restore *restore, bool *found, bool *again, struct error *error)
{
	*again = false;
	if (!fetch_complete(restore, found, error))
		return false;
	if (*found || !restore->config->partial)
		return true;
	if (fetch_open(restore, found, again, error))
		return true;
	/* A file that had a name a moment ago. */
	*again = error->code == ERR_NOT_FOUND;
	return *again;
}

static bool
fetch_segment(struct restore *restore, bool *found, struct error *error)
{
	bool again = true;

	for (int looks = 1; again && looks <= LOOKS_MAX; looks++) {
		if (look(restore, found, &again, error)) {
			if (!again && !*found)
				again = looks < LOOKS_MIN;
			continue;
		}
		/* What seems to be a gap may be a segment that was completed.
		 */
		if (error->code != ERR_GAP || looks >= LOOKS_MIN)
			return false;
		again = true;
	}
	if (again)
		return error_set(error, ERR_SYSTEM,
			"the open segment of %s changes all the time",
			restore->request.name);
	if (!*found)
		return true;
	warn_unknown_version(restore);
	return publish(restore, error);
}

/* A history that names no parent, or cannot be read, would lead nowhere. */
static bool
check_history(const struct restore_request *request, const struct text *content,
	struct error *error)
{
	struct timeline_history history;
	struct error fault = {.message = "it names no timeline"};
	bool sound;

	timeline_history_init(&history);
	sound = timeline_history_parse(&history, request->timeline,
			content->string, content->len, &fault) &&
		history.count > 1;
	timeline_history_free(&history);
	if (sound)
		return true;
	return error_set(error, ERR_DAMAGED, "file \"%s\" is damaged: %s",
		request->name, fault.message);
}

/* A history, or a backup history: small, and stored as it is. */
static bool
fetch_small(struct restore *restore, bool *found, struct error *error)
{
	const struct restore_request *request = &restore->request;
	struct text content;
	bool success;

	text_init(&content);
	*found = durable_read_file(&restore->archive, request->name,
		HISTORY_FILE_MAX, &content, error);
	success = *found || error->code == ERR_NOT_FOUND;
	if (*found)
		success = (request->kind != RESTORE_HISTORY ||
				  check_history(request, &content, error)) &&
			durable_write_file(&request->directory, request->target,
				content.string, content.len, error);
	text_free(&content);
	return success;
}

/*
 * Recovery can end before a hole in the archive if that is all it is told to
 * reach, and a standby may get past it by streaming.
 */
static bool
tolerate_hole(const struct restore *restore, const struct error *error)
{
	if (error->code != ERR_GAP || restore->config->partial ||
		restore->request.kind != RESTORE_SEGMENT)
		return false;
	log_warning_error(restore->log, error);
	return true;
}

static bool
fetch(struct restore *restore, bool *found, struct error *error)
{
	for (int looks = 1; looks <= LOOKS_MIN; looks++) {
		bool success = restore->request.kind == RESTORE_SEGMENT
			? fetch_segment(restore, found, error)
			: fetch_small(restore, found, error);

		if (!success || *found)
			return success;
		if (absence_check(&restore->archive, &restore->request, error))
			return true;
		if (error->code != ERR_GAP)
			return false;
	}
	return tolerate_hole(restore, error);
}

/* The cache can only make it faster: without one, all goes on. */
static bool
open_cache(
	const struct restore *restore, struct ahead *ahead, struct error *error)
{
	const struct restore_config *config = restore->config;

	*ahead = (struct ahead){
		.request = &restore->request,
		.archive = &restore->archive,
		.count = config->prefetch,
	};
	directory_init(&ahead->cache);
	if (config->prefetch == 0 || restore->request.kind != RESTORE_SEGMENT)
		return true;
	if (ahead_open(ahead, config->cache, error))
		return true;
	if (error->code == ERR_USAGE)
		return false;
	log_warning_error(restore->log, error);
	return true;
}

static bool
serve(struct restore *restore, struct ahead *ahead, bool *found,
	struct error *error)
{
	struct undo undo;
	bool success = true;

	if (!undo_begin(&undo, restore->request.directory.fd,
		    restore->request.temporary, error))
		return false;
	*found = false;
	if (ahead->cache.fd >= 0 &&
		!ahead_take(ahead, &restore->served, found, error)) {
		log_warning_error(restore->log, error);
		*found = false;
	}
	if (!*found)
		success = fetch(restore, found, error);
	undo_end(&undo);
	return success;
}

bool
restore_file(const struct restore_config *config, struct log *log, bool *found,
	struct error *error)
{
	struct restore restore = {.config = config, .log = log};
	struct ahead ahead;
	bool success = false;

	directory_init(&restore.archive);
	if (!restore_request_open(
		    &restore.request, config->name, config->path, error))
		return false;
	if (!directory_open(&restore.archive, config->directory, error))
		goto finish;
	if (!open_cache(&restore, &ahead, error))
		goto finish;
	success = serve(&restore, &ahead, found, error);
	if (success && *found && ahead.cache.fd >= 0)
		ahead_start(&ahead, &restore.served);
	ahead_close(&ahead);

finish:
	directory_close(&restore.archive);
	restore_request_close(&restore.request);
	return success;
}
