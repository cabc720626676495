#include "verify/segment_input.h"

static bool
open_form(struct segment_input *input, const struct directory *directory,
	const struct archive_name *name, uint32_t segment_size,
	struct error *error)
{
	struct segment_input made = {.name = *name};

	archive_name_format(made.file, name, segment_size);
	if (!segment_reader_open(
		    &made.reader, directory, made.file, name->codec, error))
		return false;
	*input = made;
	return true;
}

bool
segment_input_open(struct segment_input *input,
	const struct directory *directory, const struct archive_name *name,
	uint32_t segment_size, struct error *error)
{
	static const enum archive_name_kind kinds[] = {
		NAME_SEGMENT, NAME_PARTIAL};
	struct archive_name form = *name;

	if (open_form(input, directory, name, segment_size, error))
		return true;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		form.kind = kinds[i];
		for (int codec = CODEC_NONE; codec < CODECS; codec++) {
			if (error->code != ERR_NOT_FOUND)
				return false;
			form.codec = (enum codec)codec;
			if (open_form(input, directory, &form, segment_size,
				    error))
				return true;
		}
	}
	return false;
}

bool
segment_input_read(struct segment_input *input, unsigned char *buffer,
	size_t *len, struct error *error)
{
	size_t wanted = *len;
	size_t piece;

	*len = 0;
	do {
		bool success;

		piece = wanted - *len;
		success = segment_reader_read(
			input->reader, buffer + *len, &piece, error);
		*len += piece;
		if (!success)
			return false;
	} while (piece > 0 && *len < wanted);
	return true;
}

void
segment_input_close(struct segment_input *input)
{
	segment_reader_close(input->reader);
	input->reader = NULL;
}
