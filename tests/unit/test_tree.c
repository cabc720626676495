#include "backup/tree.h"

#include "archive_files.h"

#include <errno.h>

static void
file_holds(const struct directory *directory, const char *name,
	const char *wanted, size_t wanted_len)
{
	size_t len;
	unsigned char *content = file_load(directory, name, &len);

	assert_int_equal(len, wanted_len);
	assert_memory_equal(content, wanted, len);
	free(content);
}

static void
open_target(struct tree *tree, const struct directory *directory, bool group)
{
	char path[512];
	struct error error;

	(void)snprintf(path, sizeof(path), "%s/parent/target", directory->path);
	tree_init(tree);
	if (!tree_prepare(tree, path, group, true, &error))
		fail_msg("%s", error.message);
}

static void
close_target(struct tree *tree, const struct directory *directory)
{
	tree_discard(tree);
	tree_close(tree);
	/* The one above was made for it, and goes with it. */
	assert_int_equal(faccessat(directory->fd, "parent", F_OK, 0), -1);
}

static mode_t
mode_of(const struct tree *tree, const char *path)
{
	struct stat status;

	assert_int_equal(
		fstatat(tree->directory.fd, path, &status, AT_SYMLINK_NOFOLLOW),
		0);
	return status.st_mode & 07777;
}

static void
make(const struct tree *tree, const char *path, const char *content)
{
	struct error error;
	int fd = -1;

	if (!tree_create(tree, path, &fd, &error))
		fail_msg("%s", error.message);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(close(fd), 0);
}

static void
files(void **state)
{
	struct tree tree;
	struct error error;
	int fd;

	open_target(&tree, *state, false);
	assert_true(tree.made);
	assert_int_equal(mode_of(&tree, "."), 0700);
	assert_true(tree_make_directory(&tree, "base/5", &error));
	assert_true(tree_make_directory(&tree, "base", &error));
	make(&tree, "base/5/1", "a");
	make(&tree, "other/6/2", "b");
	assert_int_equal(mode_of(&tree, "base/5/1"), 0600);
	assert_int_equal(mode_of(&tree, "other/6"), 0700);
	assert_false(tree_create(&tree, "base/5/1", &fd, &error));
	assert_int_equal(error.sys_errno, EEXIST);
	assert_false(tree_make_directory(&tree, "base/5/1/2", &error));
	assert_true(tree_append(&tree, "base/5/1", "bc", 2, &error));
	assert_true(tree_append(&tree, "new", "", 0, &error));
	assert_true(tree_rename(&tree, "base/5/1", "one", &error));
	assert_int_equal(mode_of(&tree, "base/5/one"), 0600);
	assert_false(tree_rename(&tree, "base/5/1", "one", &error));
	assert_true(tree_link(&tree, "link", "/nowhere", &error));
	assert_true(tree_sync(&tree, &error));
	assert_true(tree_remove(&tree, "other", &error));
	assert_int_equal(faccessat(tree.directory.fd, "other", F_OK, 0), -1);
	close_target(&tree, *state);
}

static void
group(void **state)
{
	struct tree tree;
	mode_t before = umask(077);

	open_target(&tree, *state, true);
	make(&tree, "base/5/1", "a");
	assert_int_equal(mode_of(&tree, "."), 0750);
	assert_int_equal(mode_of(&tree, "base"), 0750);
	assert_int_equal(mode_of(&tree, "base/5/1"), 0640);
	(void)umask(before);
	close_target(&tree, *state);
}

/* Names that lead out of it, in every call that takes one. */
static void
names_refused(void **state)
{
	static const char *const names[] = {"", ".", "..", "/", "/etc/passwd",
		"../out", "a/../../out", "a/..", "a/.", "./a", "a//b", "a/",
		"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};
	struct tree tree;
	struct error error;
	int fd;

	open_target(&tree, *state, false);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *name = names[i];

		assert_false(tree_make_directory(&tree, name, &error));
		assert_int_equal(error.code, ERR_PROTOCOL);
		assert_false(tree_create(&tree, name, &fd, &error));
		assert_int_equal(error.code, ERR_PROTOCOL);
		assert_false(tree_append(&tree, name, "", 0, &error));
		assert_int_equal(error.code, ERR_PROTOCOL);
		assert_false(tree_link(&tree, name, "x", &error));
		assert_int_equal(error.code, ERR_PROTOCOL);
		assert_false(tree_rename(&tree, name, "x", &error));
		assert_int_equal(error.code, ERR_PROTOCOL);
		assert_false(tree_remove(&tree, name, &error));
		assert_int_equal(error.code, ERR_PROTOCOL);
	}
	close_target(&tree, *state);
}

/* A link on the way, or at the end, is not followed. */
static void
links_not_followed(void **state)
{
	const struct directory *directory = *state;
	struct tree tree;
	struct error error;
	int fd;

	file_store(directory, "outside", "x", 1);
	assert_int_equal(mkdirat(directory->fd, "folder", 0700), 0);
	open_target(&tree, directory, false);
	assert_true(tree_link(&tree, "up", "../../folder", &error));
	assert_true(tree_link(&tree, "file", "../../outside", &error));
	assert_false(tree_create(&tree, "up/new", &fd, &error));
	assert_false(tree_make_directory(&tree, "up/new", &error));
	assert_false(tree_make_directory(&tree, "up", &error));
	assert_false(tree_create(&tree, "file", &fd, &error));
	assert_false(tree_append(&tree, "file", "y", 1, &error));
	assert_true(tree_sync(&tree, &error));
	close_target(&tree, directory);
	assert_int_equal(faccessat(directory->fd, "folder/new", F_OK, 0), -1);
	file_holds(directory, "outside", "x", 1);
	assert_int_equal(unlinkat(directory->fd, "folder", AT_REMOVEDIR), 0);
}

static void
targets_refused(void **state)
{
	const struct directory *directory = *state;
	struct tree tree;
	struct error error;

	tree_init(&tree);
	assert_int_equal(fchmod(directory->fd, 0755), 0);
	assert_false(tree_prepare(&tree, directory->path, false, true, &error));
	assert_int_equal(error.code, ERR_USAGE);
	assert_non_null(strstr(error.hint, "chmod 700"));
	tree_discard(&tree);
	tree_close(&tree);

	/* Only root can give it to somebody else. */
	if (geteuid() == 0) {
		assert_int_equal(fchown(directory->fd, 1, 1), 0);
		assert_false(tree_prepare(
			&tree, directory->path, false, false, &error));
		assert_int_equal(error.code, ERR_USAGE);
		assert_non_null(strstr(error.message, "belongs to user 1"));
		assert_non_null(strstr(error.hint, "chown 0"));
		tree_close(&tree);
		assert_int_equal(fchown(directory->fd, 0, 0), 0);
	}

	file_store(directory, "here", "x", 1);
	assert_false(
		tree_prepare(&tree, directory->path, false, false, &error));
	assert_int_equal(error.code, ERR_USAGE);
	assert_non_null(strstr(error.message, "not empty"));
	/* What was there is not ours to remove. */
	tree_discard(&tree);
	tree_close(&tree);
	file_holds(directory, "here", "x", 1);

	assert_int_equal(unlinkat(directory->fd, "here", 0), 0);
	assert_true(tree_prepare(&tree, directory->path, false, false, &error));
	assert_false(tree.made);
	make(&tree, "base/5/1", "a");
	tree_discard(&tree);
	tree_close(&tree);
	assert_int_equal(temporary_directory_count(directory), 0);
}

static void
same(void **state)
{
	const struct directory *directory = *state;
	char path[512];
	struct tree tree;
	struct tree other;
	struct error error;

	open_target(&tree, directory, false);
	tree_init(&other);
	assert_false(tree_is_same(&tree, &other));
	(void)snprintf(path, sizeof(path), "%s/./parent/../parent//target/",
		directory->path);
	assert_true(tree_prepare(&other, path, false, true, &error));
	assert_true(tree_is_same(&tree, &other));
	tree_close(&other);
	(void)snprintf(path, sizeof(path), "%s/parent/1/2/3/", directory->path);
	assert_true(tree_prepare(&other, path, false, true, &error));
	assert_false(tree_is_same(&tree, &other));
	assert_true(tree_sync(&other, &error));
	tree_discard(&other);
	tree_close(&other);
	assert_int_equal(faccessat(tree.directory.fd, "../1", F_OK, 0), -1);
	close_target(&tree, directory);
}

static void
below(void **state)
{
	struct tree tree;
	struct tree inner;
	struct error error;

	open_target(&tree, *state, false);
	tree_init(&inner);
	assert_false(tree_open_below(&inner, &tree, "../x", &error));
	assert_false(tree_open_below(&inner, &tree, "missing", &error));
	assert_true(tree_make_directory(&tree, "pg_tblspc/1", &error));
	assert_true(tree_open_below(&inner, &tree, "pg_tblspc/1", &error));
	make(&inner, "PG_15/5/1", "a");
	assert_int_equal(mode_of(&tree, "pg_tblspc/1/PG_15/5/1"), 0600);
	tree_discard(&inner);
	tree_close(&inner);
	close_target(&tree, *state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(files),
		directory_test(group),
		directory_test(names_refused),
		directory_test(links_not_followed),
		directory_test(targets_refused),
		directory_test(same),
		directory_test(below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
