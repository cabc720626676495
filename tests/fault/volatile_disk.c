/*
 * volatile_disk.c - a disk that loses, when its power is cut, what was written
 * and not flushed. Only for tests, by root, on Linux.
 *
 * usage: volatile_disk BYTES SEED FOLDER
 *
 * A FUSE file system with two files. "disk" is for a loop device: a flush of
 * that device arrives here as a sync. Its content is in memory, and gone with
 * the program. "control" takes one command a write:
 *
 * on                 the power is there again
 * cut KEEP now       cut it; each unflushed sector survives with KEEP per cent
 * cut KEEP write N   cut it in front of the Nth sector that is written from now
 * cut KEEP sync N    cut it in front of the Nth flush from now
 *
 * and reads as "on" or "off", the sectors written, the flushes, and the sectors
 * that the cuts took back and that they left although they were not flushed.
 * While it is off, every access fails.
 *
 * Sectors have 4 kB, as in most disks of today, and are written whole or not
 * at all. A disk keeps no order between what is not flushed; nor does this.
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include "dice.h"

#include <errno.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define SECTOR ((size_t)4096)

enum moment {
	NEVER,
	AT_WRITE,
	AT_SYNC
};

/* What a sector held at the last flush. */
struct undo {
	size_t sector;
	unsigned char bytes[SECTOR];
};

struct disk {
	unsigned char *bytes;
	size_t size;
	bool *unsynced; /* by sector: there is an undo */
	struct undo *undos;
	size_t undo_count;
	size_t undo_room;
	bool on;
	enum moment moment; /* of the cut that is to come */
	unsigned left;	    /* before it */
	unsigned keep;	    /* per cent */
	struct dice dice;
	uint64_t writes, syncs, lost, kept;
};

static struct disk *
the_disk(void)
{
	return fuse_get_context()->private_data;
}

static bool
is_control(const char *path)
{
	return strcmp(path, "/control") == 0;
}

static void
cut(struct disk *disk)
{
	disk->on = false;
	disk->moment = NEVER;
	for (size_t i = 0; i < disk->undo_count; i++) {
		const struct undo *undo = &disk->undos[i];

		disk->unsynced[undo->sector] = false;
		if (dice_below(&disk->dice, 100) < disk->keep) {
			disk->kept++;
			continue;
		}
		disk->lost++;
		memcpy(disk->bytes + undo->sector * SECTOR, undo->bytes,
			SECTOR);
	}
	disk->undo_count = 0;
}

/* True while the power is there; a cut may be due. */
static bool
powered(struct disk *disk, enum moment moment)
{
	if (disk->moment == moment && --disk->left == 0)
		cut(disk);
	return disk->on;
}

/* Note what a sector holds, for the case that it is never flushed. */
static bool
remember(struct disk *disk, size_t sector)
{
	struct undo *undo;

	if (disk->unsynced[sector])
		return true;
	if (disk->undo_count == disk->undo_room) {
		size_t room = disk->undo_room == 0 ? 64 : 2 * disk->undo_room;

		undo = realloc(disk->undos, room * sizeof(*undo));
		if (undo == NULL)
			return false;
		disk->undos = undo;
		disk->undo_room = room;
	}
	undo = &disk->undos[disk->undo_count++];
	undo->sector = sector;
	memcpy(undo->bytes, disk->bytes + sector * SECTOR, SECTOR);
	disk->unsynced[sector] = true;
	return true;
}

static int
disk_write(struct disk *disk, const char *data, size_t len, size_t offset)
{
	size_t done = 0;

	if (offset > disk->size || len > disk->size - offset)
		return -ENOSPC;
	while (done < len) {
		size_t at = offset + done;
		size_t piece = SECTOR - at % SECTOR;

		if (piece > len - done)
			piece = len - done;
		if (!powered(disk, AT_WRITE) || !remember(disk, at / SECTOR))
			return -EIO;
		memcpy(disk->bytes + at, data + done, piece);
		disk->writes++;
		done += piece;
	}
	return (int)len;
}

static int
disk_read(const struct disk *disk, char *data, size_t len, size_t offset)
{
	if (!disk->on)
		return -EIO;
	if (offset >= disk->size)
		return 0;
	if (len > disk->size - offset)
		len = disk->size - offset;
	memcpy(data, disk->bytes + offset, len);
	return (int)len;
}

static int
disk_sync(struct disk *disk)
{
	if (!powered(disk, AT_SYNC))
		return -EIO;
	for (size_t i = 0; i < disk->undo_count; i++)
		disk->unsynced[disk->undos[i].sector] = false;
	disk->undo_count = 0;
	disk->syncs++;
	return 0;
}

static int
control_write(struct disk *disk, const char *data, size_t len)
{
	char command[64];
	char when[8];
	unsigned keep, left = 0;

	if (len >= sizeof(command))
		return -EINVAL;
	memcpy(command, data, len);
	command[len] = '\0';
	if (strcmp(command, "on\n") == 0) {
		disk->on = true;
		return (int)len;
	}
	if (!disk->on ||
		sscanf(command, "cut %u %7s %u", &keep, when, &left) < 2)
		return -EINVAL;
	disk->keep = keep;
	if (strcmp(when, "now") == 0) {
		cut(disk);
	} else if (left > 0) {
		disk->moment = strcmp(when, "sync") == 0 ? AT_SYNC : AT_WRITE;
		disk->left = left;
	} else {
		return -EINVAL;
	}
	return (int)len;
}

static int
control_read(const struct disk *disk, char *data, size_t len, size_t offset)
{
	char line[128];
	int size = snprintf(line, sizeof(line), "%s %llu %llu %llu %llu\n",
		disk->on ? "on" : "off", (unsigned long long)disk->writes,
		(unsigned long long)disk->syncs, (unsigned long long)disk->lost,
		(unsigned long long)disk->kept);

	if (offset >= (size_t)size)
		return 0;
	if (len > (size_t)size - offset)
		len = (size_t)size - offset;
	memcpy(data, line + offset, len);
	return (int)len;
}

static int
on_getattr(const char *path, struct stat *stat, struct fuse_file_info *file)
{
	(void)file;
	memset(stat, 0, sizeof(*stat));
	stat->st_nlink = 1;
	if (strcmp(path, "/") == 0) {
		stat->st_mode = S_IFDIR | 0755;
	} else if (is_control(path)) {
		stat->st_mode = S_IFREG | 0666;
	} else if (strcmp(path, "/disk") == 0) {
		stat->st_mode = S_IFREG | 0600;
		stat->st_size = (off_t)the_disk()->size;
	} else {
		return -ENOENT;
	}
	return 0;
}

/* The kernel is to keep nothing of the content. */
static int
on_open(const char *path, struct fuse_file_info *file)
{
	(void)path;
	file->direct_io = 1;
	return 0;
}

static int
on_read(const char *path, char *data, size_t len, off_t offset,
	struct fuse_file_info *file)
{
	(void)file;
	if (is_control(path))
		return control_read(the_disk(), data, len, (size_t)offset);
	return disk_read(the_disk(), data, len, (size_t)offset);
}

static int
on_write(const char *path, const char *data, size_t len, off_t offset,
	struct fuse_file_info *file)
{
	(void)file;
	if (is_control(path))
		return control_write(the_disk(), data, len);
	return disk_write(the_disk(), data, len, (size_t)offset);
}

static int
on_fsync(const char *path, int only_data, struct fuse_file_info *file)
{
	(void)only_data;
	(void)file;
	return is_control(path) ? 0 : disk_sync(the_disk());
}

static bool
disk_make(struct disk *disk, const char *bytes, const char *seed)
{
	memset(disk, 0, sizeof(*disk));
	disk->on = true;
	disk->size = strtoull(bytes, NULL, 10) / SECTOR * SECTOR;
	disk->dice.state = strtoull(seed, NULL, 10);
	if (disk->size == 0)
		return false;
	disk->bytes = mmap(NULL, disk->size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (disk->bytes == MAP_FAILED)
		return false;
	disk->unsynced = calloc(disk->size / SECTOR, sizeof(*disk->unsynced));
	return disk->unsynced != NULL;
}

int
main(int argc, char **argv)
{
	static const struct fuse_operations operations = {
		.getattr = on_getattr,
		.open = on_open,
		.read = on_read,
		.write = on_write,
		.fsync = on_fsync,
	};
	/* In the foreground, one request at a time. */
	char *options[] = {argv[0], "-f", "-s", "-o",
		"allow_other,default_permissions", NULL, NULL};
	struct disk disk;

	if (argc != 4 || !disk_make(&disk, argv[1], argv[2])) {
		fprintf(stderr, "usage: volatile_disk BYTES SEED FOLDER\n");
		return 1;
	}
	/*
	 * A call for memory must not wait for a file system to write what is
	 * dirty: that may be the one that is on this disk. Where we may not ask
	 * for that, memory must not be short.
	 */
	(void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	options[5] = argv[3];
	return fuse_main(6, options, &operations, &disk);
}
