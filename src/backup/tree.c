#include "backup/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deeper than any data directory is. */
#define DEPTH_MAX 16

#define MODE_PRIVATE 0700
#define MODE_GROUP 0750

/* What is called for every entry of a directory. */
typedef bool (*visit)(const struct tree *tree, int dir_fd, const char *name,
	int depth, struct error *error);

void
tree_init(struct tree *tree)
{
	*tree = (struct tree){.mode = MODE_PRIVATE};
	directory_init(&tree->directory);
}

void
tree_close(struct tree *tree)
{
	directory_close(&tree->directory);
}

bool
tree_is_same(const struct tree *a, const struct tree *b)
{
	struct stat first;
	struct stat second;

	return a->directory.fd >= 0 && b->directory.fd >= 0 &&
		fstat(a->directory.fd, &first) == 0 &&
		fstat(b->directory.fd, &second) == 0 &&
		first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* The parents of path; the last part is left to the caller. *made: how many. */
static bool
make_parents(const char *path, unsigned *made, struct error *error)
{
	char *copy = strdup(path);
	bool ok = true;

	if (copy == NULL)
		return error_set_memory(error);
	for (char *slash = strchr(copy + 1, '/'); slash != NULL && ok;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (slash[1] == '\0')
			break;
		if (mkdir(copy, MODE_PRIVATE) == 0)
			(*made)++;
		else if (errno != EEXIST)
			ok = error_set_errno(error,
				"could not create directory \"%s\"", copy);
		*slash = '/';
	}
	free(copy);
	return ok;
}

/* Another descriptor of the directory itself, to read its entries by. */
static int
reopen(const struct tree *tree)
{
	return openat(
		tree->directory.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool
is_empty(const struct tree *tree, bool *empty, struct error *error)
{
	int fd = reopen(tree);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (stream == NULL) {
		error_set_errno(error, "could not read directory \"%s\"",
			tree->directory.path);
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	*empty = true;
	while ((entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
			strcmp(entry->d_name, "..") != 0)
			*empty = false;
	(void)closedir(stream);
	return true;
}

static bool
check_found(const struct tree *tree, bool strict, struct error *error)
{
	const char *path = tree->directory.path;
	struct stat status;
	bool empty = false;

	if (fstat(tree->directory.fd, &status) != 0)
		return error_set_errno(
			error, "could not stat directory \"%s\"", path);
	if (!is_empty(tree, &empty, error))
		return false;
	if (!empty) {
		error_set(error, ERR_USAGE,
			"directory \"%s\" exists but is not empty", path);
		return error_set_hint(error,
			"Name a directory that is empty or does not exist "
			"yet.");
	}
	if (status.st_uid != geteuid()) {
		error_set(error, ERR_USAGE,
			"directory \"%s\" belongs to user %u, not to user %u "
			"who runs this",
			path, (unsigned)status.st_uid, (unsigned)geteuid());
		return error_set_hint(error,
			"Run this as its owner, or change that: chown %u "
			"\"%s\". PostgreSQL only starts in a directory of its "
			"own user.",
			(unsigned)geteuid(), path);
	}
	if (strict && (status.st_mode & 027) != 0) {
		error_set(error, ERR_USAGE, "directory \"%s\" has mode %04o",
			path, (unsigned)status.st_mode & 07777);
		return error_set_hint(error,
			"PostgreSQL only starts in a directory of mode 0700 or "
			"0750: chmod 700 \"%s\".",
			path);
	}
	return true;
}

bool
tree_prepare(struct tree *tree, const char *path, bool group, bool strict,
	struct error *error)
{
	mode_t mode = group ? MODE_GROUP : MODE_PRIVATE;
	bool sync = tree->directory.sync;

	tree_init(tree);
	tree->directory.sync = sync;
	tree->directory.file_mode = group ? 0640 : 0600;
	tree->mode = mode;
	if (!make_parents(path, &tree->parents_made, error))
		return false;
	tree->made = mkdir(path, MODE_PRIVATE) == 0;
	if (!tree->made && errno != EEXIST)
		return error_set_errno(
			error, "could not create directory \"%s\"", path);
	if (!directory_open(&tree->directory, path, error))
		return false;
	if (!tree->made && !check_found(tree, strict, error))
		return false;
	tree->owned = true;
	if ((tree->made || strict) && fchmod(tree->directory.fd, mode) != 0)
		return error_set_errno(error,
			"could not set permissions of directory \"%s\"", path);
	return true;
}

static bool
is_valid_part(const char *part, size_t len)
{
	return len > 0 && len <= NAME_MAX && !(len == 1 && part[0] == '.') &&
		!(len == 2 && part[0] == '.' && part[1] == '.');
}

bool
tree_check_path(const char *path, struct error *error)
{
	const char *part = path;
	int depth = 0;

	for (;;) {
		size_t len = strcspn(part, "/");

		if (!is_valid_part(part, len) || ++depth > DEPTH_MAX)
			return error_set(error, ERR_PROTOCOL,
				"the server sent a file called \"%.256s\", "
				"which may not be written",
				path);
		if (part[len] == '\0')
			return true;
		part += len + 1;
	}
}

static bool
open_directory(int parent, const char *name, int *fd)
{
	*fd = openat(
		parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *fd >= 0;
}

/* Make it if need be, with the tree's mode whatever the umask. */
static bool
enter(const struct tree *tree, int parent, const char *name, bool make, int *fd)
{
	if (open_directory(parent, name, fd))
		return true;
	return make && errno == ENOENT &&
		mkdirat(parent, name, MODE_PRIVATE) == 0 &&
		open_directory(parent, name, fd) &&
		fchmod(*fd, tree->mode) == 0;
}

/*
 * Open the directory that holds path's last part, which *name points to; with
 * make those on the way are made. The caller closes *fd.
 */
static bool
open_parent(const struct tree *tree, const char *path, bool make, int *fd,
	const char **name, struct error *error)
{
	char part[NAME_MAX + 1];
	const char *slash;
	int at = -1;

	if (!tree_check_path(path, error))
		return false;
	at = fcntl(tree->directory.fd, F_DUPFD_CLOEXEC, 0);
	*name = path;
	while (at >= 0 && (slash = strchr(*name, '/')) != NULL) {
		int next = -1;

		memcpy(part, *name, (size_t)(slash - *name));
		part[slash - *name] = '\0';
		if (!enter(tree, at, part, make, &next) && next >= 0) {
			(void)close(next);
			next = -1;
		}
		(void)close(at);
		at = next;
		*name = slash + 1;
	}
	if (at < 0)
		return error_set_errno(error,
			"could not open the directory of \"%s\" below \"%s\"",
			path, tree->directory.path);
	*fd = at;
	return true;
}

bool
tree_open_below(struct tree *tree, const struct tree *parent, const char *path,
	struct error *error)
{
	const char *name;
	int above;
	int fd = -1;

	if (!open_parent(parent, path, false, &above, &name, error))
		return false;
	if (!open_directory(above, name, &fd))
		(void)error_set_errno(
			error, "could not open directory \"%s\"", path);
	(void)close(above);
	if (fd < 0)
		return false;
	tree_init(tree);
	tree->directory = parent->directory;
	tree->directory.path = strdup(path);
	tree->directory.fd = fd;
	tree->mode = parent->mode;
	return tree->directory.path != NULL || error_set_memory(error);
}

bool
tree_make_directory(
	const struct tree *tree, const char *path, struct error *error)
{
	const char *name;
	int parent;
	int fd = -1;
	bool ok;

	if (!open_parent(tree, path, true, &parent, &name, error))
		return false;
	ok = enter(tree, parent, name, true, &fd);
	if (!ok)
		(void)error_set_errno(
			error, "could not create directory \"%s\"", path);
	if (fd >= 0)
		(void)close(fd);
	(void)close(parent);
	return ok;
}

static bool
open_file(const struct tree *tree, const char *path, int flags, int *fd,
	struct error *error)
{
	const char *name;
	int parent;
	int made;

	if (!open_parent(tree, path, true, &parent, &name, error))
		return false;
	made = openat(parent, name,
		O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags,
		S_IRUSR | S_IWUSR);
	(void)close(parent);
	if (made < 0)
		return error_set_errno(
			error, "could not create file \"%s\"", path);
	if (fchmod(made, tree->directory.file_mode) != 0) {
		(void)error_set_errno(error,
			"could not set permissions of file \"%s\"", path);
		(void)close(made);
		return false;
	}
	*fd = made;
	return true;
}

bool
tree_create(
	const struct tree *tree, const char *path, int *fd, struct error *error)
{
	return open_file(tree, path, O_EXCL, fd, error);
}

bool
tree_append(const struct tree *tree, const char *path, const void *data,
	size_t len, struct error *error)
{
	struct stat status;
	int fd;
	bool ok;

	if (!open_file(tree, path, 0, &fd, error))
		return false;
	ok = fstat(fd, &status) == 0 ||
		error_set_errno(error, "could not stat file \"%s\"", path);
	ok = ok &&
		durable_write(
			fd, path, data, len, (uint64_t)status.st_size, error);
	if (!ok) {
		(void)close(fd);
		return false;
	}
	return durable_close(fd, path, error);
}

bool
tree_link(const struct tree *tree, const char *path, const char *target,
	struct error *error)
{
	const char *name;
	int parent;
	bool ok;

	if (!open_parent(tree, path, true, &parent, &name, error))
		return false;
	ok = symlinkat(target, parent, name) == 0 ||
		error_set_errno(error,
			"could not create symbolic link \"%s\" to \"%s\"", path,
			target);
	(void)close(parent);
	return ok;
}

bool
tree_rename(const struct tree *tree, const char *path, const char *to,
	struct error *error)
{
	const char *name;
	int parent;
	bool ok;

	if (!open_parent(tree, path, false, &parent, &name, error))
		return false;
	ok = renameat(parent, name, parent, to) == 0 ||
		error_set_errno(error, "could not rename file \"%s\" to \"%s\"",
			path, to);
	if (ok && tree->directory.sync && fsync(parent) != 0)
		ok = error_set_errno(
			error, "could not fsync the directory of \"%s\"", path);
	(void)close(parent);
	return ok;
}

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Call function for all entries of the directory fd, which is closed. */
static bool
walk(const struct tree *tree, int fd, int depth, visit function,
	struct error *error)
{
	DIR *stream = fdopendir(fd);
	struct dirent *entry;
	bool ok = true;

	if (stream == NULL || depth > DEPTH_MAX + 1) {
		error_set_errno(error, "could not read a directory in \"%s\"",
			tree->directory.path);
		if (stream != NULL)
			(void)closedir(stream);
		else
			(void)close(fd);
		return false;
	}
	while (ok && (entry = readdir(stream)) != NULL)
		if (!is_dots(entry->d_name))
			ok = function(tree, dirfd(stream), entry->d_name, depth,
				error);
	(void)closedir(stream);
	return ok;
}

static bool
remove_entry(const struct tree *tree, int dir_fd, const char *name, int depth,
	struct error *error)
{
	int fd;

	if (unlinkat(dir_fd, name, 0) == 0)
		return true;
	if (open_directory(dir_fd, name, &fd))
		(void)walk(tree, fd, depth + 1, remove_entry, error);
	return unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 ||
		error_set_errno(error, "could not remove \"%s\"", name);
}

bool
tree_remove(struct tree *tree, const char *path, struct error *error)
{
	const char *name;
	int parent;
	bool ok;

	if (!open_parent(tree, path, false, &parent, &name, error))
		return false;
	ok = remove_entry(tree, parent, name, 0, error);
	(void)close(parent);
	return ok;
}

static void
remove_parents(const struct tree *tree)
{
	char *path = strdup(tree->directory.path);

	for (unsigned i = 0; path != NULL && i < tree->parents_made; i++) {
		char *slash = strrchr(path, '/');

		while (slash != NULL && slash[1] == '\0') {
			*slash = '\0';
			slash = strrchr(path, '/');
		}
		if (slash == NULL || slash == path)
			break;
		*slash = '\0';
		(void)rmdir(path);
	}
	free(path);
}

void
tree_discard(struct tree *tree)
{
	struct error ignored;
	int fd;

	if (tree->directory.fd < 0 || !tree->owned)
		return;
	/* What stops at one entry goes on with the next. */
	fd = reopen(tree);
	if (fd >= 0)
		(void)walk(tree, fd, 0, remove_entry, &ignored);
	if (tree->made && rmdir(tree->directory.path) == 0)
		remove_parents(tree);
}

static bool
sync_fd(int fd, const char *name, struct error *error)
{
	return fsync(fd) == 0 ||
		error_set_errno(error, "could not fsync \"%s\"", name);
}

static bool
sync_entry(const struct tree *tree, int dir_fd, const char *name, int depth,
	struct error *error)
{
	struct stat status;
	bool ok;
	int fd;

	if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return error_set_errno(
			error, "could not stat file \"%s\"", name);
	if (S_ISLNK(status.st_mode))
		return true;
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(
			error, "could not open file \"%s\"", name);
	ok = sync_fd(fd, name, error);
	if (!S_ISDIR(status.st_mode)) {
		(void)close(fd);
		return ok;
	}
	if (!ok) {
		(void)close(fd);
		return false;
	}
	return walk(tree, fd, depth + 1, sync_entry, error);
}

/*
 * A name is only as durable as the directory that holds it, and that may be
 * new, too.
 */
static bool
sync_parents(const struct tree *tree, struct error *error)
{
	int at = tree->directory.fd;
	bool ok = true;

	for (unsigned i = 0; ok && i <= tree->parents_made; i++) {
		int fd = openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (at != tree->directory.fd)
			(void)close(at);
		/* Some may be entered but not read; they were there before. */
		if (fd < 0)
			return true;
		at = fd;
		ok = sync_fd(fd, tree->directory.path, error);
	}
	(void)close(at);
	return ok;
}

bool
tree_sync(const struct tree *tree, struct error *error)
{
	int fd;

	if (!tree->directory.sync)
		return true;
	fd = reopen(tree);
	if (fd < 0)
		return error_set_errno(error, "could not open directory \"%s\"",
			tree->directory.path);
	return walk(tree, fd, 0, sync_entry, error) &&
		sync_fd(tree->directory.fd, tree->directory.path, error) &&
		(!tree->made || sync_parents(tree, error));
}
