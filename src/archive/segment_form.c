#include "archive/segment_form.h"

#include <fcntl.h>
#include <unistd.h>

bool
segment_form_find(const struct directory *directory, struct archive_name *name,
	uint32_t segment_size)
{
	struct archive_name form = *name;

	for (int codec = CODEC_NONE; codec < CODECS; codec++) {
		char file[ARCHIVE_NAME_MAX];

		form.codec = (enum codec)codec;
		archive_name_format(file, &form, segment_size);
		if (faccessat(directory->fd, file, F_OK, AT_SYMLINK_NOFOLLOW) !=
			0)
			continue;
		*name = form;
		return true;
	}
	return false;
}

bool
segment_form_find_any(const struct directory *directory,
	struct archive_name *name, uint32_t segment_size)
{
	struct archive_name form = *name;

	form.kind = NAME_SEGMENT;
	if (!segment_form_find(directory, &form, segment_size)) {
		form.kind = NAME_PARTIAL;
		if (!segment_form_find(directory, &form, segment_size))
			return false;
	}
	*name = form;
	return true;
}
