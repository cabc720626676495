/*
 * WAL from the start of a page on, after a byte of flags. Whatever comes: in
 * pieces of any length it fares as it does whole, and a verifier that begins
 * anew at a boundary accepts what the first one did.
 */
#include "fuzz.h"

#include "base/byteorder.h"
#include "wal/record_verifier.h"

#define FLAG_AS_IS 1u	 /* leave the checksums alone */
#define FLAG_PREVIOUS 2u /* the record before is known */

#define CRC_OFFSET 20
#define MENDED_MAX 64

struct wal {
	unsigned char *bytes;
	size_t len;
	lsn at;
	lsn previous;
	uint32_t timeline;
	struct wal_identity identity;
};

struct outcome {
	struct record_verifier verifier;
	struct error error;
	bool passed;
};

/* Believe the first page's header, so that most of it is right. */
static void
begin(struct wal *wal, unsigned flags)
{
	bool has_header = wal->len >= WAL_LONG_HEADER_LEN;
	uint64_t size = 0;

	wal->at = LSN_NONE;
	wal->timeline = 1;
	if (has_header) {
		wal->timeline = get_le32(wal->bytes + 4);
		wal->at = get_le64(wal->bytes + 8) & ~(lsn)(WAL_PAGE_SIZE - 1);
		wal->identity.system_identifier = get_le64(wal->bytes + 24);
		size = get_le32(wal->bytes + 32);
	}
	wal->identity.segment_size = wal_segment_size_valid(size)
		? (uint32_t)size
		: WAL_SEGMENT_SIZE_MIN;
	if (lsn_segment_offset(wal->at, wal->identity.segment_size) != 0)
		wal->identity.system_identifier = 0;
	wal->previous = LSN_NONE;
	if ((flags & FLAG_PREVIOUS) != 0 && wal->at > 0)
		wal->previous = wal->at - 8;
}

static void
feed(const struct wal *wal, struct outcome *outcome, size_t len)
{
	record_verifier_init(&outcome->verifier, &wal->identity);
	record_verifier_start(
		&outcome->verifier, wal->timeline, wal->at, wal->previous);
	outcome->passed = record_verifier_feed(
		&outcome->verifier, wal->bytes, len, &outcome->error);
}

/* The byte of a record, headers of pages not counted. */
static size_t
record_byte(const struct wal *wal, lsn record, unsigned index)
{
	lsn at = record;

	for (;;) {
		if (lsn_page_offset(at) == 0)
			at += lsn_segment_offset(
				      at, wal->identity.segment_size) == 0
				? WAL_LONG_HEADER_LEN
				: WAL_PAGE_HEADER_LEN;
		if (index-- == 0)
			return (size_t)(at - wal->at);
		at++;
	}
}

/* A change seldom leaves a checksum right, and then nothing else is tried. */
static bool
mend_checksum(struct wal *wal, const struct error *error)
{
	const char *found = strrchr(error->message, ' ');
	unsigned high;
	unsigned low;
	uint32_t crc;

	if (sscanf(error->message, "invalid record checksum at %X/%X:", &high,
		    &low) != 2 ||
		found == NULL)
		return false;
	crc = (uint32_t)strtoul(found, NULL, 16);
	for (unsigned i = 0; i < 4; i++) {
		size_t at =
			record_byte(wal, (lsn)high << 32 | low, CRC_OFFSET + i);

		fuzz_expect(at < wal->len);
		wal->bytes[at] = (unsigned char)(crc >> 8 * i);
	}
	return true;
}

static void
check_outcome(const struct wal *wal, const struct outcome *outcome)
{
	const struct record_verifier *verifier = &outcome->verifier;

	if (!outcome->passed) {
		fuzz_expect_error(&outcome->error);
		fuzz_expect(outcome->error.code == ERR_DAMAGED);
	} else
		fuzz_expect(verifier->position == wal->at + wal->len);
	fuzz_expect(record_verifier_boundary(verifier) >= wal->at);
	fuzz_expect(record_verifier_boundary(verifier) <= verifier->position);
	fuzz_expect(verifier->position - wal->at <= wal->len);
}

static void
check_pieces(const struct wal *wal, const struct outcome *whole)
{
	struct fuzz_input input = {wal->bytes, wal->len};
	uint32_t state = 1;
	struct outcome pieces;
	const uint8_t *piece;

	feed(wal, &pieces, 0);
	while (pieces.passed && input.left > 0) {
		size_t len = fuzz_piece(&input, &state, &piece);

		pieces.passed = record_verifier_feed(
			&pieces.verifier, piece, len, &pieces.error);
	}
	fuzz_expect(pieces.passed == whole->passed);
	fuzz_expect(record_verifier_boundary(&pieces.verifier) ==
		record_verifier_boundary(&whole->verifier));
	fuzz_expect(record_verifier_previous(&pieces.verifier) ==
		record_verifier_previous(&whole->verifier));
	fuzz_expect(pieces.verifier.records == whole->verifier.records);
	if (whole->passed)
		fuzz_expect(pieces.verifier.state == whole->verifier.state);
	else
		fuzz_expect(strcmp(pieces.error.message,
				    whole->error.message) == 0);
}

static void
check_restart(const struct wal *wal, size_t len)
{
	struct outcome outcome;
	lsn boundary;
	size_t done;

	feed(wal, &outcome, len);
	boundary = record_verifier_boundary(&outcome.verifier);
	done = (size_t)(boundary - wal->at);
	record_verifier_start(&outcome.verifier, wal->timeline, boundary,
		record_verifier_previous(&outcome.verifier));
	if (!record_verifier_feed(&outcome.verifier, wal->bytes + done,
		    wal->len - done, &outcome.error)) {
		(void)fprintf(stderr, "from " LSN_FORMAT ": %s\n",
			LSN_ARGS(boundary), outcome.error.message);
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	unsigned flags = fuzz_byte(&input);
	struct wal wal = {.bytes = (unsigned char *)fuzz_string(&input),
		.len = input.left};
	struct outcome whole;

	begin(&wal, flags);
	feed(&wal, &whole, wal.len);
	for (int i = 0; i < MENDED_MAX && !whole.passed &&
		(flags & FLAG_AS_IS) == 0 && mend_checksum(&wal, &whole.error);
		i++)
		feed(&wal, &whole, wal.len);
	check_outcome(&wal, &whole);
	/* Pieces go on up to the last position that there is. */
	if (whole.passed || strstr(whole.error.message, "range") == NULL)
		check_pieces(&wal, &whole);
	/* One that is off looks at the magic of the page that it starts at. */
	if (whole.passed && wal.len > 0 && whole.verifier.state != VERIFIER_OFF)
		for (size_t i = 0; i < 4; i++)
			check_restart(&wal, wal.len * (2 * i + 1) / 8);
	free(wal.bytes);
	return 0;
}
