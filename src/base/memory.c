#include "base/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#ifdef SANITIZED

void
memory_bound(uint64_t bytes, unsigned threads)
{
	(void)bytes;
	(void)threads;
}

void
memory_allow(uint64_t bytes)
{
	(void)bytes;
}

#else

/* What there may be where the kernel does not tell. */
#define PRESENT_GUESS (UINT64_C(64) << 20)

/* Words before the one that tells of data and stack. */
#define STATM_SKIPPED 5

/* What the kernel counts, and the stack with it. */
static uint64_t
present_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[256] = "";
	char *word = line;
	uint64_t pages = 0;

	if (file != NULL) {
		if (fgets(line, sizeof(line), file) == NULL)
			line[0] = '\0';
		(void)fclose(file);
	}
	for (int i = 0; i <= STATM_SKIPPED; i++)
		pages = strtoull(word, &word, 10);
	return pages > 0 ? pages * (uint64_t)sysconf(_SC_PAGESIZE)
			 : PRESENT_GUESS;
}

static uint64_t
stack_bytes(void)
{
	pthread_attr_t attributes;
	size_t size = 0;

	if (pthread_attr_init(&attributes) != 0)
		return 0;
	(void)pthread_attr_getstacksize(&attributes, &size);
	(void)pthread_attr_destroy(&attributes);
	return size;
}

void
memory_bound(uint64_t bytes, unsigned threads)
{
	struct rlimit limit;
	uint64_t bound = present_bytes() + threads * stack_bytes();

	bound = bytes > UINT64_MAX - bound ? UINT64_MAX : bound + bytes;
	if (getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur <= bound)
		return;
	limit.rlim_cur = (rlim_t)bound;
	(void)setrlimit(RLIMIT_DATA, &limit);
}

void
memory_allow(uint64_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_DATA, &limit) != 0 ||
		limit.rlim_cur == RLIM_INFINITY)
		return;
	limit.rlim_cur += (rlim_t)bytes;
	if (limit.rlim_cur < bytes || limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_DATA, &limit);
}

#endif
