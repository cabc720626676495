#include "base/service_manager.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "temporary_directory.h"

/* A service manager's end of the socket that this name means. */
static int
listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_true(len < sizeof(address.sun_path));
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(
		bind(fd, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				len)),
		0);
	return fd;
}

static void
assert_heard(int fd, const char *lines)
{
	char buffer[256];
	ssize_t len = recv(fd, buffer, sizeof(buffer) - 1, 0);

	assert_true(len >= 0);
	buffer[len] = '\0';
	assert_string_equal(buffer, lines);
}

static void
check_socket(const char *name)
{
	struct service_manager manager;
	struct error error;
	int fd = listen_at(name);

	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_true(service_manager_open(&manager, &error));
	assert_true(fcntl(manager.fd, F_GETFD) & FD_CLOEXEC);
	assert_true(service_manager_tell(&manager, "READY=1\nSTATUS=a b"));
	assert_true(service_manager_tell(&manager, "STOPPING=1"));
	assert_heard(fd, "READY=1\nSTATUS=a b");
	assert_heard(fd, "STOPPING=1");
	service_manager_close(&manager);
	service_manager_close(&manager);
	(void)close(fd);
}

static void
path(void **state)
{
	const struct directory *directory = *state;
	char name[300];

	(void)snprintf(name, sizeof(name), "%s/notify", directory->path);
	check_socket(name);
}

static void
name_without_file(void **state)
{
	char name[64];

	(void)state;
	(void)snprintf(
		name, sizeof(name), "@walfetch-test-%ld", (long)getpid());
	check_socket(name);
}

static void
nobody(void **state)
{
	struct service_manager manager;
	struct error error;

	(void)state;
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_true(service_manager_open(&manager, &error));
	assert_int_equal(manager.fd, -1);
	assert_true(service_manager_tell(&manager, "READY=1"));
	service_manager_close(&manager);

	assert_int_equal(setenv("NOTIFY_SOCKET", "", 1), 0);
	assert_true(service_manager_open(&manager, &error));
	assert_int_equal(manager.fd, -1);
}

static void
not_a_socket(void **state)
{
	static const char *const names[] = {
		"/", "@", "notify", "vsock:2:1234", NULL};
	struct service_manager manager;
	struct error error;
	char too_long[sizeof(manager.address.sun_path) + 1];

	(void)state;
	memset(too_long, 'x', sizeof(too_long));
	too_long[0] = '/';
	too_long[sizeof(too_long) - 1] = '\0';
	assert_int_equal(setenv("NOTIFY_SOCKET", too_long, 1), 0);
	assert_false(service_manager_open(&manager, &error));
	for (const char *const *name = names; *name != NULL; name++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", *name, 1), 0);
		assert_false(service_manager_open(&manager, &error));
		assert_int_equal(error.code, ERR_USAGE);
		assert_non_null(strstr(error.message, *name));
		assert_true(service_manager_tell(&manager, "READY=1"));
		service_manager_close(&manager);
	}
}

static void
one_that_went_away(void **state)
{
	const struct directory *directory = *state;
	struct service_manager manager;
	struct error error;
	char name[300];

	(void)snprintf(name, sizeof(name), "%s/gone", directory->path);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_true(service_manager_open(&manager, &error));
	assert_false(service_manager_tell(&manager, "READY=1"));
	service_manager_close(&manager);
}

/* A service manager that does not read is not waited for. */
static void
one_that_does_not_read(void **state)
{
	const struct directory *directory = *state;
	struct service_manager manager;
	struct error error;
	char name[300];
	int fd;
	int told = 0;

	(void)snprintf(name, sizeof(name), "%s/deaf", directory->path);
	fd = listen_at(name);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_true(service_manager_open(&manager, &error));
	while (service_manager_tell(&manager, "STATUS=more"))
		told++;
	assert_true(told > 0);
	assert_heard(fd, "STATUS=more");
	assert_true(service_manager_tell(&manager, "STATUS=more"));
	service_manager_close(&manager);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(path),
		cmocka_unit_test(name_without_file),
		cmocka_unit_test(nobody),
		cmocka_unit_test(not_a_socket),
		directory_test(one_that_went_away),
		directory_test(one_that_does_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
