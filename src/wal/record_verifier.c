#include "wal/record_verifier.h"

#include "base/byteorder.h"
#include "wal/crc32c.h"

#include <inttypes.h>
#include <string.h>

/* Page header: offsets and flags. */
#define PAGE_MAGIC 0
#define PAGE_INFO 2
#define PAGE_TIMELINE 4
#define PAGE_ADDRESS 8
#define PAGE_REM_LEN 16
#define PAGE_SYSTEM_IDENTIFIER 24
#define PAGE_SEGMENT_SIZE 32
#define PAGE_BLOCK_SIZE 36

#define PAGE_CONTRECORD 0x0001
#define PAGE_LONG_HEADER 0x0002

/*
 * Up to version 18, 0x0004 (backup blocks can be removed) is set on almost
 * every page and an overwritten contrecord is 0x0008; version 19 has dropped
 * the former and uses its bit for the latter.
 */
#define PAGE_OVERWRITE_CONTRECORD 0x0004
#define PAGE_ALL_FLAGS 0x0007
#define PAGE_OVERWRITE_CONTRECORD_18 0x0008
#define PAGE_ALL_FLAGS_18 0x000F

/* Record header: offsets. */
#define RECORD_TOTAL_LEN 0
#define RECORD_PREVIOUS 8
#define RECORD_INFO 16
#define RECORD_RMID 17
#define RECORD_PADDING 18
#define RECORD_CRC 20

#define TOTAL_LEN_SIZE 4

/*
 * Servers from 16 on stop at 1020 MiB; older ones at what one allocation
 * holds, which is a byte less than this.
 */
#define RECORD_LEN_LIMIT (UINT32_C(1) << 30)

#define RMID_XLOG 0
#define RMID_CUSTOM_MIN 128
#define XLOG_SWITCH 0x40
#define XLOG_OPCODE_MASK 0xF0

/* WAL never gets here; below it no sum of a position and a page can wrap. */
#define POSITION_LIMIT (LSN_MAX - LSN_MAX % WAL_PAGE_SIZE)

/* What is left of the bytes being fed. */
struct span {
	const unsigned char *next;
	size_t len;
};

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t
page_room(lsn at)
{
	return WAL_PAGE_SIZE - lsn_page_offset(at);
}

int
wal_magic_version(uint16_t magic)
{
	switch (magic) {
	case 0xD097:
		return 10;
	case 0xD098:
		return 11;
	case 0xD101:
		return 12;
	case 0xD106:
		return 13;
	case 0xD10D:
		return 14;
	case 0xD110:
		return 15;
	case 0xD113:
		return 16;
	case 0xD116:
		return 17;
	case 0xD118:
		return 18;
	case 0xD122:
		return 19;
	default:
		return 0;
	}
}

static const char *
rmgr_name(uint8_t rmid)
{
	static const char *const names[] = {"XLOG", "Transaction", "Storage",
		"CLOG", "Database", "Tablespace", "MultiXact", "RelMap",
		"Standby", "Heap2", "Heap", "Btree", "Hash", "Gin", "Gist",
		"Sequence", "SPGist", "BRIN", "CommitTs", "ReplicationOrigin",
		"Generic", "LogicalMessage"};

	if (rmid < sizeof(names) / sizeof(names[0]))
		return names[rmid];
	return rmid >= RMID_CUSTOM_MIN ? "custom" : "unknown";
}

void
record_verifier_init(
	struct record_verifier *verifier, const struct wal_identity *identity)
{
	memset(verifier, 0, sizeof(*verifier));
	verifier->identity = *identity;
	record_verifier_start(verifier, 0, LSN_NONE, LSN_NONE);
}

/*
 * Nothing of a record stays behind once it is done with: the struct depends on
 * the position alone, not on the pieces that the bytes came in.
 */
static void
forget_record(struct record_verifier *verifier)
{
	memset(verifier->header, 0, sizeof(verifier->header));
	verifier->record_start = LSN_NONE;
	verifier->remaining = 0;
	verifier->crc = CRC32C_INIT;
	verifier->filled = 0;
}

void
record_verifier_start(struct record_verifier *verifier, uint32_t timeline,
	lsn at, lsn previous)
{
	bool page_start = lsn_page_offset(at) == 0;

	forget_record(verifier);
	memset(verifier->page_header, 0, sizeof(verifier->page_header));
	verifier->timeline = timeline;
	verifier->position = at;
	verifier->boundary = at;
	verifier->previous = previous;
	verifier->page_timeline = 0;
	verifier->chain_broken = false;
	verifier->records = 0;

	/*
	 * Only a page header tells that the format is unknown, and the next one
	 * may be a while away.
	 */
	if (verifier->state == VERIFIER_OFF && !page_start)
		return;
	verifier->magic = 0;
	verifier->state =
		page_start ? VERIFIER_PAGE_HEADER : VERIFIER_RECORD_START;
	verifier->after_header = page_start && previous == LSN_NONE
		? VERIFIER_UNSEEN_TAIL
		: VERIFIER_RECORD_START;
}

void
record_verifier_follow(struct record_verifier *verifier, uint32_t timeline)
{
	verifier->timeline = timeline;
}

lsn
record_verifier_boundary(const struct record_verifier *verifier)
{
	/* The padding of the last record may still be on its way. */
	if (verifier->state == VERIFIER_OFF ||
		verifier->position < verifier->boundary)
		return verifier->position;
	return verifier->boundary;
}

lsn
record_verifier_previous(const struct record_verifier *verifier)
{
	return verifier->previous;
}

/* Step over n bytes, at most to the end of the page. */
static void
advance(struct record_verifier *verifier, struct span *span, size_t n)
{
	span->next += n;
	span->len -= n;
	verifier->position += n;
	if (lsn_page_offset(verifier->position) == 0) {
		verifier->after_header = verifier->state;
		verifier->state = VERIFIER_PAGE_HEADER;
	}
}

static bool
flags_of_18(const struct record_verifier *verifier)
{
	return wal_magic_version(verifier->magic) <= 18;
}

static bool
is_overwrite_contrecord(const struct record_verifier *verifier)
{
	unsigned int flag = flags_of_18(verifier) ? PAGE_OVERWRITE_CONTRECORD_18
						  : PAGE_OVERWRITE_CONTRECORD;

	return (get_le16(verifier->page_header + PAGE_INFO) & flag) != 0;
}

static size_t
page_header_len(const struct record_verifier *verifier, lsn page)
{
	if (lsn_segment_offset(page, verifier->identity.segment_size) == 0)
		return WAL_LONG_HEADER_LEN;
	return WAL_PAGE_HEADER_LEN;
}

static bool
all_zero(const unsigned char *bytes, size_t len)
{
	return len == 0 ||
		(bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* Set *known to false if the magic is one of a version we do not know. */
static bool
check_magic(struct record_verifier *verifier, lsn page, bool *known,
	struct error *error)
{
	uint16_t magic = get_le16(verifier->page_header + PAGE_MAGIC);

	*known = wal_magic_version(magic) != 0;
	if (verifier->magic != 0 && magic != verifier->magic)
		return error_set(error, ERR_DAMAGED,
			"invalid magic number %04X in WAL page at " LSN_FORMAT
			", expected %04X",
			magic, LSN_ARGS(page), verifier->magic);
	if (magic == 0)
		return error_set(error, ERR_DAMAGED,
			"invalid magic number 0000 in WAL page at " LSN_FORMAT,
			LSN_ARGS(page));
	verifier->magic = magic;
	return true;
}

static bool
check_page_address(
	const struct record_verifier *verifier, lsn page, struct error *error)
{
	const unsigned char *header = verifier->page_header;
	lsn address = get_le64(header + PAGE_ADDRESS);
	uint32_t timeline = get_le32(header + PAGE_TIMELINE);

	if (address != page)
		return error_set(error, ERR_DAMAGED,
			"unexpected page address " LSN_FORMAT
			" in WAL page at " LSN_FORMAT,
			LSN_ARGS(address), LSN_ARGS(page));
	if (timeline == 0 || timeline > verifier->timeline)
		return error_set(error, ERR_DAMAGED,
			"unexpected timeline %" PRIu32
			" in WAL page at " LSN_FORMAT
			", which is read on timeline %" PRIu32,
			timeline, LSN_ARGS(page), verifier->timeline);
	if (timeline < verifier->page_timeline)
		return error_set(error, ERR_DAMAGED,
			"out-of-sequence timeline %" PRIu32 " (after %" PRIu32
			") in WAL page at " LSN_FORMAT,
			timeline, verifier->page_timeline, LSN_ARGS(page));
	return true;
}

static bool
check_long_header(
	const struct record_verifier *verifier, lsn page, struct error *error)
{
	const unsigned char *header = verifier->page_header;
	const struct wal_identity *identity = &verifier->identity;
	uint64_t system_identifier = get_le64(header + PAGE_SYSTEM_IDENTIFIER);
	uint32_t segment_size = get_le32(header + PAGE_SEGMENT_SIZE);
	uint32_t block_size = get_le32(header + PAGE_BLOCK_SIZE);

	if (identity->system_identifier != 0 &&
		identity->system_identifier != system_identifier)
		return error_set(error, ERR_DAMAGED,
			"WAL page at " LSN_FORMAT
			" is from another cluster: system identifier %" PRIu64
			", expected %" PRIu64,
			LSN_ARGS(page), system_identifier,
			identity->system_identifier);
	if (segment_size != identity->segment_size)
		return error_set(error, ERR_DAMAGED,
			"unexpected segment size %" PRIu32
			" in WAL page at " LSN_FORMAT ", expected %" PRIu32,
			segment_size, LSN_ARGS(page), identity->segment_size);
	if (block_size != WAL_PAGE_SIZE)
		return error_set(error, ERR_DAMAGED,
			"unexpected WAL block size %" PRIu32
			" in WAL page at " LSN_FORMAT ", expected %u",
			block_size, LSN_ARGS(page), WAL_PAGE_SIZE);
	return true;
}

static bool
check_page_flags(
	const struct record_verifier *verifier, lsn page, struct error *error)
{
	uint16_t info = get_le16(verifier->page_header + PAGE_INFO);
	uint32_t rem_len = get_le32(verifier->page_header + PAGE_REM_LEN);
	bool long_header = (info & PAGE_LONG_HEADER) != 0;
	bool continued = (info & PAGE_CONTRECORD) != 0;
	unsigned int allowed =
		flags_of_18(verifier) ? PAGE_ALL_FLAGS_18 : PAGE_ALL_FLAGS;

	if ((info & ~allowed) != 0 ||
		(continued && is_overwrite_contrecord(verifier)) ||
		long_header !=
			(page_header_len(verifier, page) ==
				WAL_LONG_HEADER_LEN))
		return error_set(error, ERR_DAMAGED,
			"invalid info bits %04X in WAL page at " LSN_FORMAT,
			info, LSN_ARGS(page));
	if (continued != (rem_len != 0) || rem_len >= RECORD_LEN_LIMIT)
		return error_set(error, ERR_DAMAGED,
			"invalid contrecord length %" PRIu32
			" in WAL page at " LSN_FORMAT,
			rem_len, LSN_ARGS(page));
	return true;
}

/*
 * Does the page go on where the one before it ended? In UNSEEN_TAIL with
 * nothing remaining, none was seen, and whatever comes is right.
 */
static bool
check_continuation(
	struct record_verifier *verifier, lsn page, struct error *error)
{
	uint32_t rem_len = get_le32(verifier->page_header + PAGE_REM_LEN);

	if (verifier->after_header == VERIFIER_UNSEEN_TAIL &&
		verifier->remaining == 0)
		verifier->remaining = rem_len;
	if (rem_len == verifier->remaining)
		return true;
	verifier->chain_broken = true;
	if (verifier->remaining == 0)
		return error_set(error, ERR_DAMAGED,
			"unexpected contrecord of %" PRIu32
			" bytes in WAL page at " LSN_FORMAT
			": no record is unfinished",
			rem_len, LSN_ARGS(page));
	if (rem_len == 0)
		return error_set(error, ERR_DAMAGED,
			"there is no contrecord flag in WAL page at " LSN_FORMAT
			": %" PRIu32 " bytes of a record are missing",
			LSN_ARGS(page), verifier->remaining);
	return error_set(error, ERR_DAMAGED,
		"invalid contrecord length %" PRIu32
		" in WAL page at " LSN_FORMAT ", expected %" PRIu32,
		rem_len, LSN_ARGS(page), verifier->remaining);
}

/*
 * A leader that crashed while it filled a segment up after a switch leaves in
 * it what the recycled file held before, and nobody ever reads that.
 */
static bool
is_recycled_page(const struct record_verifier *verifier, lsn page)
{
	const unsigned char *header = verifier->page_header;
	lsn address = get_le64(header + PAGE_ADDRESS);

	return verifier->after_header == VERIFIER_AFTER_SWITCH &&
		wal_magic_version(get_le16(header + PAGE_MAGIC)) != 0 &&
		address < page &&
		lsn_segment_offset(
			page - address, verifier->identity.segment_size) == 0;
}

static bool
finish_page_header(
	struct record_verifier *verifier, lsn page, struct error *error)
{
	const unsigned char *header = verifier->page_header;
	bool known;

	/* From version 11 on the pages after a switch are zeros throughout. */
	if (verifier->after_header == VERIFIER_AFTER_SWITCH &&
		(all_zero(header, WAL_PAGE_HEADER_LEN) ||
			is_recycled_page(verifier, page)))
		return true;

	if (!check_magic(verifier, page, &known, error))
		return false;
	if (!known) {
		verifier->after_header = VERIFIER_OFF;
		return true;
	}
	if (!check_page_flags(verifier, page, error) ||
		!check_page_address(verifier, page, error) ||
		(page_header_len(verifier, page) == WAL_LONG_HEADER_LEN &&
			!check_long_header(verifier, page, error)))
		return false;
	verifier->page_timeline = get_le32(header + PAGE_TIMELINE);

	if (is_overwrite_contrecord(verifier) &&
		verifier->after_header != VERIFIER_AFTER_SWITCH) {
		/* The next record's xl_prev passes over the one given up. */
		forget_record(verifier);
		verifier->after_header = VERIFIER_RECORD_START;
		return true;
	}
	if (!check_continuation(verifier, page, error))
		return false;
	if (verifier->after_header == VERIFIER_UNSEEN_TAIL &&
		verifier->remaining == 0)
		verifier->after_header = VERIFIER_RECORD_START;
	return true;
}

static bool
take_page_header(struct record_verifier *verifier, struct span *span,
	struct error *error)
{
	uint32_t filled = lsn_page_offset(verifier->position);
	lsn page = verifier->position - filled;
	size_t len = page_header_len(verifier, page);
	size_t n = min_size(span->len, len - filled);

	memcpy(verifier->page_header + filled, span->next, n);
	if (filled == 0)
		memset(verifier->page_header + n, 0, WAL_LONG_HEADER_LEN - n);
	if (filled + n == len) {
		if (!finish_page_header(verifier, page, error))
			return false;
		verifier->state = verifier->after_header;
	}
	advance(verifier, span, n);
	return true;
}

/*
 * Records begin at multiples of eight: is the unseen tail one that may be the
 * end of a record's header, at the start of a segment? Its bytes are kept.
 */
static bool
is_end_of_header(const struct record_verifier *verifier)
{
	uint32_t len = get_le32(verifier->page_header + PAGE_REM_LEN);
	lsn page = verifier->position - lsn_page_offset(verifier->position);

	return len < WAL_RECORD_HEADER_LEN && len == lsn_align(len) &&
		lsn_segment_offset(page, verifier->identity.segment_size) == 0;
}

static inline bool
is_switch(const unsigned char *header)
{
	return header[RECORD_RMID] == RMID_XLOG &&
		(header[RECORD_INFO] & XLOG_OPCODE_MASK) == XLOG_SWITCH;
}

/*
 * A switch that begins at the end of a segment uses up the one that its rest
 * lies in, where zeros follow. They end the WAL behind any other record.
 */
static void
pass_unseen_tail(struct record_verifier *verifier, lsn end)
{
	uint32_t len = get_le32(verifier->page_header + PAGE_REM_LEN);
	lsn head = lsn_segment_start(end, verifier->identity.segment_size) -
		WAL_RECORD_HEADER_LEN + len;

	if (is_end_of_header(verifier) &&
		verifier->filled >= WAL_RECORD_HEADER_LEN - RECORD_INFO &&
		is_switch(verifier->header) &&
		get_le16(verifier->header + RECORD_PADDING) == 0) {
		forget_record(verifier);
		verifier->record_start = head;
		verifier->state = VERIFIER_UNSEEN_SWITCH;
		return;
	}
	forget_record(verifier);
	verifier->state = VERIFIER_RECORD_START;
	verifier->boundary = lsn_align(end);
}

static void
take_unseen_tail(struct record_verifier *verifier, struct span *span)
{
	size_t n = min_size(span->len,
		min_size(page_room(verifier->position), verifier->remaining));

	if (is_end_of_header(verifier)) {
		memcpy(verifier->header + WAL_RECORD_HEADER_LEN -
				verifier->remaining,
			span->next, n);
		verifier->filled += (uint32_t)n;
	}
	verifier->remaining -= (uint32_t)n;
	if (verifier->remaining == 0)
		pass_unseen_tail(verifier, verifier->position + n);
	advance(verifier, span, n);
}

/* The first byte of a length that is not zero makes it a record after all. */
static void
take_unseen_switch(struct record_verifier *verifier, struct span *span)
{
	if (*span->next != 0) {
		uint32_t filled = verifier->filled;

		forget_record(verifier);
		verifier->boundary = verifier->position - filled;
		verifier->record_start = verifier->boundary;
		verifier->filled = filled;
		verifier->state = VERIFIER_RECORD_HEADER;
		return;
	}
	if (++verifier->filled == TOTAL_LEN_SIZE) {
		verifier->filled = 0;
		verifier->state = VERIFIER_AFTER_SWITCH;
	}
	advance(verifier, span, 1);
}

static bool
check_total_len(struct record_verifier *verifier, uint32_t total_len,
	struct error *error)
{
	lsn at = verifier->record_start;

	if (total_len >= WAL_RECORD_HEADER_LEN && total_len < RECORD_LEN_LIMIT)
		return true;
	verifier->chain_broken = true;
	if (total_len == 0)
		return error_set(error, ERR_DAMAGED,
			"no record at " LSN_FORMAT ": the valid WAL ends there",
			LSN_ARGS(at));
	return error_set(error, ERR_DAMAGED,
		"invalid record length %" PRIu32 " at " LSN_FORMAT, total_len,
		LSN_ARGS(at));
}

static bool
record_header_error(const struct record_verifier *verifier,
	const unsigned char *header, lsn at, struct error *error)
{
	const char *name = rmgr_name(header[RECORD_RMID]);
	lsn previous = get_le64(header + RECORD_PREVIOUS);

	if (get_le16(header + RECORD_PADDING) != 0)
		return error_set(error, ERR_DAMAGED,
			"invalid record header at " LSN_FORMAT
			": %s (info 0x%02X), padding is not zero",
			LSN_ARGS(at), name, header[RECORD_INFO]);
	if (verifier->previous == LSN_NONE)
		return error_set(error, ERR_DAMAGED,
			"incorrect prev-link " LSN_FORMAT
			" in record at " LSN_FORMAT ": %s (info 0x%02X)",
			LSN_ARGS(previous), LSN_ARGS(at), name,
			header[RECORD_INFO]);
	return error_set(error, ERR_DAMAGED,
		"incorrect prev-link " LSN_FORMAT " in record at " LSN_FORMAT
		": %s (info 0x%02X), expected " LSN_FORMAT,
		LSN_ARGS(previous), LSN_ARGS(at), name, header[RECORD_INFO],
		LSN_ARGS(verifier->previous));
}

static inline bool
check_record_header(struct record_verifier *verifier,
	const unsigned char *header, lsn at, struct error *error)
{
	lsn previous = get_le64(header + RECORD_PREVIOUS);
	bool linked = verifier->previous != LSN_NONE
		? previous == verifier->previous
		: previous < at;

	if (linked && get_le16(header + RECORD_PADDING) == 0)
		return true;
	verifier->chain_broken = true;
	return record_header_error(verifier, header, at, error);
}

/* body_crc is the state over the bytes that follow the header. */
static inline bool
check_record_crc(const unsigned char *header, uint32_t body_crc, lsn at,
	struct error *error)
{
	uint32_t expected = get_le32(header + RECORD_CRC);
	uint32_t found =
		crc32c_finish(crc32c_update(body_crc, header, RECORD_CRC));

	if (found == expected)
		return true;
	return error_set(error, ERR_DAMAGED,
		"invalid record checksum at " LSN_FORMAT
		": %s (info 0x%02X), expected CRC %08" PRIX32
		", found %08" PRIX32,
		LSN_ARGS(at), rmgr_name(header[RECORD_RMID]),
		header[RECORD_INFO], expected, found);
}

/*
 * The record from at to end has passed. A switch record goes on to the end of
 * its segment: up to there a restart has to begin with it, for zeros alone
 * would look like the end of the WAL.
 */
static inline void
pass_record(struct record_verifier *verifier, bool is_switch_record, lsn at,
	lsn end)
{
	lsn next = lsn_align(end);

	verifier->records++;
	if (is_switch_record &&
		lsn_segment_offset(next, verifier->identity.segment_size) !=
			0) {
		forget_record(verifier);
		verifier->record_start = at;
		verifier->state = VERIFIER_AFTER_SWITCH;
		return;
	}
	verifier->previous = at;
	verifier->boundary = next;
	verifier->state = VERIFIER_RECORD_START;
}

/*
 * The usual case, short: records that lie whole in the span and in the page.
 * Stops in front of one that does not, or at the end of the page.
 */
static bool
take_whole_records(struct record_verifier *verifier, struct span *span,
	struct error *error)
{
	while (verifier->state == VERIFIER_RECORD_START) {
		const unsigned char *header = span->next;
		lsn at = verifier->position;
		size_t room = min_size(span->len, page_room(at));
		uint32_t total_len;
		uint32_t crc;

		if (room < WAL_RECORD_HEADER_LEN)
			return true;
		total_len = get_le32(header + RECORD_TOTAL_LEN);
		if (total_len < WAL_RECORD_HEADER_LEN || total_len > room)
			return true;
		if (!check_record_header(verifier, header, at, error))
			return false;
		crc = crc32c_update(CRC32C_INIT, header + WAL_RECORD_HEADER_LEN,
			total_len - WAL_RECORD_HEADER_LEN);
		if (!check_record_crc(header, crc, at, error))
			return false;
		pass_record(verifier, is_switch(header), at, at + total_len);
		advance(verifier, span,
			min_size(span->len, (total_len + 7) & ~(size_t)7));
	}
	return true;
}

static bool
take_record_start(struct record_verifier *verifier, struct span *span,
	struct error *error)
{
	lsn next = lsn_align(verifier->position);
	size_t padding = (size_t)(next - verifier->position);

	if (padding > 0) {
		verifier->boundary = next;
		advance(verifier, span, min_size(span->len, padding));
		return true;
	}
	if (!take_whole_records(verifier, span, error))
		return false;
	if (verifier->state == VERIFIER_RECORD_START && span->len > 0) {
		verifier->record_start = verifier->position;
		verifier->state = VERIFIER_RECORD_HEADER;
	}
	return true;
}

/* All bytes of the record in work are here, the last one just before end. */
static bool
finish_record(struct record_verifier *verifier, lsn end, struct error *error)
{
	lsn at = verifier->record_start;
	bool is_switch_record = is_switch(verifier->header);

	if (!check_record_crc(verifier->header, verifier->crc, at, error))
		return false;
	forget_record(verifier);
	pass_record(verifier, is_switch_record, at, end);
	return true;
}

static bool
take_record_header(struct record_verifier *verifier, struct span *span,
	struct error *error)
{
	size_t n = min_size(min_size(span->len, page_room(verifier->position)),
		WAL_RECORD_HEADER_LEN - verifier->filled);

	memcpy(verifier->header + verifier->filled, span->next, n);
	verifier->filled += (uint32_t)n;
	if (verifier->filled >= TOTAL_LEN_SIZE) {
		uint32_t total_len =
			get_le32(verifier->header + RECORD_TOTAL_LEN);

		if (!check_total_len(verifier, total_len, error))
			return false;
		verifier->remaining = total_len - verifier->filled;
	}
	if (verifier->filled == WAL_RECORD_HEADER_LEN) {
		if (!check_record_header(verifier, verifier->header,
			    verifier->record_start, error))
			return false;
		verifier->state = VERIFIER_RECORD_BODY;
		if (verifier->remaining == 0 &&
			!finish_record(verifier, verifier->position + n, error))
			return false;
	}
	advance(verifier, span, n);
	return true;
}

static bool
take_record_body(struct record_verifier *verifier, struct span *span,
	struct error *error)
{
	size_t n = min_size(span->len,
		min_size(page_room(verifier->position), verifier->remaining));

	verifier->crc = crc32c_update(verifier->crc, span->next, n);
	verifier->remaining -= (uint32_t)n;
	if (verifier->remaining == 0 &&
		!finish_record(verifier, verifier->position + n, error))
		return false;
	advance(verifier, span, n);
	return true;
}

static bool
take_after_switch(struct record_verifier *verifier, struct span *span,
	struct error *error)
{
	lsn at = verifier->position;
	lsn page = at - lsn_page_offset(at);
	size_t n = min_size(span->len, page_room(at));

	if (!is_recycled_page(verifier, page) && !all_zero(span->next, n))
		return error_set(error, ERR_DAMAGED,
			"WAL page at " LSN_FORMAT
			" is not zero after the segment switch at " LSN_FORMAT,
			LSN_ARGS(page), LSN_ARGS(verifier->record_start));
	if (lsn_segment_offset(at + n, verifier->identity.segment_size) == 0) {
		verifier->previous = verifier->record_start;
		verifier->boundary = at + n;
		verifier->state = VERIFIER_RECORD_START;
		forget_record(verifier);
	}
	advance(verifier, span, n);
	return true;
}

static bool
take_some(struct record_verifier *verifier, struct span *span,
	struct error *error)
{
	switch (verifier->state) {
	case VERIFIER_PAGE_HEADER:
		return take_page_header(verifier, span, error);
	case VERIFIER_UNSEEN_TAIL:
		take_unseen_tail(verifier, span);
		return true;
	case VERIFIER_UNSEEN_SWITCH:
		take_unseen_switch(verifier, span);
		return true;
	case VERIFIER_RECORD_START:
		return take_record_start(verifier, span, error);
	case VERIFIER_RECORD_HEADER:
		return take_record_header(verifier, span, error);
	case VERIFIER_RECORD_BODY:
		return take_record_body(verifier, span, error);
	case VERIFIER_AFTER_SWITCH:
		return take_after_switch(verifier, span, error);
	case VERIFIER_OFF:
		verifier->position += span->len;
		span->len = 0;
		return true;
	}
	return true;
}

bool
record_verifier_feed(struct record_verifier *verifier, const void *data,
	size_t len, struct error *error)
{
	struct span span = {data, len};

	if (len > 0 &&
		(verifier->position >= POSITION_LIMIT ||
			len > POSITION_LIMIT - verifier->position))
		return error_set(error, ERR_DAMAGED,
			"WAL position " LSN_FORMAT " is out of range",
			LSN_ARGS(verifier->position));
	while (span.len > 0) {
		if (!take_some(verifier, &span, error))
			return false;
	}
	return true;
}
