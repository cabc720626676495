#include "archive/lock.h"
#include "archive/open_segment.h"
#include "archive/resume.h"
#include "base/clock.h"
#include "base/number.h"
#include "check/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* When the server does not tell. */
#define SEGMENT_SIZE_USUAL (UINT32_C(16) << 20)

/* Segments: the open one and the next; and some hours of a quiet server. */
#define SEGMENTS_LEAST 2
#define SEGMENTS_FEW 64

#define PROBE_SIZE 8192

/* *open: it is there, and was opened. */
static bool
open_place(struct check *check, struct directory *directory, bool *open,
	struct error *error)
{
	const char *path = check->config->directory;
	struct error failure;
	struct verdict *row;

	*open = directory_open(directory, path, &failure);
	if (*open) {
		verdict_add(
			check->verdicts, VERDICT_OK, "directory", "%s", path);
		return true;
	}
	if (check_passes_on(&failure)) {
		*error = failure;
		return false;
	}
	row = verdict_error(check->verdicts, failure.code, "directory", "%s",
		failure.message);
	if (failure.sys_errno == ENOENT)
		verdict_mend(row, "Make it: mkdir -p -m 700 '%s'", path);
	else if (failure.sys_errno == ENOTDIR)
		verdict_mend(row, "Name a directory.");
	else if (failure.sys_errno == EACCES)
		verdict_mend(row,
			"Run as its owner, or let this user into it and all "
			"directories above.");
	else
		verdict_mend(row, "Name a directory that can be opened.");
	return true;
}

static void
check_owner(struct check *check, const struct stat *stat)
{
	if (stat->st_uid == geteuid()) {
		verdict_add(check->verdicts, VERDICT_OK, "owner", "this user");
		return;
	}
	verdict_mend(verdict_add(check->verdicts, VERDICT_WARNING, "owner",
			     "user %u, and this is user %u",
			     (unsigned)stat->st_uid, (unsigned)geteuid()),
		"Run walfetch as the owner, or as root: chown %u '%s'",
		(unsigned)geteuid(), check->config->directory);
}

static void
check_mode(struct check *check, const struct stat *stat)
{
	mode_t mode = stat->st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
	struct verdict *row;

	if ((mode & (S_IWGRP | S_IWOTH)) != 0) {
		row = verdict_error(check->verdicts, ERR_SYSTEM, "mode", "%04o",
			(unsigned)mode);
		verdict_mean(row, "others may remove or replace files");
	} else if ((mode & S_IRWXO) != 0) {
		row = verdict_add(check->verdicts, VERDICT_WARNING, "mode",
			"%04o", (unsigned)mode);
		verdict_mean(row, "others may see what is there");
	} else {
		verdict_add(check->verdicts, VERDICT_OK, "mode", "%04o",
			(unsigned)mode);
		return;
	}
	verdict_mend(row, "chmod 700 '%s', or 750 for a group that reads.",
		check->config->directory);
}

/* Write, sync and remove a file of this process alone. */
static void
check_writing(struct check *check, const struct directory *directory)
{
	static const char zeros[PROBE_SIZE];
	char name[64];
	struct error failure;
	struct error ignored;
	int64_t begin_us;
	int fd = -1;
	bool ok;

	(void)snprintf(
		name, sizeof(name), ".walfetch.check.%ld", (long)getpid());
	if (!durable_create(directory, name, 0, &fd, &failure) ||
		!durable_write(fd, name, zeros, sizeof(zeros), 0, &failure)) {
		verdict_mend(verdict_error(check->verdicts, failure.code,
				     "writable", "%s", failure.message),
			"Let this user write there, on a file system that has "
			"space and is not mounted read-only.");
		if (fd >= 0)
			(void)durable_close(fd, name, &ignored);
		(void)durable_unlink(directory, name, &ignored);
		return;
	}
	verdict_add(check->verdicts, VERDICT_OK, "writable", "yes");
	begin_us = clock_monotonic_us();
	ok = durable_sync(directory, fd, name, &failure) &&
		durable_sync_directory(directory, &failure);
	if (ok)
		verdict_add(check->verdicts, VERDICT_OK, "fsync",
			"works (%.1f ms)",
			(double)(clock_monotonic_us() - begin_us) /
				(double)USECS_PER_MS);
	else
		verdict_mend(verdict_error(check->verdicts, failure.code,
				     "fsync", "%s", failure.message),
			"Nothing can be made to survive a power cut there: use "
			"another file system, or mend this one.");
	(void)durable_close(fd, name, &ignored);
	(void)durable_unlink(directory, name, &ignored);
}

static void
check_space(struct check *check, const struct directory *directory)
{
	uint32_t segment_size = check->segment_size != 0 ? check->segment_size
							 : SEGMENT_SIZE_USUAL;
	char size[SIZE_TEXT_MAX];
	struct verdict *row;
	uint64_t free_bytes;

	if (!directory_free_bytes(directory, &free_bytes)) {
		verdict_add(check->verdicts, VERDICT_WARNING, "free space",
			"not known");
		return;
	}
	size_format(size, free_bytes);
	if (free_bytes < (uint64_t)SEGMENTS_LEAST * segment_size)
		row = verdict_error(
			check->verdicts, ERR_SYSTEM, "free space", "%s", size);
	else if (free_bytes < (uint64_t)SEGMENTS_FEW * segment_size)
		row = verdict_add(check->verdicts, VERDICT_WARNING,
			"free space", "%s", size);
	else {
		verdict_add(
			check->verdicts, VERDICT_OK, "free space", "%s", size);
		return;
	}
	verdict_mean(row, "room for %u segments",
		(unsigned)(free_bytes / segment_size));
	verdict_mend(row,
		"Free space, or use a larger file system; receive "
		"--compress takes less.");
}

static void
check_lock(struct check *check, const struct directory *directory)
{
	struct error failure;
	bool held;
	long pid;

	if (!archive_lock_query(directory, &held, &pid, &failure))
		verdict_mend(verdict_error(check->verdicts, failure.code,
				     "lock", "%s", failure.message),
			"Let this user read and write that file, or remove it "
			"if no walfetch runs here.");
	else if (!held)
		verdict_add(check->verdicts, VERDICT_OK, "lock", "free");
	else
		verdict_mend(verdict_add(check->verdicts, VERDICT_WARNING,
				     "lock", "held by process %ld", pid),
			"A walfetch receives here already, and a second one "
			"would be refused; walfetch status -D shows it.");
}

/* *same: it is this server's cluster, as far as can be told. */
static bool
check_cluster(struct check *check, const struct directory *directory,
	bool *same, struct error *error)
{
	struct archive_resume resume = {
		.directory = directory,
		.identity =
			{
				.system_identifier =
					check->identity.system_identifier,
				.segment_size = check->segment_size,
			},
	};
	struct error failure;
	struct verdict *row;

	*same = false;
	if (!check->identified) {
		verdict_add(check->verdicts, VERDICT_WARNING, "cluster",
			"not known: no replication connection");
		return true;
	}
	*same = archive_check_identity(&resume, &failure);
	if (*same) {
		verdict_add(check->verdicts, VERDICT_OK, "cluster",
			"system identifier %llu, or no WAL yet",
			(unsigned long long)check->identity.system_identifier);
		return true;
	}
	if (check_passes_on(&failure)) {
		*error = failure;
		return false;
	}
	row = verdict_error(check->verdicts, failure.code, "cluster", "%s",
		failure.message);
	verdict_mend(row, "%s",
		failure.hint[0] != '\0'
			? failure.hint
			: "Let this user read what is there; if it may, see "
			  "the system's log for faults of the disk.");
	return true;
}

bool
check_place(struct check *check, struct directory *directory, bool *usable,
	struct error *error)
{
	struct stat stat;
	bool open;

	*usable = false;
	if (!open_place(check, directory, &open, error))
		return false;
	if (!open)
		return true;
	if (fstat(directory->fd, &stat) == 0) {
		check_owner(check, &stat);
		check_mode(check, &stat);
	}
	check_writing(check, directory);
	check_space(check, directory);
	check_lock(check, directory);
	return check_cluster(check, directory, usable, error);
}
