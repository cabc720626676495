#include "receive/report.h"

#include "base/byteorder.h"
#include "server/command.h"
#include "server_fixture.h"

#define START_QUERY "START_REPLICATION PHYSICAL 0/03000000 TIMELINE 1"

struct scene {
	struct fixture fixture; /* first: the script's argument is it */
	struct text seen;	/* by the server */
};

static void
one_report(struct fake_server *fake)
{
	struct scene *scene = fake->argument;

	fake_login(fake);
	fake_expect_query(fake, START_QUERY);
	fake_copy_both(fake);
	fake_flush(fake);
	fake_take(fake, 'd', &scene->seen);
	fake_expect_close(fake);
}

static void
begin(struct scene *scene)
{
	const struct replication_request request = {NULL, 1, 0x3000000};
	struct fixture *f = &scene->fixture;
	enum replication_start result;
	struct timeline_switch next;

	text_init(&scene->seen);
	fixture_connect(f, one_report);
	if (!server_start_replication(
		    f->server, &request, &result, &next, &f->error))
		fail_msg("%s", f->error.message);
}

/* What is given, but for the time, which is that of now. */
static void
stamped(void **state)
{
	const struct standby_status status = {
		.write = 0x3000200,
		.flush = 0x3000100,
		.sent_us = 1,
		.reply_wanted = true,
	};
	int64_t before_us = clock_postgres_us();
	const unsigned char *bytes;
	struct scene scene;

	(void)state;
	begin(&scene);
	assert_true(report_send(
		scene.fixture.server, &status, &scene.fixture.error));
	fixture_end(&scene.fixture);
	bytes = (const unsigned char *)scene.seen.string;
	assert_int_equal(scene.seen.len, STANDBY_STATUS_LEN);
	assert_int_equal(bytes[0], 'r');
	assert_int_equal(get_be64(bytes + 1), 0x3000200);
	assert_int_equal(get_be64(bytes + 9), 0x3000100);
	assert_int_equal(get_be64(bytes + 17), 0);
	assert_in_range(get_be64(bytes + 25), before_us, clock_postgres_us());
	assert_int_equal(bytes[33], 1);
	text_free(&scene.seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
