/*
 * failing_call.h - a system call that fails, for tests linked with
 * walfetch_failing_call.
 *
 * Life cycle: calls_work -> call_fails -> the code under test -> calls_work.
 * Only the calls of our own code are seen, in any thread.
 */
#ifndef FAILING_CALL_H
#define FAILING_CALL_H

#include <stdbool.h>

/* X(name) of each; the test's CMakeLists.txt names them to the linker. */
#define FAILING_CALLS(X)  \
	X(openat)         \
	X(fdopendir)      \
	X(readdir)        \
	X(fstat)          \
	X(fstatat)        \
	X(fstatvfs)       \
	X(fchmod)         \
	X(fcntl)          \
	X(flock)          \
	X(ftruncate)      \
	X(read)           \
	X(pread)          \
	X(write)          \
	X(pwrite)         \
	X(fallocate)      \
	X(fsync)          \
	X(fdatasync)      \
	X(renameat)       \
	X(unlinkat)       \
	X(close)          \
	X(pipe)           \
	X(pipe2)          \
	X(poll)           \
	X(sysconf)        \
	X(pthread_create) \
	X(tcgetattr)      \
	X(tcsetattr)      \
	X(getrandom)

#define FAILING_CALL_NAME(name) CALL_##name,
enum call {
	FAILING_CALLS(FAILING_CALL_NAME) CALLS
};
#undef FAILING_CALL_NAME

/* "openat" and the like. */
const char *call_name(enum call call);

/* Every call does what it always does. */
void calls_work(void);

/*
 * The nth call of this kind from now on (1 or more) fails with this errno: the
 * call is not made, except that close closes. So do those that follow, times
 * in all.
 */
void call_fails(enum call call, int nth, int times, int sys_errno);

/* True if a call has failed as it was told. */
bool call_has_failed(void);

#endif
