#include "backup/backup_writer.h"

#include "archive_files.h"
#include "base/clock.h"
#include "server/libpq.h"
#include "sound_page.h"
#include "tar_builder.h"

#include <errno.h>

#define START ((lsn)0x100000000)

/* A backup of a data directory and one tablespace, sent without a server. */
struct scene {
	struct tree data;
	struct tree trees[2];
	struct base_backup_tablespace tablespaces[2];
	struct base_backup backup;
	struct backup_writer_config config;
	struct backup_writer *writer;
	struct error error;
};

static void
begin(struct scene *scene, const struct directory *directory, bool plain)
{
	char path[512];

	*scene = (struct scene){.error = {.code = ERR_NONE}};
	for (int i = 0; i < 3; i++) {
		struct tree *tree = i == 2 ? &scene->data : &scene->trees[i];

		tree_init(tree);
		(void)snprintf(path, sizeof(path), "%s/%s", directory->path,
			i == 2 ? "data" : "space");
		if (i != 1)
			assert_true(tree_prepare(
				tree, path, false, true, &scene->error));
	}
	(void)snprintf(path, sizeof(path), "/space");
	scene->tablespaces[0] = (struct base_backup_tablespace){
		.oid = 7, .location = strdup(path)};
	scene->backup = (struct base_backup){
		.tablespaces = scene->tablespaces,
		.count = 2,
		.one_copy = plain,
	};
	scene->config = (struct backup_writer_config){
		.backup = &scene->backup,
		.data = &scene->data,
		.tablespaces = scene->trees,
		.plain = plain,
		.digest = DIGEST_CRC32C,
		.pages = {.start = START,
			.block_size = PAGE,
			.segment_blocks = 131072},
	};
}

static void
end(struct scene *scene)
{
	backup_writer_free(scene->writer);
	tree_discard(&scene->data);
	tree_discard(&scene->trees[0]);
	tree_close(&scene->data);
	tree_close(&scene->trees[0]);
	free(scene->tablespaces[0].location);
}

static void
put(struct scene *scene, enum base_backup_event_kind kind, size_t index)
{
	struct base_backup_event event = {.kind = kind, .index = index};

	assert_true(chunk_queue_put(
		backup_writer_queue(scene->writer), &event, &scene->error));
}

/* In pieces of 700 bytes, each with a byte in front that does not count. */
static void
put_data(struct scene *scene, const struct text *bytes)
{
	for (size_t at = 0; at < bytes->len; at += 700) {
		size_t left = bytes->len - at;
		size_t len = left < 700 ? left : 700;
		struct base_backup_event event = {
			.kind = BACKUP_DATA, .offset = 1};

		event.message.data = malloc(len + 1);
		event.message.len = len + 1;
		assert_non_null(event.message.data);
		memcpy(event.message.data + 1, bytes->string + at, len);
		assert_true(chunk_queue_put(backup_writer_queue(scene->writer),
			&event, &scene->error));
	}
}

/* Send one archive of each, and a manifest. */
static bool
send(struct scene *scene, const struct text *space, const struct text *data)
{
	struct text manifest;

	if (!backup_writer_start(&scene->writer, &scene->config, &scene->error))
		return false;
	put(scene, BACKUP_ARCHIVE, 0);
	put_data(scene, space);
	put(scene, BACKUP_ARCHIVE, 1);
	put_data(scene, data);
	put(scene, BACKUP_MANIFEST, 0);
	text_init(&manifest);
	text_printf(&manifest, "manifest");
	put_data(scene, &manifest);
	text_free(&manifest);
	put(scene, BACKUP_END, 0);
	while (!backup_writer_ended(scene->writer, USECS_PER_SEC))
		continue;
	return backup_writer_join(scene->writer, &scene->error);
}

static void
make_archives(struct text *space, struct text *data)
{
	text_init(space);
	tar_add(space, '5', "PG_15/", "", "");
	tar_add(space, '0', "PG_15/5/1", "", "one");
	text_init(data);
	tar_add(data, '0', "backup_label", "", "label");
	tar_add(data, '2', "pg_tblspc/7", "/somewhere", "");
	tar_add(data, '0', "postgresql.auto.conf", "", "a = 1\n");
	tar_add(data, '0', "global/pg_control", "", "control");
}

static void
holds(const struct tree *tree, const char *path, const char *wanted)
{
	char content[1024] = "";
	int fd = openat(tree->directory.fd, path, O_RDONLY);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_true(read(fd, content, sizeof(content) - 1) >= 0);
	(void)close(fd);
	assert_string_equal(content, wanted);
}

static bool
is_there(const struct tree *tree, const char *path)
{
	return faccessat(tree->directory.fd, path, F_OK, 0) == 0;
}

static void
unpacked(void **state)
{
	struct backup_writer_results results;
	struct scene scene;
	struct text space;
	struct text data;
	char link[512] = "";

	begin(&scene, *state, true);
	make_archives(&space, &data);
	scene.config.settings = "b = 2\n";
	if (!send(&scene, &space, &data))
		fail_msg("%s", scene.error.message);
	holds(&scene.data, "backup_label", "label");
	holds(&scene.data, "postgresql.auto.conf", "a = 1\nb = 2\n");
	holds(&scene.data, "standby.signal", "");
	holds(&scene.data, "pg_tblspc/7/PG_15/5/1", "one");
	/* To where we put it, whatever the server said. */
	assert_true(readlinkat(scene.data.directory.fd, "pg_tblspc/7", link,
			    sizeof(link) - 1) > 0);
	assert_string_equal(link, scene.trees[0].directory.path);

	results = backup_writer_results(scene.writer);
	assert_string_equal(results.manifest->string, "manifest");
	assert_int_equal(results.list->count, 4);
	assert_string_equal(
		results.list->entries[0].path, "pg_tblspc/7/PG_15/5/1");
	assert_int_equal(results.bad_pages, 0);
	assert_int_equal(
		backup_writer_bytes(scene.writer), space.len + data.len);

	assert_false(is_there(&scene.data, "global/pg_control"));
	assert_true(backup_writer_publish(scene.writer, &scene.error));
	holds(&scene.data, "global/pg_control", "control");
	end(&scene);
	text_free(&space);
	text_free(&data);
}

static void
packed(void **state)
{
	struct scene scene;
	struct text space;
	struct text data;
	struct stat status;

	begin(&scene, *state, false);
	make_archives(&space, &data);
	if (!send(&scene, &space, &data))
		fail_msg("%s", scene.error.message);
	assert_false(is_there(&scene.data, "base.tar"));
	assert_true(backup_writer_publish(scene.writer, &scene.error));
	/* Byte for byte, with the end that was missing. */
	assert_int_equal(
		fstatat(scene.data.directory.fd, "base.tar", &status, 0), 0);
	assert_int_equal(status.st_size, data.len + 2 * TAR_BLOCK);
	assert_int_equal(
		fstatat(scene.data.directory.fd, "7.tar", &status, 0), 0);
	assert_int_equal(status.st_size, space.len + 2 * TAR_BLOCK);
	assert_int_equal(backup_writer_results(scene.writer).list->count, 4);
	end(&scene);
	text_free(&space);
	text_free(&data);
}

static void
bad_pages(void **state)
{
	unsigned char page[PAGE];
	struct scene scene;
	struct text space;
	struct text data;
	struct text notices;
	char content[PAGE + 1];

	begin(&scene, *state, true);
	make_archives(&space, &data);
	make_page(page, 1, START - 8);
	/* tar_add takes a string. */
	for (size_t i = 0; i < PAGE; i++)
		content[i] = (char)(page[i] == 0 ? 1 : page[i]);
	content[PAGE] = '\0';
	tar_add(&data, '0', "base/5/16384", "", content);
	tar_add(&data, '0', "base/5/PG_VERSION", "", content);
	scene.config.pages.start = LSN_MAX;
	assert_true(send(&scene, &space, &data));
	assert_int_equal(backup_writer_results(scene.writer).bad_pages, 1);
	text_init(&notices);
	backup_writer_notices(scene.writer, &notices);
	assert_string_equal(notices.string,
		"checksum verification failed in file \"base/5/16384\": 1 of "
		"its pages, the first is block 0\n");
	text_free(&notices);
	end(&scene);
	text_free(&space);
	text_free(&data);
}

/* An archive of the data directory with this member is refused. */
static void
refused(const struct directory *directory, char type, const char *name,
	const char *target)
{
	struct scene scene;
	struct text space;
	struct text data;

	begin(&scene, directory, true);
	make_archives(&space, &data);
	tar_add(&data, type, name, target, type == '0' ? "evil" : "");
	if (send(&scene, &space, &data))
		fail_msg("%c %s %s was accepted", type, name, target);
	if (scene.error.code != ERR_PROTOCOL && scene.error.code != ERR_SYSTEM)
		fail_msg("%s", scene.error.message);
	end(&scene);
	text_free(&space);
	text_free(&data);
	/* Nothing beside the target and the tablespace, which are gone. */
	assert_int_equal(temporary_directory_count(directory), 0);
}

static void
hostile(void **state)
{
	char absolute[512];

	(void)snprintf(absolute, sizeof(absolute), "%s/evil",
		((const struct directory *)*state)->path);
	refused(*state, '0', "../evil", "");
	refused(*state, '0', "base/../../evil", "");
	refused(*state, '0', absolute, "");
	refused(*state, '5', "../evil", "");
	refused(*state, '0', "..", "");
	refused(*state, '2', "evil", "..");
	refused(*state, '2', "pg_tblspc/8", "..");
	refused(*state, '2', "../pg_tblspc/7", "..");
	refused(*state, '1', "evil", "../../outside");
	refused(*state, '3', "evil", "");
	refused(*state, '6', "evil", "");
	/* Through the link of the tablespace, and over what was sent. */
	refused(*state, '0', "pg_tblspc/7/evil", "");
	refused(*state, '0', "pg_tblspc/7", "");
	refused(*state, '2', "pg_tblspc/7", "/somewhere");
	refused(*state, '0', "backup_label", "");
	refused(*state, '0', "global/pg_control", "");
	refused(*state, '0', "backup_label/evil", "");
}

static void
given_up(void **state)
{
	struct base_backup_event event = {.kind = BACKUP_ARCHIVE};
	struct scene scene;

	begin(&scene, *state, true);
	assert_true(backup_writer_start(
		&scene.writer, &scene.config, &scene.error));
	assert_true(chunk_queue_put(
		backup_writer_queue(scene.writer), &event, &scene.error));
	assert_false(backup_writer_ended(scene.writer, 1));
	end(&scene);
	backup_writer_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(unpacked),
		directory_test(packed),
		directory_test(bad_pages),
		directory_test(hostile),
		directory_test(given_up),
	};
	struct error error;

	/* The messages are libpq's to free. */
	if (!libpq_load(&error))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
