/*
 * Which hosts and addresses server_connect tries, in which order and for how
 * long, and when it asks for a password. The single attempt, the resolver and
 * the terminal are replaced.
 */
#include "server/connection.h"
#include "server/libpq.h"
#include "server/name_lookup.h"
#include "server/session.h"

#include "base/terminal.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define LIMIT_US (60 * USECS_PER_SEC)
#define OUTCOMES_MAX 8

/* How an attempt ends; ERR_NONE: well. */
struct outcome {
	enum error_code code;
	const char *message;
	int version;
	bool needs_password;
	bool wrong_password;
};

static struct {
	struct outcome outcomes[OUTCOMES_MAX];
	struct text seen; /* a word for each attempt */
	int64_t deadlines_us[OUTCOMES_MAX];
	size_t attempts;
	char host[100]; /* of the last one */
	char port[100];
	/* What the terminal answers. */
	enum error_code terminal_code;
	int questions;
} world;

bool __wrap_connection_open(const struct parameters *parameters,
	const struct wait_limit *limit, PGconn **conn,
	struct connection_failure *failure, struct error *error);
bool __wrap_name_lookup(const char *name, const struct wait_limit *limit,
	struct address_list *list, struct error *error);
bool __wrap_terminal_ask_password(const char *prompt, char *answer, size_t size,
	int stop_fd, struct error *error);
const struct libpq *__wrap_libpq(void);
const struct libpq *__real_libpq(void);

static char *
last_host(const PGconn *conn)
{
	(void)conn;
	return world.host;
}

static char *
last_port(const PGconn *conn)
{
	(void)conn;
	return world.port;
}

const struct libpq *
__wrap_libpq(void)
{
	static struct libpq table;

	table = *__real_libpq();
	table.PQhost = last_host;
	table.PQport = last_port;
	return &table;
}

static const char *
value_of(const struct parameters *parameters, const char *keyword)
{
	const char *value = "";

	for (size_t i = 0; i < parameters->count; i++)
		if (strcmp(parameters->keywords[i], keyword) == 0)
			value = parameters->values[i];
	return value;
}

bool
__wrap_connection_open(const struct parameters *parameters,
	const struct wait_limit *limit, PGconn **conn,
	struct connection_failure *failure, struct error *error)
{
	static const char *const bad[] = {"no such option", NULL};
	const struct outcome *outcome = &world.outcomes[world.attempts];
	const char *wanted = value_of(parameters, "target_session_attrs");
	const char *password = value_of(parameters, "password");

	assert_true(world.attempts < OUTCOMES_MAX);
	text_printf(&world.seen, "%s%s|%s|%s%s%s%s%s",
		world.attempts > 0 ? " " : "", value_of(parameters, "host"),
		value_of(parameters, "hostaddr"), value_of(parameters, "port"),
		*wanted != '\0' ? "|" : "", wanted,
		*password != '\0' ? "|" : "", password);
	(void)snprintf(world.host, sizeof(world.host), "%s",
		value_of(parameters, "host"));
	(void)snprintf(world.port, sizeof(world.port), "%s",
		value_of(parameters, "port"));
	world.deadlines_us[world.attempts++] = limit->deadline_us;
	*failure = (struct connection_failure){
		.needs_password = outcome->needs_password,
		.wrong_password = outcome->wrong_password,
		.version = outcome->version,
	};
	if (outcome->code != ERR_NONE)
		return error_set(error, outcome->code, "%s", outcome->message);
	*conn = __real_libpq()->PQconnectStartParams(bad, bad, 0);
	return true;
}

/* "two" has two addresses; "none" is unknown. */
bool
__wrap_name_lookup(const char *name, const struct wait_limit *limit,
	struct address_list *list, struct error *error)
{
	(void)limit;
	if (strcmp(name, "none") == 0)
		return error_set(error, ERR_UNREACHABLE, "no such name");
	list->addresses = calloc(2, sizeof(*list->addresses));
	assert_non_null(list->addresses);
	list->count = strcmp(name, "two") == 0 ? 2 : 1;
	(void)snprintf(list->addresses[0], ADDRESS_SIZE, "192.0.2.1");
	(void)snprintf(list->addresses[1], ADDRESS_SIZE, "192.0.2.2");
	return true;
}

bool
__wrap_terminal_ask_password(const char *prompt, char *answer, size_t size,
	int stop_fd, struct error *error)
{
	(void)stop_fd;
	assert_string_equal(prompt, "Password: ");
	world.questions++;
	if (world.terminal_code != ERR_NONE)
		return error_set(error, world.terminal_code, "no answer");
	(void)snprintf(answer, size, "sesame%d", world.questions);
	return true;
}

struct fixture {
	struct server_options options;
	struct server *server;
	struct error error;
};

static void
begin(struct fixture *f, const char *conninfo, enum password_prompt prompt)
{
	memset(&world, 0, sizeof(world));
	text_init(&world.seen);
	*f = (struct fixture){
		.options =
			{
				.conninfo = conninfo,
				.prompt = prompt,
				.connect_timeout_us = LIMIT_US,
				.stop_fd = -1,
			},
	};
	assert_true(server_create(&f->server, &f->options, &f->error));
}

static void
end(struct fixture *f, const char *seen)
{
	assert_string_equal(world.seen.string, seen);
	server_free(f->server);
	text_free(&world.seen);
}

static void
every_address_of_every_host(void **state)
{
	int64_t now_us = clock_monotonic_us();
	struct fixture f;

	(void)state;
	begin(&f, "host=two,none,/socket,one port=5433", PROMPT_NEVER);
	for (size_t i = 0; i < OUTCOMES_MAX; i++)
		world.outcomes[i] = (struct outcome){
			.code = ERR_UNREACHABLE, .message = "refused"};
	assert_false(server_connect(f.server, &f.error));
	assert_int_equal(f.error.code, ERR_UNREACHABLE);
	assert_string_equal(f.error.message,
		"refused\nrefused\nno such name\nrefused\nrefused");
	/* Two addresses share what is the first host's: an eighth each. */
	assert_true(world.deadlines_us[0] >= now_us + LIMIT_US / 8);
	assert_true(world.deadlines_us[0] < now_us + LIMIT_US / 4);
	assert_true(world.deadlines_us[1] < now_us + LIMIT_US / 2);
	assert_true(world.deadlines_us[3] > now_us + LIMIT_US / 2);
	end(&f,
		"two|192.0.2.1|5433 two|192.0.2.2|5433 /socket||5433 "
		"one|192.0.2.1|5433");
}

static void
a_refusal_ends_the_search(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "host=two,one", PROMPT_NEVER);
	world.outcomes[0] =
		(struct outcome){.code = ERR_REFUSED, .message = "go away"};
	assert_false(server_connect(f.server, &f.error));
	assert_int_equal(f.error.code, ERR_REFUSED);
	assert_string_equal(f.error.message, "go away");
	end(&f, "two|192.0.2.1|5432");
}

static void
the_second_address_does(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "host=two", PROMPT_NEVER);
	world.outcomes[0] =
		(struct outcome){.code = ERR_UNREACHABLE, .message = "dead"};
	assert_true(server_connect(f.server, &f.error));
	assert_string_equal(server_address(f.server), "two:5432");
	end(&f, "two|192.0.2.1|5432 two|192.0.2.2|5432");
}

static void
addresses_in_messages(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "host=2001:db8::1 hostaddr=2001:db8::1", PROMPT_NEVER);
	assert_true(server_connect(f.server, &f.error));
	assert_string_equal(server_address(f.server), "[2001:db8::1]:5432");
	end(&f, "2001:db8::1|2001:db8::1|5432");

	begin(&f, "host=@abstract", PROMPT_NEVER);
	assert_true(server_connect(f.server, &f.error));
	assert_string_equal(server_address(f.server), "@abstract");
	end(&f, "@abstract||5432");
}

static void
connect_timeout_is_per_attempt(void **state)
{
	static const char *const none[] = {"0", "-1", "99999999999"};
	int64_t now_us = clock_monotonic_us();
	struct fixture f;

	(void)state;
	begin(&f, "host=one connect_timeout=2", PROMPT_NEVER);
	assert_true(server_connect(f.server, &f.error));
	assert_true(world.deadlines_us[0] < now_us + LIMIT_US / 2);
	end(&f, "one|192.0.2.1|5432");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		char conninfo[100];

		(void)snprintf(conninfo, sizeof(conninfo),
			"host=one connect_timeout=%s", none[i]);
		begin(&f, conninfo, PROMPT_NEVER);
		assert_true(server_connect(f.server, &f.error));
		assert_true(world.deadlines_us[0] >= now_us + LIMIT_US);
		end(&f, "one|192.0.2.1|5432");
	}
}

static void
a_standby_is_preferred(void **state)
{
	const struct outcome leader = {
		.code = ERR_UNREACHABLE, .message = "no standby"};
	struct fixture f;

	(void)state;
	begin(&f, "host=/a,/b target_session_attrs=prefer-standby",
		PROMPT_NEVER);
	world.outcomes[0] = leader;
	assert_true(server_connect(f.server, &f.error));
	end(&f, "/a||5432|standby /b||5432|standby");

	begin(&f, "host=/a,/b target_session_attrs=prefer-standby",
		PROMPT_NEVER);
	world.outcomes[0] = world.outcomes[1] = leader;
	assert_true(server_connect(f.server, &f.error));
	end(&f, "/a||5432|standby /b||5432|standby /a||5432|any");

	/* Before 14 the question itself is an error, and means nothing. */
	begin(&f, "host=/a target_session_attrs=prefer-standby", PROMPT_NEVER);
	world.outcomes[0] = (struct outcome){.code = ERR_REFUSED,
		.message = "syntax error",
		.version = 130004};
	assert_true(server_connect(f.server, &f.error));
	end(&f, "/a||5432|standby /a||5432|any");

	begin(&f, "host=/a target_session_attrs=prefer-standby", PROMPT_NEVER);
	world.outcomes[0] =
		(struct outcome){.code = ERR_REFUSED, .message = "go away"};
	assert_false(server_connect(f.server, &f.error));
	end(&f, "/a||5432|standby");
}

static void
assert_version_hint(const char *wanted, int version, bool expected)
{
	char conninfo[100];
	struct fixture f;

	(void)snprintf(conninfo, sizeof(conninfo),
		"host=/a target_session_attrs=%s", wanted);
	begin(&f, conninfo, PROMPT_NEVER);
	world.outcomes[0] = (struct outcome){.code = ERR_REFUSED,
		.message = "syntax error",
		.version = version};
	assert_false(server_connect(f.server, &f.error));
	if (expected)
		assert_non_null(strstr(f.error.hint,
			"This server is of version 13, and before 14"));
	else
		assert_string_equal(f.error.hint, "");
	(void)snprintf(conninfo, sizeof(conninfo), "/a||5432|%s", wanted);
	end(&f, conninfo);
}

static void
servers_that_cannot_tell(void **state)
{
	(void)state;
	assert_version_hint("primary", 130004, true);
	assert_version_hint("standby", 130004, true);
	assert_version_hint("read-write", 130004, false);
	assert_version_hint("primary", 140001, false);
	assert_version_hint("primary", 0, false);
}

static const struct outcome needs_password = {
	.code = ERR_REFUSED,
	.message = "no password supplied",
	.needs_password = true,
};

static void
a_password_is_asked_for(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "host=/a", PROMPT_IF_NEEDED);
	world.outcomes[0] = needs_password;
	assert_true(server_connect(f.server, &f.error));
	/* It is kept for the next time. */
	assert_true(server_connect(f.server, &f.error));
	assert_int_equal(world.questions, 1);
	end(&f, "/a||5432 /a||5432|sesame1 /a||5432|sesame1");

	begin(&f, "host=/a", PROMPT_IF_NEEDED);
	world.outcomes[0] = needs_password;
	world.terminal_code = ERR_STOPPED;
	assert_false(server_connect(f.server, &f.error));
	assert_int_equal(f.error.code, ERR_STOPPED);
	end(&f, "/a||5432");

	begin(&f, "host=/a", PROMPT_IF_NEEDED);
	world.outcomes[0] = needs_password;
	world.terminal_code = ERR_NOT_FOUND;
	assert_false(server_connect(f.server, &f.error));
	assert_int_equal(f.error.code, ERR_REFUSED);
	assert_string_equal(f.error.message, "no password supplied");
	assert_non_null(strstr(f.error.hint, "~/.pgpass"));
	end(&f, "/a||5432");
}

static void
a_wrong_password_is_forgotten(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "host=/a", PROMPT_ALWAYS);
	world.outcomes[0] = (struct outcome){.code = ERR_REFUSED,
		.message = "password authentication failed",
		.wrong_password = true};
	assert_false(server_connect(f.server, &f.error));
	assert_true(server_connect(f.server, &f.error));
	assert_true(server_connect(f.server, &f.error));
	assert_int_equal(world.questions, 2);
	end(&f, "/a||5432|sesame1 /a||5432|sesame2 /a||5432|sesame2");

	begin(&f, "host=/a", PROMPT_ALWAYS);
	world.terminal_code = ERR_NOT_FOUND;
	assert_false(server_connect(f.server, &f.error));
	assert_int_equal(f.error.code, ERR_REFUSED);
	assert_string_equal(f.error.message,
		"could not ask for a password: there is no terminal");
	end(&f, "");
}

static void
beside_one_that_is_not_connected(void **state)
{
	struct server *beside = NULL;
	struct fixture f;

	(void)state;
	begin(&f, "host=/a", PROMPT_ALWAYS);
	assert_true(server_connect_beside(f.server, &beside, &f.error));
	assert_int_equal(world.questions, 0);
	assert_string_equal(server_address(beside), "/a");
	server_free(beside);
	beside = NULL;
	world.outcomes[1] =
		(struct outcome){.code = ERR_UNREACHABLE, .message = "dead"};
	assert_false(server_connect_beside(f.server, &beside, &f.error));
	assert_null(beside);
	assert_string_equal(f.error.message, "dead");
	end(&f, "/a||5432 /a||5432");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_address_of_every_host),
		cmocka_unit_test(a_refusal_ends_the_search),
		cmocka_unit_test(the_second_address_does),
		cmocka_unit_test(addresses_in_messages),
		cmocka_unit_test(connect_timeout_is_per_attempt),
		cmocka_unit_test(a_standby_is_preferred),
		cmocka_unit_test(servers_that_cannot_tell),
		cmocka_unit_test(a_password_is_asked_for),
		cmocka_unit_test(a_wrong_password_is_forgotten),
		cmocka_unit_test(beside_one_that_is_not_connected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
