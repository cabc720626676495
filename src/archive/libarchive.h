/*
 * archive/libarchive.h - libarchive, loaded when a base backup is read or made.
 *
 * It brings libraries for formats and character sets that no base backup needs.
 */
#ifndef ARCHIVE_LIBARCHIVE_H
#define ARCHIVE_LIBARCHIVE_H

#include "base/error.h"

#include <archive.h>
#include <archive_entry.h>

/* Those of its functions that are used. */
#define LIBARCHIVE_FUNCTIONS(X)              \
	X(archive_entry_clone)               \
	X(archive_entry_filetype)            \
	X(archive_entry_free)                \
	X(archive_entry_hardlink)            \
	X(archive_entry_new)                 \
	X(archive_entry_pathname)            \
	X(archive_entry_set_filetype)        \
	X(archive_entry_set_gid)             \
	X(archive_entry_set_mtime)           \
	X(archive_entry_set_pathname)        \
	X(archive_entry_set_perm)            \
	X(archive_entry_set_size)            \
	X(archive_entry_set_uid)             \
	X(archive_entry_size)                \
	X(archive_entry_symlink)             \
	X(archive_errno)                     \
	X(archive_error_string)              \
	X(archive_format)                    \
	X(archive_read_data)                 \
	X(archive_read_data_block)           \
	X(archive_read_free)                 \
	X(archive_read_new)                  \
	X(archive_read_next_header)          \
	X(archive_read_open)                 \
	X(archive_read_open_fd)              \
	X(archive_read_support_filter_gzip)  \
	X(archive_read_support_filter_lz4)   \
	X(archive_read_support_filter_none)  \
	X(archive_read_support_filter_zstd)  \
	X(archive_read_support_format_raw)   \
	X(archive_read_support_format_tar)   \
	X(archive_write_close)               \
	X(archive_write_data)                \
	X(archive_write_fail)                \
	X(archive_write_free)                \
	X(archive_write_header)              \
	X(archive_write_new)                 \
	X(archive_write_open)                \
	X(archive_write_set_bytes_per_block) \
	X(archive_write_set_format_pax_restricted)

/* A member cannot stand in parentheses. */
#define LIBARCHIVE_MEMBER(name) \
	__typeof__(name) *name; /* NOLINT(bugprone-macro-parentheses) */

struct libarchive {
	LIBARCHIVE_FUNCTIONS(LIBARCHIVE_MEMBER)
};

/*
 * Load the library; once is enough. To be called first by one thread alone.
 * Errors: ERR_SYSTEM.
 */
bool libarchive_load(struct error *error);

/* Its functions, once it is loaded. */
const struct libarchive *libarchive(void);

#endif
