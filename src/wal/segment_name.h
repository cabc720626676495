/*
 * wal/segment_name.h - the names of WAL segments and timeline history files.
 *
 * A segment's name is three times eight upper-case hexadecimal digits:
 * timeline, and the segment number split at 4 GiB / segment_size. What may
 * follow the 24 digits in an archive is archive/archive_name.h's affair.
 * Sources: PostgreSQL src/include/access/xlog_internal.h.
 */
#ifndef WAL_SEGMENT_NAME_H
#define WAL_SEGMENT_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define SEGMENT_NAME_LEN 24
#define HISTORY_NAME_LEN 16 /* "00000002.history" */

/* Write a segment's name and a terminator. */
void segment_name_format(char name[SEGMENT_NAME_LEN + 1], uint32_t timeline,
	uint64_t number, uint32_t segment_size);

/*
 * Read the first 24 characters of name. False if they are not a segment's
 * name for this segment size; a longer string may follow them.
 */
bool segment_name_parse(const char *name, uint32_t segment_size,
	uint32_t *timeline, uint64_t *number);

/* Write a history file's name and a terminator. */
void history_name_format(char name[HISTORY_NAME_LEN + 1], uint32_t timeline);

/* Read a history file's name that fills the whole string. */
bool history_name_parse(const char *name, uint32_t *timeline);

#endif
