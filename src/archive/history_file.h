/*
 * archive/history_file.h - the timeline history files of an archive.
 */
#ifndef ARCHIVE_HISTORY_FILE_H
#define ARCHIVE_HISTORY_FILE_H

#include "archive/durable.h"
#include "base/text.h"

/* The largest that is read; a server's are some hundred bytes. */
#define HISTORY_FILE_MAX ((size_t)1 << 20)

/*
 * Append the content of a timeline's history file to content. Errors:
 * ERR_NOT_FOUND, ERR_DAMAGED (too large), ERR_SYSTEM, ERR_MEMORY.
 */
bool history_file_read(const struct directory *directory, uint32_t timeline,
	struct text *content, struct error *error);

/*
 * Store a history file durably. One that is there already must have the same
 * content: two forks can bear the same number. Errors: ERR_DIVERGED,
 * ERR_SYSTEM, ERR_MEMORY.
 */
bool history_file_store(const struct directory *directory, uint32_t timeline,
	const struct text *content, struct error *error);

#endif
