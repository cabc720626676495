/*
 * A base backup's archive (a byte: of a tablespace or of the data directory),
 * unpacked. Nothing appears outside its folders, and nothing stays.
 */
#include "backup/writing.h"
#include "scratch.h"

#define SPACE_OID 16384

struct scene {
	struct directory *parent;
	struct tree data;
	struct tree trees[2];
	struct base_backup_tablespace tablespaces[2];
	struct base_backup backup;
	struct backup_writer_config config;
	struct member_check check;
	struct text notices;
};

static bool
hand_out(void *context, const void **data, size_t *len, struct error *error)
{
	struct fuzz_source *source = context;
	const uint8_t *piece = NULL;

	(void)error;
	*len = 0;
	if (source->input.left > 0)
		*len = fuzz_piece(&source->input, &source->state, &piece);
	*data = piece;
	return true;
}

static void
pass_over(void *context)
{
	(void)context;
}

static void
prepare(struct scene *scene, struct tree *tree, const char *name)
{
	struct error error;
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", scene->parent->path, name);
	tree_init(tree);
	fuzz_expect(tree_prepare(tree, path, false, true, &error));
	tree->directory.sync = false;
}

static void
begin(struct scene *scene)
{
	struct error error;

	memset(scene, 0, sizeof(*scene));
	scene->parent = scratch_create();
	prepare(scene, &scene->data, "data");
	prepare(scene, &scene->trees[0], "space");
	tree_init(&scene->trees[1]);
	scene->tablespaces[0].oid = SPACE_OID;
	scene->backup.tablespaces = scene->tablespaces;
	scene->backup.count = 2;
	scene->config = (struct backup_writer_config){
		.backup = &scene->backup,
		.data = &scene->data,
		.tablespaces = scene->trees,
		.plain = true,
		.settings = "primary_conninfo = ''\n",
		.digest = DIGEST_CRC32C,
		.pages = {.start = 0x1000000,
			.block_size = 8192,
			.segment_blocks = 131072},
	};
	text_init(&scene->notices);
	fuzz_expect(member_check_init(&scene->check, scene->config.digest,
		&scene->config.pages, &error));
}

static void
unpack(struct scene *scene, size_t index, struct fuzz_source *source)
{
	struct writing writing = {
		.config = &scene->config,
		.check = &scene->check,
		.tablespace = &scene->tablespaces[index],
		.index = index,
		.notices = &scene->notices,
		.publish_notices = pass_over,
	};
	struct error error;

	if (!tar_reader_open(&writing.reader, hand_out, source, &error)) {
		fuzz_expect_error(&error);
		return;
	}
	if (!unpack_archive(&writing, &error))
		fuzz_expect_error(&error);
	tar_reader_free(writing.reader);
}

static void
end(struct scene *scene)
{
	fuzz_expect(temporary_directory_count(scene->parent) == 2);
	tree_discard(&scene->data);
	tree_discard(&scene->trees[0]);
	fuzz_expect(temporary_directory_count(scene->parent) == 0);
	tree_close(&scene->data);
	tree_close(&scene->trees[0]);
	member_check_free(&scene->check);
	text_free(&scene->notices);
	scratch_free(scene->parent);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_source source = {{data, size}, 1};
	struct scene scene;
	size_t index = fuzz_byte(&source.input) % 2;

	begin(&scene);
	unpack(&scene, index, &source);
	end(&scene);
	return 0;
}
