#include "archive/open_segment.h"

#include "archive/segment.h"
#include "archive/segment_reader.h"

#include <stdio.h>
#include <stdlib.h>

#define COPY_BUFFER_SIZE ((size_t)1 << 20)

/* A raw file whose bytes are written over. */
struct raw_file {
	int fd;
	char name[ARCHIVE_NAME_MAX];
	uint64_t offset;
};

static void
format_name(const struct archive_resume *resume,
	const struct archive_name *name, char text[ARCHIVE_NAME_MAX])
{
	archive_name_format(text, name, resume->identity.segment_size);
}

static bool
is_form_of(const struct archive_name *form, const struct archive_name *name)
{
	return form->timeline == name->timeline && form->number == name->number;
}

bool
open_segment_move_aside(const struct archive_resume *resume,
	const struct archive_name *name, struct error *error)
{
	char from[ARCHIVE_NAME_MAX];
	char to[ARCHIVE_NAME_MAX + sizeof("..bad")];

	format_name(resume, name, from);
	(void)snprintf(to, sizeof(to), ".%s.bad", from);
	if (!durable_rename(resume->directory, from, to, error))
		return false;
	text_printf(resume->notices,
		"file \"%s\" is not a readable segment; moved aside to "
		"\"%s\"\n",
		from, to);
	return durable_sync_directory(resume->directory, error);
}

bool
open_segment_is_better(
	const struct segment_scan *a, const struct segment_scan *b)
{
	if (a->boundary != b->boundary)
		return a->boundary > b->boundary;
	if (a->last_byte != b->last_byte)
		return a->last_byte > b->last_byte;
	return a->name.codec == CODEC_NONE && b->name.codec != CODEC_NONE;
}

bool
open_segment_choose(const struct archive_resume *resume,
	const struct catalog *catalog, const struct archive_name *wanted,
	struct segment_scan *scan, bool *found, struct error *error)
{
	*found = false;
	for (size_t i = 0; i < catalog->partial_count; i++) {
		const struct archive_name *name = &catalog->partials[i];
		struct segment_scan form;

		if (!is_form_of(name, wanted))
			continue;
		if (!segment_scan(&form, resume->directory, &resume->identity,
			    name, error))
			return false;
		if (!form.readable && form.last_byte == form.start) {
			if (!open_segment_move_aside(resume, name, error))
				return false;
			continue;
		}
		if (!*found || open_segment_is_better(&form, scan))
			*scan = form;
		*found = true;
	}
	return true;
}

/* Read the next piece; the end of the file is a fault here. */
static bool
read_piece(struct segment_reader *reader, const char *file, void *buffer,
	size_t *len, struct error *error)
{
	bool success = segment_reader_read(reader, buffer, len, error);

	if (success && *len == 0)
		return error_set(error, ERR_DAMAGED,
			"file \"%s\" is shorter than it was", file);
	return *len > 0;
}

/*
 * Pass on the plain bytes that a scan found. A fault of the file may lie
 * behind them: a piece that is cut short by one is good.
 */
static bool
copy_plain(const struct archive_resume *resume, const struct segment_scan *scan,
	codec_sink sink, void *context, struct error *error)
{
	unsigned char *buffer = malloc(COPY_BUFFER_SIZE);
	struct segment_reader *reader = NULL;
	lsn at = scan->start;
	char file[ARCHIVE_NAME_MAX];
	bool success = false;

	if (buffer == NULL)
		return error_set_memory(error);
	format_name(resume, &scan->name, file);
	if (!segment_reader_open(
		    &reader, resume->directory, file, scan->name.codec, error))
		goto finish;
	while (at < scan->last_byte) {
		size_t len = COPY_BUFFER_SIZE;

		if (scan->last_byte - at < len)
			len = (size_t)(scan->last_byte - at);
		if (!read_piece(reader, file, buffer, &len, error) ||
			!sink(context, buffer, len, error))
			goto finish;
		at += len;
	}
	success = true;

finish:
	segment_reader_close(reader);
	free(buffer);
	return success;
}

static bool
put_segment(void *context, const void *data, size_t len, struct error *error)
{
	return segment_write(context, data, len, error);
}

/* Decode an open segment into a raw file, which replaces one that holds less.
 */
static bool
make_raw(const struct archive_resume *resume, const struct segment_scan *scan,
	struct error *error)
{
	const struct archive_name *name = &scan->name;
	struct segment_spec spec = {
		.directory = resume->directory,
		.timeline = name->timeline,
		.number = name->number,
		.segment_size = resume->identity.segment_size,
		.begin = scan->start,
	};
	struct segment *segment;
	bool success;

	if (!segment_open(&segment, &spec, error))
		return false;
	success = copy_plain(resume, scan, put_segment, segment, error) &&
		segment_persist(segment, error);
	segment_free(segment);
	return success;
}

static bool
put_raw(void *context, const void *data, size_t len, struct error *error)
{
	struct raw_file *file = context;

	if (!durable_write(
		    file->fd, file->name, data, len, file->offset, error))
		return false;
	file->offset += len;
	return true;
}

/*
 * A process that died may have written the file, or renamed it, and not
 * reached the sync; or the sync failed, and the kernel counts pages as clean
 * that never got to the disk. Only what is written again and synced now is
 * known to be durable.
 */
static bool
sync_raw(const struct archive_resume *resume, const struct segment_scan *scan,
	struct error *error)
{
	const struct directory *directory = resume->directory;
	struct raw_file file = {.offset = 0};
	struct error ignored;
	bool success;

	format_name(resume, &scan->name, file.name);
	if (!durable_open(directory, file.name, &file.fd, error))
		return false;
	success = copy_plain(resume, scan, put_raw, &file, error) &&
		durable_sync(directory, file.fd, file.name, error);
	if (!durable_close(file.fd, file.name, success ? error : &ignored))
		success = false;
	return success && durable_sync_directory(directory, error);
}

static bool
remove_form(const struct archive_resume *resume,
	const struct archive_name *name, struct error *error)
{
	char file[ARCHIVE_NAME_MAX];

	format_name(resume, name, file);
	return durable_unlink(resume->directory, file, error);
}

bool
open_segment_keep(const struct archive_resume *resume,
	const struct catalog *catalog, const struct segment_scan *chosen,
	struct error *error)
{
	if (chosen->name.codec == CODEC_NONE) {
		if (!sync_raw(resume, chosen, error))
			return false;
	} else if (chosen->last_byte > chosen->start) {
		if (!make_raw(resume, chosen, error))
			return false;
	}
	for (size_t i = 0; i < catalog->partial_count; i++) {
		const struct archive_name *form = &catalog->partials[i];

		if (is_form_of(form, &chosen->name) &&
			form->codec != CODEC_NONE &&
			!remove_form(resume, form, error))
			return false;
	}
	return true;
}

bool
open_segment_remove(const struct archive_resume *resume,
	const struct catalog *catalog, const struct archive_name *name,
	struct error *error)
{
	for (size_t i = 0; i < catalog->partial_count; i++) {
		const struct archive_name *form = &catalog->partials[i];

		if (is_form_of(form, name) && !remove_form(resume, form, error))
			return false;
	}
	return true;
}

bool
open_segment_complete(const struct archive_resume *resume,
	const struct archive_name *name, struct error *error)
{
	uint32_t size = resume->identity.segment_size;
	struct segment_spec spec = {
		.directory = resume->directory,
		.timeline = name->timeline,
		.number = name->number,
		.segment_size = size,
		.begin = (name->number + 1) * size,
		.held = (name->number + 1) * size,
		.codec = resume->codec,
		.level = resume->level,
	};
	struct segment *segment;
	bool success;

	if (!segment_open(&segment, &spec, error))
		return false;
	success = segment_prepare(segment, NULL, error) &&
		segment_publish(segment, error);
	segment_free(segment);
	return success;
}
