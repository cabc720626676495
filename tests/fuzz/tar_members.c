/*
 * A tar archive, read member by member, and written anew as -R does.
 */
#include "backup/tar_stream.h"
#include "base/text.h"
#include "fuzz.h"

static bool
hand_out(void *context, const void **data, size_t *len, struct error *error)
{
	struct fuzz_source *source = context;
	const uint8_t *piece = NULL;

	(void)error;
	*len = 0;
	if (source->input.left > 0)
		*len = fuzz_piece(&source->input, &source->state, &piece);
	*data = piece;
	return true;
}

static bool
collect(void *context, const void *data, size_t len, struct error *error)
{
	struct text *text = context;

	(void)error;
	text_append(text, data, len);
	return true;
}

/* Pass the member's content on; its length is what was said. */
static bool
pass_content(struct tar_reader *reader, struct tar_writer *writer,
	uint64_t size, struct error *error)
{
	const void *data;
	uint64_t sum = 0;
	size_t len;

	for (;;) {
		if (!tar_reader_data(reader, &data, &len, error))
			return false;
		if (len == 0)
			break;
		sum += len;
		fuzz_expect(sum <= size);
		if (writer != NULL &&
			!tar_writer_data(writer, data, len, error))
			return false;
	}
	fuzz_expect(sum == size);
	return true;
}

static bool
pass_member(struct tar_reader *reader, struct tar_writer *writer,
	const struct tar_member *member, struct error *error)
{
	fuzz_expect(member->path != NULL);
	fuzz_expect(member->kind != TAR_LINK || member->target != NULL);
	if (writer != NULL &&
		!tar_writer_copy(writer, reader, member->size, error))
		return false;
	return member->kind != TAR_FILE ||
		pass_content(reader, writer, member->size, error);
}

/* True: the whole archive was good. */
static bool
pass_archive(struct fuzz_source *source, struct tar_writer *writer,
	unsigned *members)
{
	struct tar_reader *reader;
	struct tar_member member;
	struct error error;
	bool end = false;
	bool ok = tar_reader_open(&reader, hand_out, source, &error);

	*members = 0;
	if (!ok) {
		fuzz_expect_error(&error);
		return false;
	}
	while (ok && !end) {
		ok = tar_reader_next(reader, &member, &end, &error) &&
			(end || pass_member(reader, writer, &member, &error));
		*members += ok && !end;
	}
	if (ok)
		fuzz_expect(source->input.left == 0);
	else
		fuzz_expect_error(&error);
	tar_reader_free(reader);
	return ok;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_source source = {{data, size}, 1};
	struct tar_writer *writer;
	struct error error;
	unsigned members;
	unsigned again;
	struct text text;

	text_init(&text);
	fuzz_expect(tar_writer_open(&writer, collect, &text, &error));
	if (pass_archive(&source, writer, &members)) {
		fuzz_expect(tar_writer_finish(writer, &error));
		source = (struct fuzz_source){
			{(const uint8_t *)text.string, text.len}, 1};
		fuzz_expect(pass_archive(&source, NULL, &again));
		fuzz_expect(again == members);
	}
	tar_writer_free(writer);
	text_free(&text);
	return 0;
}
