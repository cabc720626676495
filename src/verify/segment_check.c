#include "verify/segment_check.h"

#include "base/byteorder.h"
#include "verify/crossing.h"
#include "verify/open_extent.h"
#include "verify/page_check.h"
#include "verify/read_fault.h"
#include "verify/succession.h"

#include <assert.h>
#include <inttypes.h>

/* The long header of a segment's first page. */
#define HEAD_MAGIC 0
#define HEAD_SYSTEM_IDENTIFIER 24
#define HEAD_BLOCK_SIZE 36

/* One reading of a segment. */
struct pass {
	const struct checker *checker;
	const struct inventory_timeline *timeline;
	struct segment_input input;
	struct record_verifier verifier;
	lsn start;
	lsn end;	    /* of the segment */
	lsn at;		    /* read up to here */
	struct error fault; /* the first; ERR_NONE: there is none */
	lsn fault_at;
};

static uint32_t
segment_size(const struct pass *pass)
{
	return pass->checker->inventory->identity.segment_size;
}

static bool
is_stopped(const struct pass *pass)
{
	return atomic_load_explicit(
		&pass->checker->tally->stop, memory_order_relaxed);
}

/* Whose segment is it? What is no page header is left to the verifier. */
static void
check_head(struct pass *pass, const unsigned char *head, size_t len)
{
	uint64_t ours = pass->checker->inventory->identity.system_identifier;
	uint64_t found;

	if (len < WAL_LONG_HEADER_LEN ||
		wal_magic_version(get_le16(head + HEAD_MAGIC)) == 0 ||
		get_le32(head + HEAD_BLOCK_SIZE) != WAL_PAGE_SIZE)
		return;
	found = get_le64(head + HEAD_SYSTEM_IDENTIFIER);
	if (found == ours)
		return;
	pass->fault_at = pass->start;
	error_set(&pass->fault, ERR_DIVERGED,
		"it is of another cluster: system identifier %" PRIu64
		", the archive's is %" PRIu64,
		found, ours);
}

/* Where a verifier that failed saw the fault. */
static lsn
fault_position(const struct record_verifier *verifier)
{
	if (verifier->state == VERIFIER_RECORD_HEADER ||
		verifier->state == VERIFIER_RECORD_BODY)
		return verifier->record_start;
	return verifier->position;
}

/* Take the next len bytes of the segment, which are in the buffer. */
static void
take_piece(struct pass *pass, size_t len)
{
	const unsigned char *bytes = pass->checker->buffer;
	struct page_rules rules;
	lsn at = pass->at;

	pass->at += len;
	atomic_fetch_add_explicit(
		&pass->checker->tally->bytes, len, memory_order_relaxed);
	if (pass->fault.code == ERR_NONE && at == pass->start)
		check_head(pass, bytes, len);
	if (pass->fault.code != ERR_NONE)
		return;
	if (!record_verifier_feed(&pass->verifier, bytes, len, &pass->fault)) {
		pass->fault_at = fault_position(&pass->verifier);
		return;
	}
	rules = (struct page_rules){
		&pass->timeline->history, pass->verifier.magic};
	(void)page_check(&rules, at, bytes, len, &pass->fault_at, &pass->fault);
}

/*
 * A stream that is broken is the cause of what was wrong with its bytes. False
 * if it is not the file's fault.
 */
static bool
take_read_fault(struct pass *pass, const struct error *fault)
{
	if (!read_fault_is_the_files(fault))
		return false;
	if (pass->fault.code == ERR_NONE)
		pass->fault_at = pass->at;
	pass->fault = *fault;
	pass->fault.code = ERR_DAMAGED;
	return true;
}

/* The end of a stream holds its checksum, so it must be reached. */
static bool
check_end(struct pass *pass, struct error *error)
{
	size_t len = 1;

	if (!segment_input_read(
		    &pass->input, pass->checker->buffer, &len, error))
		return take_read_fault(pass, error);
	if (len == 0 || pass->fault.code != ERR_NONE)
		return true;
	pass->fault_at = pass->end;
	error_set(&pass->fault, ERR_DAMAGED,
		"it is longer than a segment of %" PRIu32 " bytes",
		segment_size(pass));
	return true;
}

static void
note_short(struct pass *pass)
{
	if (pass->fault.code != ERR_NONE)
		return;
	pass->fault_at = pass->at;
	error_set(&pass->fault, ERR_DAMAGED,
		"it is too short: %" PRIu64 " bytes of a segment of %" PRIu32,
		pass->at - pass->start, segment_size(pass));
}

static bool
read_complete(struct pass *pass, struct error *error)
{
	bool raw = pass->input.name.codec == CODEC_NONE;

	while (pass->at < pass->end && !is_stopped(pass)) {
		lsn left = pass->end - pass->at;
		size_t wanted =
			left < SEGMENT_PIECE ? (size_t)left : SEGMENT_PIECE;
		size_t len = wanted;
		bool success = segment_input_read(
			&pass->input, pass->checker->buffer, &len, error);

		take_piece(pass, len);
		if (!success)
			return take_read_fault(pass, error);
		if (len < wanted)
			note_short(pass);
		if (len < wanted || (raw && pass->fault.code != ERR_NONE))
			return true;
	}
	return is_stopped(pass) || check_end(pass, error);
}

/* Only what was written before we looked can be held against the file. */
static bool
read_open(struct pass *pass, lsn used, struct error *error)
{
	while (pass->at < used && pass->fault.code == ERR_NONE &&
		!is_stopped(pass)) {
		lsn left = used - pass->at;
		size_t len =
			left < SEGMENT_PIECE ? (size_t)left : SEGMENT_PIECE;
		bool success = segment_input_read(
			&pass->input, pass->checker->buffer, &len, error);

		take_piece(pass, len);
		if (!success)
			return take_read_fault(pass, error);
		if (len == 0)
			break;
	}
	return true;
}

/* Look how far the open segment is filled, and begin to read it again. */
static bool
measure_open(struct pass *pass, lsn *used, struct error *error)
{
	const struct checker *checker = pass->checker;
	const struct archive_name name = pass->input.name;
	struct open_extent extent;
	lsn len;
	bool success = open_extent_measure(&extent, &pass->input, pass->start,
		segment_size(pass), checker->buffer, error);

	segment_input_close(&pass->input);
	if (!success && !take_read_fault(pass, error))
		return false;
	*used = extent.used < pass->end ? extent.used : pass->end;
	len = extent.bytes - pass->start;
	if (success && len != 0 &&
		(len > segment_size(pass) ||
			(name.codec == CODEC_NONE &&
				len != segment_size(pass)))) {
		pass->fault_at = extent.bytes;
		error_set(&pass->fault, ERR_DAMAGED,
			"it is of a wrong size: %" PRIu64
			" bytes, a segment has %" PRIu32,
			len, segment_size(pass));
	}
	return segment_input_open(&pass->input, checker->directory, &name,
		segment_size(pass), error);
}

static bool
read_segment(struct pass *pass, struct error *error)
{
	struct open_end open;
	lsn used;

	if (pass->input.name.kind == NAME_SEGMENT)
		return read_complete(pass, error);
	if (!measure_open(pass, &used, error))
		return false;
	/* It may have been completed meanwhile. */
	if (pass->input.name.kind == NAME_SEGMENT)
		return read_complete(pass, error);
	if (!read_open(pass, used, error))
		return false;
	/* WAL behind damage is not missing as well; padding is but zeros. */
	open = (struct open_end){
		.name = pass->input.name,
		.at = pass->fault.code == ERR_NONE
			? lsn_align(record_verifier_boundary(&pass->verifier))
			: pass->end,
	};
	if (pass->verifier.position == pass->end)
		open.at = pass->end;
	return tally_add_open(pass->checker->tally, &open, error);
}

static bool
report_fault(const struct pass *pass, struct error *error)
{
	struct finding finding = {
		.kind = pass->fault.code == ERR_DIVERGED ? FINDING_CLUSTER
							 : FINDING_DAMAGE,
		.timeline = pass->timeline->timeline,
		.at = pass->fault_at,
	};

	archive_name_format(
		finding.file, &pass->input.name, segment_size(pass));
	return findings_add(pass->checker->tally->findings, &finding, error,
		"%s", pass->fault.message);
}

/* Judge what was read. */
static bool
conclude(struct pass *pass, struct error *error)
{
	const struct record_verifier *verifier = &pass->verifier;
	struct tally_segment segment = {
		verifier->records, verifier->state == VERIFIER_OFF};

	if (is_stopped(pass))
		return true;
	tally_add(pass->checker->tally, &segment);
	if (pass->fault.code != ERR_NONE)
		return report_fault(pass, error);
	if (verifier->position < pass->end)
		return true;
	return crossing_check(
		pass->checker, verifier, &pass->input.name, error);
}

/* Can there be such a segment at all? */
static void
check_name(struct pass *pass)
{
	uint64_t first = succession_first(pass->timeline, segment_size(pass));

	if (pass->start / segment_size(pass) >= first)
		return;
	pass->fault_at = pass->start;
	error_set(&pass->fault, ERR_DAMAGED,
		"timeline %" PRIu32 " begins at " LSN_FORMAT
		", behind this segment",
		pass->timeline->timeline, LSN_ARGS(first * segment_size(pass)));
}

static bool
cannot_open(struct pass *pass, const struct archive_name *name,
	const struct error *fault, struct error *error)
{
	if (fault->code == ERR_NOT_FOUND) {
		tally_add_vanished(pass->checker->tally);
		return true;
	}
	pass->input.name = *name;
	if (!take_read_fault(pass, fault)) {
		*error = *fault;
		return false;
	}
	return conclude(pass, error);
}

bool
segment_check(const struct checker *checker, const struct inventory_file *file,
	struct error *error)
{
	const struct inventory *inventory = checker->inventory;
	uint32_t size = inventory->identity.segment_size;
	struct pass pass = {
		.checker = checker,
		.timeline = inventory_find(inventory, file->name.timeline),
		.start = file->name.number * size,
		.end = (file->name.number + 1) * size,
		.at = file->name.number * size,
	};
	struct error fault;
	bool success;

	assert(pass.timeline != NULL);
	record_verifier_init(&pass.verifier, &inventory->identity);
	record_verifier_start(
		&pass.verifier, file->name.timeline, pass.start, LSN_NONE);
	check_name(&pass);
	if (!segment_input_open(
		    &pass.input, checker->directory, &file->name, size, &fault))
		return cannot_open(&pass, &file->name, &fault, error);
	success = read_segment(&pass, &fault);
	segment_input_close(&pass.input);
	if (!success)
		return cannot_open(&pass, &file->name, &fault, error);
	return conclude(&pass, error);
}
