/*
 * slow_disk.c - a preloaded library that makes a disk slow.
 *
 * Calls that write take at least $SLOW_DISK_US microseconds for a megabyte, and
 * calls that sync $SLOW_DISK_SYNC_US. They sleep, so that no processor time is
 * used that the program would not use itself. Only for measurements.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static long long
setting(const char *name)
{
	const char *value = getenv(name);

	return value == NULL ? 0 : atoll(value);
}

static void
sleep_us(long long us)
{
	const struct timespec pause = {us / 1000000, us % 1000000 * 1000};

	if (us > 0)
		(void)nanosleep(&pause, NULL);
}

static void
slow_write(size_t len)
{
	sleep_us((long long)len * setting("SLOW_DISK_US") >> 20);
}

#define SLOW(type, name, parameters, arguments, slow)      \
	type name parameters                               \
	{                                                  \
		type(*real) parameters;                    \
                                                           \
		*(void **)&real = dlsym(RTLD_NEXT, #name); \
		slow;                                      \
		return real arguments;                     \
	}

SLOW(ssize_t, pwrite, (int fd, const void *data, size_t len, off_t at),
	(fd, data, len, at), slow_write(len))
SLOW(ssize_t, pwrite64, (int fd, const void *data, size_t len, off64_t at),
	(fd, data, len, at), slow_write(len))
SLOW(int, fsync, (int fd), (fd), sleep_us(setting("SLOW_DISK_SYNC_US")))
SLOW(int, fdatasync, (int fd), (fd), sleep_us(setting("SLOW_DISK_SYNC_US")))
