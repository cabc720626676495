/*
 * A connection string: libpq reads it, and its hosts are split.
 */
#include "fuzz.h"

#include "base/clock.h"
#include "server/host_list.h"
#include "server/parameters.h"

static void
check_hosts(const struct parameters *parameters)
{
	const char *values[3] = {NULL, NULL, NULL};
	static const char *const keywords[3] = {"host", "hostaddr", "port"};
	struct host_list list;
	struct error error;

	for (size_t i = 0; i < parameters->count; i++)
		for (int k = 0; k < 3; k++)
			if (strcmp(parameters->keywords[i], keywords[k]) == 0)
				values[k] = parameters->values[i];
	if (!host_list_create(&list, values[0], values[1], values[2], &error)) {
		fuzz_expect_error(&error);
		return;
	}
	fuzz_expect(list.count > 0);
	host_list_shuffle(&list);
	for (size_t i = 0; i < list.count; i++) {
		(void)host_is_local(&list.hosts[i]);
		fuzz_expect(list.hosts[i].port != NULL);
	}
	host_list_free(&list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_input input = {data, size};
	char *conninfo = fuzz_string(&input);
	const struct server_options options = {
		.conninfo = conninfo,
		.host = "localhost",
		.application = "fuzz",
		.connect_timeout_us = 1,
		.command_timeout_us = CLOCK_NEVER,
		.stop_fd = -1,
	};
	struct parameters parameters;
	struct server *server;
	struct error error;

	if (server_create(&server, &options, &error)) {
		fuzz_expect(
			parameters_create(&parameters, server, true, &error));
		check_hosts(&parameters);
		parameters_free(&parameters);
		server_free(server);
	} else {
		fuzz_expect_error(&error);
		fuzz_expect(error.code == ERR_USAGE);
	}
	free(conninfo);
	return 0;
}
