#include "restore/ahead.h"

#include "archive/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".ahead"

static void
cached_name(char name[ARCHIVE_NAME_MAX], const char *segment)
{
	(void)snprintf(name, ARCHIVE_NAME_MAX, "%s" SUFFIX, segment);
}

static bool
is_same(const struct directory *a, const struct directory *b)
{
	struct stat one;
	struct stat other;

	return fstat(a->fd, &one) == 0 && fstat(b->fd, &other) == 0 &&
		one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool
ahead_open(struct ahead *ahead, const char *path, struct error *error)
{
	directory_init(&ahead->cache);
	ahead->cache.file_mode = ahead->request->directory.file_mode;
	if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
		return error_set_errno(
			error, "could not create directory \"%s\"", path);
	if (!directory_open(&ahead->cache, path, error))
		return false;
	if (!is_same(&ahead->cache, ahead->archive) &&
		!is_same(&ahead->cache, &ahead->request->directory))
		return true;
	ahead_close(ahead);
	return error_set(error, ERR_USAGE,
		"\"%s\" cannot be the cache: it is in use already", path);
}

void
ahead_close(struct ahead *ahead)
{
	directory_close(&ahead->cache);
}

/* The complete file of a segment in the archive. */
struct stored {
	char name[ARCHIVE_NAME_MAX];
	enum codec codec;
	struct stat status;
};

/* False: there is none. A raw one wins, as it does when it is asked for. */
static bool
find_stored(
	const struct ahead *ahead, const char *segment, struct stored *stored)
{
	for (int i = CODEC_NONE; i < CODECS; i++) {
		(void)snprintf(stored->name, sizeof(stored->name), "%s%s",
			segment, codec_suffix((enum codec)i));
		stored->codec = (enum codec)i;
		if (fstatat(ahead->archive->fd, stored->name, &stored->status,
			    AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/*
 * Is the cached file a segment of its name, and whole? Two forks can bear the
 * same numbers: it must have been made of the very file that is there now.
 */
static bool
check_cached(const struct ahead *ahead, const char *name,
	struct transfer_result *result)
{
	const struct transfer_spec spec = {
		.archive = &ahead->cache,
		.file = name,
		.segment = ahead->request->name,
		.system_identifier = ahead->request->system_identifier,
	};
	unsigned char head[WAL_LONG_HEADER_LEN];
	struct stored stored;
	struct stat status;
	struct error ignored;
	bool success;
	int fd;

	if (!find_stored(ahead, ahead->request->name, &stored) ||
		!durable_open_to_read(&ahead->cache, name, &fd, &ignored))
		return false;
	success = pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
		transfer_check_head(&spec, head, result, &ignored) &&
		fstat(fd, &status) == 0 &&
		status.st_size == (off_t)result->segment_size &&
		is_same_time(&status.st_mtim, &stored.status.st_mtim);
	(void)close(fd);
	return success;
}

/* Where a cache on another file system cannot give the file itself away. */
static bool
copy_over(const struct ahead *ahead, const char *name, struct error *error)
{
	const struct restore_request *request = ahead->request;
	const struct transfer_spec spec = {
		.archive = &ahead->cache,
		.file = name,
		.codec = CODEC_NONE,
		.segment = request->name,
		.system_identifier = request->system_identifier,
		.target = &request->directory,
		.temporary = request->temporary,
	};
	struct transfer_result ignored;

	return transfer_segment(&spec, &ignored, error) &&
		durable_rename(&request->directory, request->temporary,
			request->target, error) &&
		durable_unlink(&ahead->cache, name, error);
}

bool
ahead_take(struct ahead *ahead, struct transfer_result *taken, bool *found,
	struct error *error)
{
	const struct restore_request *request = ahead->request;
	char name[ARCHIVE_NAME_MAX];
	struct error ignored;

	cached_name(name, request->name);
	*found = false;
	if (faccessat(ahead->cache.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return true;
	if (!check_cached(ahead, name, taken)) {
		(void)durable_unlink(&ahead->cache, name, &ignored);
		return true;
	}
	*found = true;
	if (renameat(ahead->cache.fd, name, request->directory.fd,
		    request->target) == 0)
		return true;
	if (errno == EXDEV)
		return copy_over(ahead, name, error);
	return error_set_errno(error,
		"could not rename file \"%s/%s\" to \"%s/%s\"",
		ahead->cache.path, name, request->directory.path,
		request->target);
}

/* "SEGMENT.ahead" or ".SEGMENT.ahead.tmp": one of ours, of which segment? */
static bool
parse_cached(const char *name, uint32_t segment_size, uint32_t *timeline,
	uint64_t *number, bool *temporary)
{
	*temporary = name[0] == '.';
	if (*temporary)
		name++;
	return segment_name_parse(name, segment_size, timeline, number) &&
		strcmp(name + SEGMENT_NAME_LEN,
			*temporary ? SUFFIX ".tmp" : SUFFIX) == 0;
}

/*
 * Remove what nobody will ask for. temporaries: also what a process left that
 * died, which only the holder of the lock can tell.
 */
static void
sweep(const struct ahead *ahead, const struct transfer_result *served,
	bool temporaries)
{
	int fd = openat(
		ahead->cache.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		uint32_t timeline;
		uint64_t number;
		bool temporary;

		if (!parse_cached(entry->d_name, served->segment_size,
			    &timeline, &number, &temporary))
			continue;
		if (temporary ? temporaries
			      : timeline != served->timeline ||
					number <= served->number ||
					number > served->number + ahead->count)
			(void)unlinkat(ahead->cache.fd, entry->d_name, 0);
	}
	if (stream != NULL)
		(void)closedir(stream);
	else if (fd >= 0)
		(void)close(fd);
}

/* The n-th segment after the one served, on its timeline. */
static void
segment_after(const struct transfer_result *served, unsigned n,
	char segment[SEGMENT_NAME_LEN + 1])
{
	segment_name_format(segment, served->timeline, served->number + n,
		served->segment_size);
}

static bool
is_cached(const struct ahead *ahead, const char *segment)
{
	char name[ARCHIVE_NAME_MAX];

	cached_name(name, segment);
	return faccessat(ahead->cache.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Sync the temporary file, which gets the time of the one it was made of. */
static bool
finish(const struct ahead *ahead, const char *temporary,
	const struct stored *stored)
{
	const struct timespec times[] = {
		stored->status.st_mtim, stored->status.st_mtim};
	struct error ignored;
	bool success;
	int fd;

	if (!durable_open_to_read(&ahead->cache, temporary, &fd, &ignored))
		return false;
	success = futimens(fd, times) == 0 &&
		durable_sync(&ahead->cache, fd, temporary, &ignored);
	(void)close(fd);
	return success;
}

/* Make one segment ready; false ends the work. */
static bool
prepare(const struct ahead *ahead, const char *segment)
{
	struct stored stored;
	char temporary[ARCHIVE_NAME_MAX];
	char name[ARCHIVE_NAME_MAX];
	struct transfer_spec spec = {
		.archive = ahead->archive,
		.file = stored.name,
		.segment = segment,
		.system_identifier = ahead->request->system_identifier,
		.verify = true,
		.target = &ahead->cache,
		.temporary = temporary,
	};
	struct transfer_result result;
	struct error ignored;

	if (is_cached(ahead, segment))
		return true;
	if (!find_stored(ahead, segment, &stored))
		return false;
	if (stored.codec == CODEC_NONE)
		return true;
	spec.codec = stored.codec;
	cached_name(name, segment);
	archive_name_temporary(temporary, name);
	if (!transfer_segment(&spec, &result, &ignored))
		return false;
	if (finish(ahead, temporary, &stored) &&
		durable_rename(&ahead->cache, temporary, name, &ignored))
		return true;
	(void)durable_unlink(&ahead->cache, temporary, &ignored);
	return false;
}

/* The server's log would be kept open by its descriptors. */
static void
let_go_of_descriptors(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = STDIN_FILENO; fd >= 0 && i <= STDERR_FILENO; i++)
		(void)dup2(fd, i);
}

static void
work(const struct ahead *ahead, const struct transfer_result *served)
{
	char segment[SEGMENT_NAME_LEN + 1];
	struct error ignored;
	int lock;

	let_go_of_descriptors();
	if (!archive_lock_acquire(&ahead->cache, &lock, &ignored))
		return;
	sweep(ahead, served, true);
	for (unsigned n = 1; n <= ahead->count; n++) {
		segment_after(served, n, segment);
		if (!prepare(ahead, segment))
			break;
	}
	archive_lock_release(lock);
}

/* Is there one of the next segments that is wanted in the cache, and not? */
static bool
wants_work(const struct ahead *ahead, const struct transfer_result *served)
{
	char segment[SEGMENT_NAME_LEN + 1];
	struct stored stored;

	for (unsigned n = 1; n <= ahead->count; n++) {
		segment_after(served, n, segment);
		if (is_cached(ahead, segment))
			continue;
		if (!find_stored(ahead, segment, &stored))
			return false;
		if (stored.codec != CODEC_NONE)
			return true;
	}
	return false;
}

void
ahead_start(struct ahead *ahead, const struct transfer_result *served)
{
	sweep(ahead, served, false);
	if (!wants_work(ahead, served))
		return;
	if (fork() == 0) {
		work(ahead, served);
		_exit(0);
	}
}
