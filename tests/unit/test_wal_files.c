#include "backup/wal_files.h"

#include "archive_files.h"
#include "tar_builder.h"
#include "wal_builder.h"

#define SEGMENT WAL_BUILDER_SEGMENT
#define BEGIN ((lsn)0x10000000)

#define FIRST "000000010000000000000100"
#define SECOND "000000010000000000000101"
#define THIRD "000000010000000000000102"

/* WAL of two segments and a part of a third, and what a backup wants of it. */
static void
make_wal(struct wal_builder *wal, struct wal_range *range)
{
	wal_builder_init(wal, BEGIN);
	wal_builder_add_many(wal, 2 * (size_t)SEGMENT + 20000);
	*range = (struct wal_range){
		.identity = {WAL_BUILDER_SYSTEM, SEGMENT},
		.begin = {BEGIN + 40, 1},
		.end = {lsn_align(wal->at), 1},
	};
}

/* One segment of it, whole, below path. */
static void
store(const struct directory *directory, struct wal_builder *wal,
	const char *name, int number)
{
	file_store(directory, name, wal->bytes + (size_t)number * SEGMENT,
		SEGMENT);
}

static void
open_tree(struct tree *tree, struct directory *folder,
	const struct directory *directory)
{
	char path[512];
	struct error error;

	(void)snprintf(path, sizeof(path), "%s/target", directory->path);
	tree_init(tree);
	assert_true(tree_prepare(tree, path, false, true, &error));
	assert_true(tree_make_directory(tree, "pg_wal", &error));
	(void)snprintf(path, sizeof(path), "%s/target/pg_wal", directory->path);
	directory_init(folder);
	assert_true(directory_open(folder, path, &error));
}

static void
close_tree(struct tree *tree, struct directory *folder)
{
	directory_close(folder);
	tree_discard(tree);
	tree_close(tree);
}

static void
settled(void **state)
{
	struct wal_builder wal;
	struct wal_range range;
	struct directory folder;
	struct tree tree;
	struct error error;
	char path[512];
	struct directory marks;

	make_wal(&wal, &range);
	open_tree(&tree, &folder, *state);
	store(&folder, &wal, FIRST, 0);
	store(&folder, &wal, SECOND, 1);
	store(&folder, &wal, THIRD ".partial", 2);
	file_store(&folder, "00000002.history", "x", 1);
	file_store(&folder, ".walfetch.lock", "1", 1);
	if (!wal_files_settle(&tree, "pg_wal", &range, &error))
		fail_msg("%s", error.message);
	assert_names(&folder,
		FIRST " " SECOND " " THIRD " 00000002.history archive_status");
	(void)snprintf(path, sizeof(path), "%s/archive_status", folder.path);
	directory_init(&marks);
	assert_true(directory_open(&marks, path, &error));
	assert_names(&marks,
		FIRST ".done " SECOND ".done " THIRD
		      ".done 00000002.history.done");
	directory_close(&marks);
	close_tree(&tree, &folder);
	wal_builder_free(&wal);
}

/* The end just where a segment does: the open one after it is not needed. */
static void
settled_at_border(void **state)
{
	struct wal_builder wal;
	struct wal_range range;
	struct directory folder;
	struct tree tree;
	struct error error;

	make_wal(&wal, &range);
	range.end.at = BEGIN + 2 * (lsn)SEGMENT;
	open_tree(&tree, &folder, *state);
	store(&folder, &wal, FIRST, 0);
	store(&folder, &wal, SECOND, 1);
	store(&folder, &wal, THIRD ".partial", 2);
	assert_true(wal_files_settle(&tree, "pg_wal", &range, &error));
	assert_names(&folder, FIRST " " SECOND " archive_status");
	close_tree(&tree, &folder);
	wal_builder_free(&wal);
}

static void
missing(void **state)
{
	struct wal_builder wal;
	struct wal_range range;
	struct directory folder;
	struct tree tree;
	struct error error;

	make_wal(&wal, &range);
	open_tree(&tree, &folder, *state);
	store(&folder, &wal, FIRST, 0);
	store(&folder, &wal, THIRD ".partial", 2);
	assert_false(wal_files_settle(&tree, "pg_wal", &range, &error));
	assert_int_equal(error.code, ERR_GAP);
	assert_non_null(strstr(error.message, SECOND));
	close_tree(&tree, &folder);
	wal_builder_free(&wal);
}

static void
packed(void **state)
{
	struct wal_builder wal;
	struct wal_range range;
	struct directory folder;
	struct tree tree;
	struct error error;
	unsigned char *tar;
	size_t len;

	make_wal(&wal, &range);
	range.end.at = BEGIN + SEGMENT;
	open_tree(&tree, &folder, *state);
	store(&folder, &wal, FIRST, 0);
	assert_true(wal_files_settle(&tree, "pg_wal", &range, &error));
	if (!wal_files_pack(&tree, "pg_wal", CODEC_NONE, 0, &error))
		fail_msg("%s", error.message);
	assert_names(&tree.directory, "pg_wal.tar");
	tar = file_load(&tree.directory, "pg_wal.tar", &len);
	assert_true(len >= SEGMENT + 4 * TAR_BLOCK);
	assert_string_equal((const char *)tar, FIRST);
	assert_memory_equal(tar + TAR_BLOCK, wal.bytes, SEGMENT);
	assert_string_equal((const char *)tar + TAR_BLOCK + SEGMENT,
		"archive_status/" FIRST ".done");
	free(tar);
	close_tree(&tree, &folder);
	wal_builder_free(&wal);
}

/* Is the range archived? "" if so, else the first that is missing. */
static void
archived_but(const struct directory *directory, const struct wal_range *range,
	const char *wanted)
{
	char name[ARCHIVE_NAME_MAX] = "";
	struct error error;
	bool complete = false;

	if (!wal_files_archived(directory, range, &complete, name, &error))
		fail_msg("%s", error.message);
	assert_int_equal(complete, wanted[0] == '\0');
	assert_string_equal(complete ? "" : name, wanted);
}

static void
archived(void **state)
{
	const struct directory *directory = *state;
	struct wal_builder wal;
	struct wal_range range;
	struct wal_range beyond;

	make_wal(&wal, &range);
	archived_but(directory, &range, FIRST);
	file_encode(directory, FIRST ".gz", CODEC_GZIP, wal.bytes, SEGMENT);
	archived_but(directory, &range, SECOND);
	/* All but the last must be complete. */
	store(directory, &wal, SECOND ".partial", 1);
	archived_but(directory, &range, SECOND);
	store(directory, &wal, SECOND, 1);
	archived_but(directory, &range, THIRD);
	store(directory, &wal, THIRD ".partial", 2);
	archived_but(directory, &range, "");
	beyond = range;
	beyond.end.at += 8;
	archived_but(directory, &beyond, THIRD);
	store(directory, &wal, THIRD, 2);
	archived_but(directory, &beyond, "");
	/* Timelines that the backup has nothing to do with. */
	range.begin.timeline = 2;
	range.end.timeline = 2;
	archived_but(directory, &range, "000000020000000000000100");
	wal_builder_free(&wal);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(settled),
		directory_test(settled_at_border),
		directory_test(missing),
		directory_test(packed),
		directory_test(archived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
