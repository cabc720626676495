/*
 * write_floor.c - write as many bytes as are received, with a receiver's syncs.
 *
 * usage: write_floor FOLDER BYTES
 * Files of 16 MiB, each written in 1 MiB pieces, synced, renamed, and the
 * folder synced, one after the other. A receiver that goes on writing while it
 * syncs can be faster. What is written does not compress.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum {
	SEGMENT_SIZE = 16 << 20,
	PIECE_SIZE = 1 << 20
};

static void
die(const char *what)
{
	fprintf(stderr, "write_floor: error: could not %s: %s\n", what,
		strerror(errno));
	exit(1);
}

static void
fill(unsigned char *data, size_t len)
{
	uint32_t state = 1;
	size_t i;

	for (i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		data[i] = (unsigned char)(state >> 24);
	}
}

static void
write_file(int fd, const unsigned char *piece, long long len)
{
	ssize_t written;
	size_t part;

	for (; len > 0; len -= written) {
		part = len < PIECE_SIZE ? (size_t)len : PIECE_SIZE;
		written = write(fd, piece, part);
		if (written < 0)
			die("write");
	}
	if (fdatasync(fd) != 0)
		die("sync a file");
	if (close(fd) != 0)
		die("close a file");
}

static void
write_segment(int folder, int number, const unsigned char *piece, long long len)
{
	char name[32];
	char temporary[40];
	int fd;

	snprintf(name, sizeof(name), "%08d", number);
	snprintf(temporary, sizeof(temporary), "%s.tmp", name);
	fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		die("create a file");
	write_file(fd, piece, len);
	if (renameat(folder, temporary, folder, name) != 0)
		die("rename a file");
	if (fsync(folder) != 0)
		die("sync the folder");
}

int
main(int argc, char **argv)
{
	unsigned char *piece = malloc(PIECE_SIZE);
	long long left;
	int number;
	int folder;

	if (argc != 3 || piece == NULL) {
		fputs("usage: write_floor FOLDER BYTES\n", stderr);
		return 1;
	}
	folder = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (folder < 0)
		die("open the folder");
	fill(piece, PIECE_SIZE);
	left = strtoll(argv[2], NULL, 10);
	for (number = 0; left > 0; number++, left -= SEGMENT_SIZE)
		write_segment(folder, number, piece,
			left < SEGMENT_SIZE ? left : SEGMENT_SIZE);
	close(folder);
	free(piece);
	return 0;
}
