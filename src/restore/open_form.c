#include "restore/open_form.h"

#include "archive/catalog.h"
#include "archive/gap_record.h"
#include "archive/open_segment.h"
#include "archive/segment_reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
form_name(char name[ARCHIVE_NAME_MAX], const char *segment, enum codec codec)
{
	(void)snprintf(name, ARCHIVE_NAME_MAX, "%s%s.partial", segment,
		codec_suffix(codec));
}

static bool
exists(const struct directory *directory, const char *name)
{
	return faccessat(directory->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* *told: the form has a first page header; without one it holds no WAL. */
static bool
read_head(const struct transfer_spec *form, struct transfer_result *head,
	bool *told, struct error *error)
{
	static const unsigned char nothing[WAL_LONG_HEADER_LEN];
	unsigned char bytes[WAL_LONG_HEADER_LEN];
	size_t len = sizeof(bytes);
	struct segment_reader *reader;
	bool success;

	*told = false;
	if (!segment_reader_open(
		    &reader, form->archive, form->file, form->codec, error))
		return false;
	success = segment_reader_read(reader, bytes, &len, error);
	segment_reader_close(reader);
	if (!success || len < sizeof(bytes) ||
		memcmp(bytes, nothing, sizeof(bytes)) == 0)
		return success;
	*told = true;
	return transfer_check_head(form, bytes, head, error);
}

static bool
scan_form(const struct transfer_spec *form, struct segment_scan *scan,
	bool *told, struct error *error)
{
	struct transfer_result head;
	struct wal_identity identity;
	struct archive_name name;

	if (!read_head(form, &head, told, error))
		return false;
	if (!*told)
		return true;
	identity = (struct wal_identity){
		form->system_identifier, head.segment_size};
	archive_name_parse(&name, form->file, head.segment_size);
	if (!segment_scan(scan, form->archive, &identity, &name, error))
		return false;
	if (scan->readable)
		return true;
	return error_set(error, ERR_DAMAGED,
		"file \"%s\" is damaged: it cannot be read to its end, or is "
		"not of the size of a segment",
		form->file);
}

bool
open_form_choose(const struct transfer_spec *spec, struct segment_scan *scan,
	bool *found, struct error *error)
{
	struct error fault = {.code = ERR_NONE};
	lsn lost = LSN_NONE;

	*found = false;
	for (int codec = CODEC_NONE; codec < CODECS; codec++) {
		char file[ARCHIVE_NAME_MAX];
		struct transfer_spec form = *spec;
		struct segment_scan one = {.boundary = LSN_NONE};
		bool told;

		form_name(file, spec->segment, (enum codec)codec);
		form.file = file;
		form.codec = (enum codec)codec;
		if (!exists(spec->archive, file))
			continue;
		if (!scan_form(&form, &one, &told, error)) {
			if (error->code != ERR_DAMAGED)
				return false;
			fault = *error;
			if (one.boundary > lost)
				lost = one.boundary;
		} else if (told &&
			(!*found || open_segment_is_better(&one, scan))) {
			*scan = one;
			*found = true;
		}
	}
	if (fault.code == ERR_NONE || (*found && lost <= scan->boundary))
		return true;
	*error = fault;
	return false;
}

/* The highest segment of the timeline, complete or open. */
static struct archive_name
newest_of(const struct catalog *catalog, uint32_t timeline)
{
	const struct catalog_timeline *row = catalog_find(catalog, timeline);
	struct archive_name newest = {.kind = NAME_OTHER};

	if (row != NULL && row->has_complete)
		newest = row->newest;
	for (size_t i = 0; i < catalog->partial_count; i++) {
		const struct archive_name *name = &catalog->partials[i];

		if (name->timeline == timeline &&
			(newest.kind == NAME_OTHER ||
				name->number > newest.number))
			newest = *name;
	}
	return newest;
}

static bool
set_gap(const struct transfer_spec *spec, const struct segment_scan *scan,
	const struct archive_name *newest, struct error *error)
{
	char next[ARCHIVE_NAME_MAX];

	archive_name_format(next, newest, scan->verifier.identity.segment_size);
	error_set(error, ERR_GAP,
		"the WAL of file \"%s%s.partial\" ends at " LSN_FORMAT
		", but archive \"%s\" goes on up to file \"%s\"",
		spec->segment, codec_suffix(scan->name.codec),
		LSN_ARGS(scan->boundary), spec->archive->path, next);
	return error_set_hint(error,
		"WAL between them is lost. \"walfetch verify --accept-gap\" "
		"puts the loss on record; recovery can end there then.");
}

bool
open_form_check_newest(const struct transfer_spec *spec,
	const struct segment_scan *scan, bool *again, struct error *error)
{
	struct archive_name newest;
	struct catalog catalog;
	bool proven;
	bool accepted;

	*again = false;
	if (!catalog_scan(&catalog, spec->archive,
		    scan->verifier.identity.segment_size, error))
		return false;
	newest = newest_of(&catalog, scan->name.timeline);
	catalog_free(&catalog);
	*again = newest.kind == NAME_OTHER ||
		newest.number < scan->name.number ||
		(newest.number == scan->name.number &&
			newest.kind == NAME_SEGMENT);
	if (*again || newest.number == scan->name.number)
		return true;
	if (!segment_scan_prove_end(scan, spec->archive, &proven, error))
		return false;
	if (proven)
		return true;
	if (!gap_record_find(spec->archive, scan->name.timeline, scan->boundary,
		    &accepted, error))
		return false;
	return accepted || set_gap(spec, scan, &newest, error);
}
