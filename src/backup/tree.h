/*
 * backup/tree.h - files below one directory, whatever names a server sends.
 *
 * Life cycle: tree_prepare -> tree_make_directory, tree_create, ... ->
 * tree_sync -> tree_close; after a failure tree_discard before tree_close.
 * Guarantee: nothing outside the directory is made, changed or removed. Each
 * name is looked up from the directory's descriptor, part by part, and no
 * symbolic link on the way is followed. Nothing that was there is overwritten.
 */
#ifndef BACKUP_TREE_H
#define BACKUP_TREE_H

#include "archive/durable.h"

struct tree {
	struct directory directory; /* its file_mode is that of every file */
	mode_t mode;		    /* of every directory */
	bool made;		    /* it was not there before */
	unsigned parents_made;	    /* directories above it, for it */
	bool owned;		    /* it was found, or made, empty */
};

/* Not prepared. */
void tree_init(struct tree *tree);

/*
 * Make the directory path, or take one that is there: it must be ours, empty,
 * and if strict closed to others as PostgreSQL wants it. group: let the group
 * read. Errors: ERR_USAGE (with a hint that says what to do), ERR_SYSTEM,
 * ERR_MEMORY.
 */
bool tree_prepare(struct tree *tree, const char *path, bool group, bool strict,
	struct error *error);

/*
 * Make tree the directory path of parent, which holds and removes it. Errors:
 * ERR_PROTOCOL (the path), ERR_SYSTEM, ERR_MEMORY.
 */
bool tree_open_below(struct tree *tree, const struct tree *parent,
	const char *path, struct error *error);

void tree_close(struct tree *tree);

/* True if both are open, and one directory under whatever names. */
bool tree_is_same(const struct tree *a, const struct tree *b);

/*
 * Remove all below it, and itself and those above it that were made; errors are
 * ignored.
 */
void tree_discard(struct tree *tree);

/* Remove a directory below it with all that it holds. Errors: ERR_SYSTEM. */
bool tree_remove(struct tree *tree, const char *path, struct error *error);

/*
 * All take paths as the server sends them. One that is absolute, or has a part
 * that is empty, "." or "..", is ERR_PROTOCOL.
 */

/* Is this a path that may be made? Errors: ERR_PROTOCOL. */
bool tree_check_path(const char *path, struct error *error);

/* Make a directory, and those on the way; one that is there is fine. */
bool tree_make_directory(
	const struct tree *tree, const char *path, struct error *error);

/* Create a file, which must not be there, and write to *fd. */
bool tree_create(const struct tree *tree, const char *path, int *fd,
	struct error *error);

/* Open a file to append to it; it is created if it is missing. */
bool tree_append(const struct tree *tree, const char *path, const void *data,
	size_t len, struct error *error);

/* Make a symbolic link at path. */
bool tree_link(const struct tree *tree, const char *path, const char *target,
	struct error *error);

/* Rename a file within its directory; to is a name without a slash. */
bool tree_rename(const struct tree *tree, const char *path, const char *to,
	struct error *error);

/* Make all below it, and its name, survive a power cut. */
bool tree_sync(const struct tree *tree, struct error *error);

#endif
