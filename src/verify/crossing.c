#include "verify/crossing.h"

#include "verify/open_extent.h"
#include "verify/read_fault.h"
#include "verify/succession.h"

/* Most records end within the next segment's first pages. */
#define CROSSING_PIECE ((size_t)32 << 10)

struct crossing {
	const struct checker *checker;
	const struct archive_name *name; /* of the segment that is carried on */
	lsn border;			 /* its end */
};

/* The next segment, read by one who knows what came before and one who not. */
struct joint {
	struct record_verifier joined;
	struct record_verifier fresh;
	struct segment_input input;
	lsn limit; /* read no further */
	lsn at;
	bool failed; /* the WAL does not go on as it should */
	bool over;   /* nothing more is to be learned here */
	struct error fault;
};

static bool carry_on(const struct crossing *crossing,
	const struct record_verifier *before, uint32_t timeline,
	struct error *error);

static uint32_t
segment_size(const struct crossing *crossing)
{
	return crossing->checker->inventory->identity.segment_size;
}

/* Is there anything that the next segment has to fit? */
static bool
has_something(const struct record_verifier *verifier)
{
	return verifier->state != VERIFIER_OFF &&
		(verifier->previous != LSN_NONE ||
			verifier->record_start != LSN_NONE);
}

/* Has the first record that begins behind the border shown its link? */
static bool
is_settled(
	const struct crossing *crossing, const struct record_verifier *verifier)
{
	enum verifier_state state = verifier->state == VERIFIER_PAGE_HEADER
		? verifier->after_header
		: verifier->state;

	if (state == VERIFIER_OFF || verifier->previous >= crossing->border)
		return true;
	return verifier->record_start >= crossing->border &&
		state != VERIFIER_RECORD_HEADER;
}

/* One page, or the part of it that there is. */
static void
take_page(const struct crossing *crossing, struct joint *joint,
	const unsigned char *page, size_t len)
{
	struct error ignored;
	bool sound = record_verifier_feed(&joint->fresh, page, len, &ignored);

	joint->failed =
		!record_verifier_feed(&joint->joined, page, len, &joint->fault);
	/* What both complain of is the next segment's own. */
	joint->failed &= sound;
	joint->over =
		!sound || joint->failed || is_settled(crossing, &joint->joined);
}

static bool
read_joint(const struct crossing *crossing, struct joint *joint,
	struct error *error)
{
	unsigned char *buffer = crossing->checker->buffer;

	while (!joint->over && joint->at < joint->limit) {
		lsn left = joint->limit - joint->at;
		size_t len =
			left < CROSSING_PIECE ? (size_t)left : CROSSING_PIECE;
		bool success =
			segment_input_read(&joint->input, buffer, &len, error);

		for (size_t offset = 0; offset < len && !joint->over;
			offset += WAL_PAGE_SIZE)
			take_page(crossing, joint, buffer + offset,
				len - offset < WAL_PAGE_SIZE ? len - offset
							     : WAL_PAGE_SIZE);
		joint->at += len;
		if (!success && !read_fault_is_the_files(error))
			return false;
		joint->over |= !success || len == 0 ||
			atomic_load_explicit(&crossing->checker->tally->stop,
				memory_order_relaxed);
	}
	return true;
}

/* An open segment counts as far as it is filled. *found: it is still there. */
static bool
open_joint(const struct crossing *crossing, struct joint *joint,
	const struct archive_name *name, bool *found, struct error *error)
{
	const struct checker *checker = crossing->checker;
	uint32_t size = segment_size(crossing);
	struct open_extent extent;

	joint->at = name->number * size;
	joint->limit = joint->at + size;
	*found = segment_input_open(
		&joint->input, checker->directory, name, size, error);
	if (*found && joint->input.name.kind == NAME_PARTIAL) {
		(void)open_extent_measure(&extent, &joint->input, joint->at,
			size, checker->buffer, error);
		if (extent.used < joint->limit)
			joint->limit = extent.used;
		segment_input_close(&joint->input);
		*found = segment_input_open(
			&joint->input, checker->directory, name, size, error);
	}
	return *found || error->code == ERR_NOT_FOUND ||
		read_fault_is_the_files(error);
}

static bool
report(const struct crossing *crossing, const struct joint *joint,
	struct error *error)
{
	struct finding finding = {
		.kind = FINDING_DAMAGE,
		.timeline = crossing->name->timeline,
		.at = crossing->border,
	};

	archive_name_format(
		finding.file, crossing->name, segment_size(crossing));
	return findings_add(crossing->checker->tally->findings, &finding, error,
		"\"%s\" does not carry it on: %s", joint->input.file,
		joint->fault.message);
}

/* Read on in one segment, and where that does not settle it, in the next. */
static bool
join(const struct crossing *crossing, const struct record_verifier *before,
	const struct archive_name *name, struct error *error)
{
	struct joint joint = {.joined = *before};
	bool found;
	bool success;

	record_verifier_follow(&joint.joined, name->timeline);
	record_verifier_init(&joint.fresh, &before->identity);
	record_verifier_start(
		&joint.fresh, name->timeline, before->position, LSN_NONE);
	if (!open_joint(crossing, &joint, name, &found, error))
		return false;
	if (!found)
		return true;
	success = read_joint(crossing, &joint, error);
	segment_input_close(&joint.input);
	if (!success)
		return false;
	if (joint.failed)
		return report(crossing, &joint, error);
	if (joint.over ||
		joint.joined.position - before->position <
			segment_size(crossing))
		return true;
	return carry_on(crossing, &joint.joined, name->timeline, error);
}

static bool
carry_on(const struct crossing *crossing, const struct record_verifier *before,
	uint32_t timeline, struct error *error)
{
	const struct inventory *inventory = crossing->checker->inventory;
	uint32_t size = segment_size(crossing);
	uint64_t number = lsn_segment_number(before->position, size);

	for (size_t i = 0; i < inventory->timeline_count; i++) {
		const struct inventory_timeline *row = &inventory->timelines[i];
		const struct inventory_file *file;

		if (!succession_follows(row, number, timeline, size))
			continue;
		file = succession_file(inventory, row, number);
		if (file != NULL && !join(crossing, before, &file->name, error))
			return false;
	}
	return true;
}

bool
crossing_check(const struct checker *checker,
	const struct record_verifier *verifier, const struct archive_name *name,
	struct error *error)
{
	const struct crossing crossing = {checker, name, verifier->position};

	if (!has_something(verifier))
		return true;
	return carry_on(&crossing, verifier, name->timeline, error);
}
