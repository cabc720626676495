#include "server/name_lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>

#include "failing_call.h"

/* True: no address can be told as text. */
static bool unreadable;

int __wrap_getnameinfo(const struct sockaddr *address, socklen_t len,
	char *host, socklen_t host_len, char *service, socklen_t service_len,
	int flags);
int __real_getnameinfo(const struct sockaddr *address, socklen_t len,
	char *host, socklen_t host_len, char *service, socklen_t service_len,
	int flags);

int
__wrap_getnameinfo(const struct sockaddr *address, socklen_t len, char *host,
	socklen_t host_len, char *service, socklen_t service_len, int flags)
{
	return unreadable ? EAI_FAMILY
			  : __real_getnameinfo(address, len, host, host_len,
				    service, service_len, flags);
}

static void
numeric(void **state)
{
	const struct wait_limit limit = {-1, CLOCK_NEVER};
	struct address_list list = {NULL, 0};
	struct error error;

	(void)state;
	assert_true(name_lookup("127.0.0.1", &limit, &list, &error));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.addresses[0], "127.0.0.1");
	address_list_free(&list);
}

static void
by_name(void **state)
{
	const struct wait_limit limit = {-1, CLOCK_NEVER};
	struct address_list list = {NULL, 0};
	struct error error;

	(void)state;
	assert_true(name_lookup("localhost", &limit, &list, &error));
	assert_true(list.count >= 1);
	address_list_free(&list);
}

static void
unknown(void **state)
{
	const struct wait_limit limit = {-1, CLOCK_NEVER};
	struct address_list list = {NULL, 0};
	struct error error;

	(void)state;
	/* Longer than a label may be: no resolver has to be asked. */
	assert_false(name_lookup("a23456789012345678901234567890123456789012345"
				 "6789012345678901234"
				 ".invalid",
		&limit, &list, &error));
	assert_int_equal(error.code, ERR_UNREACHABLE);
	assert_null(list.addresses);
}

static void
stopped(void **state)
{
	struct wait_limit limit = {-1, CLOCK_NEVER};
	struct address_list list = {NULL, 0};
	struct error error;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	(void)close(ends[1]);
	limit.stop_fd = ends[0];
	assert_false(name_lookup("localhost", &limit, &list, &error));
	assert_int_equal(error.code, ERR_STOPPED);
	(void)close(ends[0]);
}

static void
assert_fails_with(int sys_errno, const char *message)
{
	const struct wait_limit limit = {-1, CLOCK_NEVER};
	struct address_list list = {NULL, 0};
	struct error error;

	assert_false(name_lookup("localhost", &limit, &list, &error));
	assert_true(call_has_failed());
	calls_work();
	assert_int_equal(error.code, ERR_SYSTEM);
	assert_int_equal(error.sys_errno, sys_errno);
	assert_string_equal(error.message, message);
	assert_null(list.addresses);
}

static void
calls_fail(void **state)
{
	(void)state;
	call_fails(CALL_pipe2, 1, 1, EMFILE);
	assert_fails_with(
		EMFILE, "could not create a pipe: Too many open files");
	call_fails(CALL_pthread_create, 1, 1, EAGAIN);
	assert_fails_with(EAGAIN,
		"could not start a thread: Resource temporarily unavailable");
}

static void
no_address_that_can_be_read(void **state)
{
	const struct wait_limit limit = {-1, CLOCK_NEVER};
	struct address_list list = {NULL, 0};
	struct error error;

	(void)state;
	unreadable = true;
	assert_false(name_lookup("127.0.0.1", &limit, &list, &error));
	unreadable = false;
	assert_int_equal(error.code, ERR_UNREACHABLE);
	assert_string_equal(
		error.message, "host name \"127.0.0.1\" has no address");
	assert_null(list.addresses);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numeric),
		cmocka_unit_test(by_name),
		cmocka_unit_test(unknown),
		cmocka_unit_test(stopped),
		cmocka_unit_test(calls_fail),
		cmocka_unit_test(no_address_that_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
