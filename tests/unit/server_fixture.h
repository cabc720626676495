/*
 * server_fixture.h - a struct server connected to a fake server, for the unit
 * tests of src/server/.
 */
#ifndef SERVER_FIXTURE_H
#define SERVER_FIXTURE_H

#include "base/clock.h"
#include "fake_server.h"
#include "server/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct fake_server fake;
	struct server *server;
	struct error error;
	int stop[2]; /* a byte written to [1] stops */
};

/* Start the script and make a server for it; both limits as given. */
static inline void
fixture_begin(struct fixture *fixture, fake_script script, int64_t timeout_us)
{
	struct server_options options = {
		.prompt = PROMPT_NEVER,
		.application = "test",
		.connect_timeout_us = timeout_us,
		.command_timeout_us = timeout_us,
	};

	fake_server_start(&fixture->fake, script, fixture);
	assert_int_equal(pipe(fixture->stop), 0);
	options.conninfo = fixture->fake.conninfo;
	options.stop_fd = fixture->stop[0];
	assert_true(server_create(&fixture->server, &options, &fixture->error));
}

/* The same, and connect. */
static inline void
fixture_connect(struct fixture *fixture, fake_script script)
{
	fixture_begin(fixture, script, 10 * USECS_PER_SEC);
	if (!server_connect(fixture->server, &fixture->error))
		fail_msg("%s", fixture->error.message);
}

/* Disconnect, and the script must have come to its end as it wished. */
static inline void
fixture_end(struct fixture *fixture)
{
	const char *failure;

	server_free(fixture->server);
	failure = fake_server_stop(&fixture->fake);
	(void)close(fixture->stop[0]);
	(void)close(fixture->stop[1]);
	if (failure != NULL)
		fail_msg("fake server: %s", failure);
}

static inline void
fixture_stop(struct fixture *fixture)
{
	assert_int_equal(write(fixture->stop[1], "x", 1), 1);
}

#endif
