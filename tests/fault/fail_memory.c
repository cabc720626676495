/*
 * fail_memory.c - a preloaded library of a system that has no memory once: the
 * Nth request of one kind is refused. Only for tests.
 *
 * FAIL_MEMORY: "program" (memory that the program itself asks for, also through
 * libc), "library" (memory that a library or the loader asks for) or "thread".
 * FAIL_MEMORY_NTH: which of them, from 1 on; 0: none.
 * FAIL_MEMORY_HIT: a file that then names who asked.
 * FAIL_MEMORY_COUNT: a file that at the end says how many requests of the kind
 * there were.
 *
 * libc asks on behalf of somebody: whoever called it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAMES 48
#define EARLY 65536

enum owner {
	PROGRAM,
	LIBRARY,
	LIBC,  /* look at its caller */
	NOBODY /* a preloaded library */
};

static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	int (*pthread_create)(
		pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
} real;

/* What is asked for before the real functions are known. */
static _Alignas(64) char early[EARLY];
static size_t early_used;

static const char *wanted;
static pid_t
	process; /* of a child that goes on without exec, nothing is told */
static long nth;
static long count;
static __thread int busy;

static void *
early_alloc(size_t size)
{
	char *at = early + early_used;

	early_used += (size + 63) / 64 * 64;
	if (early_used > EARLY)
		abort();
	return at;
}

static void
find_real(void)
{
	*(void **)&real.calloc = dlsym(RTLD_NEXT, "calloc");
	*(void **)&real.malloc = dlsym(RTLD_NEXT, "malloc");
	*(void **)&real.realloc = dlsym(RTLD_NEXT, "realloc");
	*(void **)&real.free = dlsym(RTLD_NEXT, "free");
	*(void **)&real.posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
	*(void **)&real.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
	*(void **)&real.pthread_create = dlsym(RTLD_NEXT, "pthread_create");
}

__attribute__((constructor)) static void
begin(void)
{
	const char *number = getenv("FAIL_MEMORY_NTH");
	void *frames[4];

	busy = 1;
	find_real();
	(void)backtrace(frames, 4); /* loads what it needs */
	nth = number == NULL ? 0 : atol(number);
	wanted = getenv("FAIL_MEMORY");
	process = getpid();
	busy = 0;
}

__attribute__((destructor)) static void
end(void)
{
	const char *path = getenv("FAIL_MEMORY_COUNT");
	int fd;

	busy = 1;
	fd = path == NULL || getpid() != process
		? -1
		: open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd >= 0)
		dprintf(fd, "%ld\n", __atomic_load_n(&count, __ATOMIC_SEQ_CST));
}

static enum owner
owner_of(const void *address)
{
	static const char *const system[] = {
		"/libc.so", "/libpthread", "/libdl.so", "san.so"};
	Dl_info info;
	const char *name;

	if (dladdr(address, &info) == 0 || info.dli_fname == NULL)
		return LIBRARY;
	name = info.dli_fname;
	for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++)
		if (strstr(name, system[i]) != NULL)
			return LIBC;
	if (strstr(name, "/fail_") != NULL)
		return NOBODY;
	return strstr(name, ".so") == NULL ? PROGRAM : LIBRARY;
}

/* Whose the request is: the first caller's that is not libc. */
static enum owner
find_owner(const void *caller)
{
	void *frames[FRAMES];
	enum owner owner = owner_of(caller);
	int depth;
	int at = 0;

	if (owner != LIBC)
		return owner;
	depth = backtrace(frames, FRAMES);
	while (at < depth && owner_of(frames[at]) == NOBODY)
		at++;
	for (; at < depth; at++)
		if (owner_of(frames[at]) != LIBC)
			return owner_of(frames[at]);
	return NOBODY;
}

static void
tell(void)
{
	void *frames[FRAMES];
	int depth = backtrace(frames, FRAMES);
	int fd = open(getenv("FAIL_MEMORY_HIT"), O_WRONLY | O_CREAT, 0600);

	backtrace_symbols_fd(frames, depth, fd);
	close(fd);
}

static int
refused(const char *kind, const void *caller)
{
	int result = 0;

	if (busy || wanted == NULL)
		return 0;
	busy = 1;
	if (strcmp(wanted, kind) == 0 ||
		(*kind == '\0' &&
			strcmp(wanted,
				(const char *const[]){"program", "library", "",
					""}[find_owner(caller)]) == 0))
		result = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST) == nth;
	if (result)
		tell();
	busy = 0;
	errno = result ? ENOMEM : errno;
	return result;
}

#define REFUSED() refused("", __builtin_return_address(0))

void *
malloc(size_t size)
{
	if (real.malloc == NULL)
		return early_alloc(size);
	return REFUSED() ? NULL : real.malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	if (real.calloc == NULL)
		return early_alloc(n * size);
	return REFUSED() ? NULL : real.calloc(n, size);
}

void *
realloc(void *old, size_t size)
{
	if ((char *)old >= early && (char *)old < early + EARLY)
		abort();
	return REFUSED() ? NULL : real.realloc(old, size);
}

void *
reallocarray(void *old, size_t n, size_t size)
{
	return REFUSED() ? NULL : real.realloc(old, n * size);
}

int
posix_memalign(void **result, size_t alignment, size_t size)
{
	return REFUSED() ? ENOMEM
			 : real.posix_memalign(result, alignment, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return REFUSED() ? NULL : real.aligned_alloc(alignment, size);
}

void
free(void *memory)
{
	if ((char *)memory >= early && (char *)memory < early + EARLY)
		return;
	real.free(memory);
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
	void *(*run)(void *), void *argument)
{
	return refused("thread", __builtin_return_address(0))
		? EAGAIN
		: real.pthread_create(thread, attributes, run, argument);
}
