#include "receive/heartbeat.h"

#include "base/byteorder.h"
#include "server/copy_stream.h"
#include "server_fixture.h"

#include <poll.h>

#define START_QUERY "START_REPLICATION PHYSICAL 0/03000000 TIMELINE 1"
#define WRITTEN ((lsn)0x3000200)
#define FLUSHED ((lsn)0x3000100)

static const struct standby_status status = {
	.write = WRITTEN,
	.flush = FLUSHED,
};

static void
begin_copy(struct fake_server *fake)
{
	fake_login(fake);
	fake_expect_query(fake, START_QUERY);
	fake_copy_both(fake);
	fake_flush(fake);
}

static void
begin(struct fixture *f, struct heartbeat **heartbeat, fake_script script)
{
	const struct replication_request request = {NULL, 1, 0x3000000};
	enum replication_start result = REPLICATION_TIMELINE_ENDED;
	struct timeline_switch next;

	fixture_connect(f, script);
	if (!server_start_replication(
		    f->server, &request, &result, &next, &f->error))
		fail_msg("%s", f->error.message);
	assert_int_equal(result, REPLICATION_STARTED);
	assert_true(heartbeat_create(heartbeat, &f->error));
}

/* What the stream thread itself sends. */
static void
send_mark(struct fixture *f)
{
	assert_true(copy_send(f->server, "mark", 4, &f->error));
}

static void
two_beats(struct fake_server *fake)
{
	struct text body;

	begin_copy(fake);
	for (int i = 0; i < 2; i++) {
		const unsigned char *bytes;

		text_init(&body);
		fake_take(fake, 'd', &body);
		bytes = (const unsigned char *)body.string;
		if (body.len != STANDBY_STATUS_LEN || bytes[0] != 'r' ||
			get_be64(bytes + 1) != WRITTEN ||
			get_be64(bytes + 9) != FLUSHED)
			fake->failure = "not the status that was given";
		text_free(&body);
	}
	fake_copy_data(fake, "enough", 6);
	fake_flush(fake);
	fake_expect_close(fake);
}

/* The wait lasts until the server has heard twice of us. */
static void
long_wait(void **state)
{
	struct heartbeat *heartbeat;
	struct copy_message message = {NULL, 0};
	enum copy_status received;
	struct pollfd wanted;
	struct fixture f;

	(void)state;
	begin(&f, &heartbeat, two_beats);
	wanted = (struct pollfd){
		.fd = server_socket(f.server), .events = POLLIN};
	heartbeat_begin(heartbeat, f.server, &status);
	assert_int_equal(poll(&wanted, 1, 10000), 1);
	heartbeat_end(heartbeat);
	assert_true(
		copy_receive(f.server, false, &received, &message, &f.error));
	assert_int_equal(received, COPY_MESSAGE);
	copy_message_free(&message);
	heartbeat_free(heartbeat);
	fixture_end(&f);
}

static void
only_the_mark(struct fake_server *fake)
{
	begin_copy(fake);
	fake_expect(fake, 'd', "mark", 4);
	fake_expect_close(fake);
}

/* Waits that follow each other closely, while the thread looks several times.
 */
static void
short_waits(void **state)
{
	int64_t until_us = clock_monotonic_us() + 12 * USECS_PER_SEC / 10;
	struct heartbeat *heartbeat;
	struct fixture f;

	(void)state;
	begin(&f, &heartbeat, only_the_mark);
	while (clock_monotonic_us() < until_us) {
		heartbeat_begin(heartbeat, f.server, &status);
		heartbeat_end(heartbeat);
	}
	send_mark(&f);
	heartbeat_free(heartbeat);
	fixture_end(&f);
}

static void
freed_while_waiting(void **state)
{
	struct heartbeat *heartbeat;
	struct fixture f;

	(void)state;
	heartbeat_free(NULL);
	begin(&f, &heartbeat, only_the_mark);
	heartbeat_begin(heartbeat, f.server, &status);
	heartbeat_free(heartbeat);
	send_mark(&f);
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_wait),
		cmocka_unit_test(short_waits),
		cmocka_unit_test(freed_while_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
