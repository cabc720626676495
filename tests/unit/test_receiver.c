#include "receive/receiver.h"

#include "archive/lock.h"
#include "archive/segment_reader.h"
#include "archive/status_file.h"
#include "base/byteorder.h"
#include "server_fixture.h"
#include "temporary_directory.h"
#include "wal_builder.h"

#include <limits.h>

#define BEGIN ((lsn)0x500000)
#define SEGMENT WAL_BUILDER_SEGMENT
#define START_QUERY "START_REPLICATION PHYSICAL 0/00500000 TIMELINE 1"

/* What the script and the receiver share. */
struct scene {
	struct fixture fixture; /* first: the script's argument is it */
	struct wal_builder wal;
	struct log log;
	struct text output;
	struct receiver_config config;
	int end_fds[2]; /* of the test that tells the end later */
};

static struct scene *
scene_of(struct fake_server *fake)
{
	return fake->argument;
}

static void
answer(struct fake_server *fake, const char *query, int count,
	const char *const *values)
{
	fake_expect_query(fake, query);
	fake_row(fake, count, values);
	fake_complete(fake, "SHOW");
	fake_ready(fake);
	fake_flush(fake);
}

/* Up to the archive: a leader on timeline 1, segments of 1 MB. */
static void
introduce(struct fake_server *fake)
{
	static const char *const identity[] = {
		"7100000000000000001", "1", "0/00500000", NULL};
	static const char *const size[] = {"1MB"};
	static const char *const mode[] = {"0700"};

	fake_login(fake);
	answer(fake, "IDENTIFY_SYSTEM", 4, identity);
	answer(fake, "SHOW wal_segment_size", 1, size);
	answer(fake, "SHOW data_directory_mode", 1, mode);
}

/* And up to the first status update. */
static void
begin_copy(struct fake_server *fake)
{
	introduce(fake);
	fake_expect_query(fake, START_QUERY);
	fake_copy_both(fake);
	fake_flush(fake);
	fake_expect(fake, 'd', NULL, 0);
}

/* The WAL's bytes from done on, of a server that has them up to end. */
static void
queue_wal(struct fake_server *fake, size_t done, size_t len, size_t end)
{
	struct text message;
	unsigned char head[25] = {'w'};

	put_be64(head + 1, BEGIN + done);
	put_be64(head + 9, BEGIN + end);
	text_init(&message);
	text_append(&message, (char *)head, sizeof(head));
	text_append(&message, (char *)scene_of(fake)->wal.bytes + done, len);
	fake_copy_data(fake, message.string, message.len);
	text_free(&message);
}

static void
send_wal(struct fake_server *fake)
{
	size_t len = wal_builder_len(&scene_of(fake)->wal);

	for (size_t done = 0; done < len;) {
		size_t piece = len - done < 100001 ? len - done : 100001;

		queue_wal(fake, done, piece, len);
		done += piece;
	}
	fake_flush(fake);
}

static void
ask_for_reply(struct fake_server *fake)
{
	unsigned char keepalive[18] = {'k'};

	keepalive[17] = 1;
	fake_copy_data(fake, keepalive, sizeof(keepalive));
	fake_flush(fake);
	fake_expect(fake, 'd', NULL, 0);
}

/* The client has ended the copy. */
static void
end_copy(struct fake_server *fake)
{
	fake_message(fake, 'c', "", 0);
	fake_complete(fake, "START_STREAMING");
	fake_ready(fake);
	fake_flush(fake);
	fake_expect_close(fake);
}

static void
set_up(struct scene *scene, void **state, fake_script script)
{
	const struct directory *directory = *state;
	FILE *stream = tmpfile();

	assert_non_null(stream);
	log_init(&scene->log, stream, "test");
	scene->log.level = LOG_DEBUG;
	scene->config = (struct receiver_config){
		.directory = directory->path,
		.engine =
			{
				.verify = true,
				.receive_timeout_us = 20 * USECS_PER_SEC,
				.max_retries = UINT_MAX,
				.seed = 1,
			},
		.codec = CODEC_LZ4,
		.jobs = 2,
		.memory = (uint64_t)128 << 20,
		.sync = true,
		.end_fd = -1,
	};
	wal_builder_init(&scene->wal, BEGIN);
	wal_builder_add_many(&scene->wal, 2 * SEGMENT + 5000);
	fixture_begin(&scene->fixture, script, 10 * USECS_PER_SEC);
}

static bool
run(struct scene *scene, struct error *error)
{
	const struct stop stop = {.fd = scene->fixture.stop[0]};
	const struct receiver_peers peers = {
		scene->fixture.server, &stop, &scene->log, NULL};

	return receiver_run(&scene->config, &peers, error);
}

static void
tear_down(struct scene *scene)
{
	fixture_end(&scene->fixture);
	wal_builder_free(&scene->wal);
	(void)fclose(scene->log.stream);
}

static void
expect_logged(struct scene *scene, const char *wanted)
{
	char log[20000];
	size_t len;

	rewind(scene->log.stream);
	len = fread(log, 1, sizeof(log) - 1, scene->log.stream);
	log[len] = '\0';
	if (strstr(log, wanted) == NULL)
		fail_msg("\"%s\" is not in: %s", wanted, log);
}

static void
expect_file(struct scene *scene, void **state, const char *name, lsn begin,
	size_t len)
{
	struct segment_reader *reader;
	struct error error;
	unsigned char *bytes = malloc(SEGMENT);
	size_t done = 0;

	assert_non_null(bytes);
	if (!segment_reader_open(&reader, *state, name, CODEC_LZ4, &error))
		fail_msg("%s", error.message);
	for (;;) {
		size_t piece = SEGMENT - done;

		if (!segment_reader_read(reader, bytes + done, &piece, &error))
			fail_msg("%s", error.message);
		if (piece == 0)
			break;
		done += piece;
	}
	segment_reader_close(reader);
	assert_int_equal(done, len);
	assert_memory_equal(bytes, wal_builder_at(&scene->wal, begin), len);
	free(bytes);
}

/* Both segments, the open one, the lock, and the status. */
static void
expect_archive(struct scene *scene, void **state)
{
	size_t rest = wal_builder_len(&scene->wal) - 2 * SEGMENT;
	struct receiver_status status;
	struct error error;

	expect_file(
		scene, state, "000000010000000000000005.lz4", BEGIN, SEGMENT);
	expect_file(scene, state, "000000010000000000000006.lz4",
		BEGIN + SEGMENT, SEGMENT);
	expect_file(scene, state, "000000010000000000000007.lz4.partial",
		BEGIN + 2 * SEGMENT, rest);
	assert_int_equal(temporary_directory_count(*state), 5);
	assert_true(status_file_read(*state, &status, &error));
	assert_int_equal(status.state, RECEIVER_STOPPED);
	assert_int_equal(status.pid, getpid());
	assert_int_equal(status.durable, BEGIN + wal_builder_len(&scene->wal));
	assert_int_equal(status.archived, BEGIN + 2 * SEGMENT);
}

static void
up_to_the_end(struct fake_server *fake)
{
	begin_copy(fake);
	send_wal(fake);
	fake_expect(fake, 'd', NULL, 0);
	fake_expect(fake, 'c', NULL, 0);
	end_copy(fake);
}

static void
end_position(void **state)
{
	struct scene scene;
	struct error error;

	set_up(&scene, state, up_to_the_end);
	scene.config.engine.end = scene.wal.at;
	if (!run(&scene, &error))
		fail_msg("%s", error.message);
	expect_archive(&scene, state);
	expect_logged(&scene, "starting log streaming at 0/00500000");
	expect_logged(&scene, "finished segment 000000010000000000000006.lz4");
	tear_down(&scene);
}

/* The end is told to the receiver while it waits for more. */
static void
end_comes_later(struct fake_server *fake)
{
	const struct scene *scene = scene_of(fake);

	begin_copy(fake);
	send_wal(fake);
	ask_for_reply(fake);
	if (write(scene->end_fds[1], &scene->wal.at, sizeof(scene->wal.at)) !=
		(ssize_t)sizeof(scene->wal.at))
		fake->failure = "could not write to a pipe";
	fake_expect(fake, 'd', NULL, 0);
	fake_expect(fake, 'c', NULL, 0);
	end_copy(fake);
}

static void
later_end_position(void **state)
{
	struct scene scene;
	struct error error;

	assert_int_equal(pipe(scene.end_fds), 0);
	set_up(&scene, state, end_comes_later);
	scene.config.end_fd = scene.end_fds[0];
	if (!run(&scene, &error))
		fail_msg("%s", error.message);
	expect_archive(&scene, state);
	tear_down(&scene);
	(void)close(scene.end_fds[0]);
	(void)close(scene.end_fds[1]);
}

static void
until_stopped(struct fake_server *fake)
{
	begin_copy(fake);
	send_wal(fake);
	ask_for_reply(fake);
	fixture_stop(fake->argument);
	fake_expect(fake, 'd', NULL, 0);
	fake_expect(fake, 'c', NULL, 0);
	fake_expect_close(fake);
}

static void
stopped(void **state)
{
	struct scene scene;
	struct error error;

	set_up(&scene, state, until_stopped);
	if (!run(&scene, &error))
		fail_msg("%s", error.message);
	expect_archive(&scene, state);
	expect_logged(&scene, "received a signal, stopping");
	tear_down(&scene);
}

/* Each commit is answered as soon as it is durable. */
static void
three_commits(struct fake_server *fake)
{
	begin_copy(fake);
	for (size_t i = 1; i <= 3; i++) {
		struct text body;

		text_init(&body);
		queue_wal(fake, (i - 1) * 1000, 1000, i * 1000);
		fake_flush(fake);
		fake_take(fake, 'd', &body);
		if (fake->failure == NULL &&
			get_be64((unsigned char *)body.string + 9) !=
				BEGIN + i * 1000)
			fake->failure = "a commit is not flushed";
		text_free(&body);
	}
	fixture_stop(fake->argument);
	fake_expect(fake, 'd', NULL, 0);
	fake_expect(fake, 'c', NULL, 0);
	fake_expect_close(fake);
}

static void
synchronous(void **state)
{
	struct scene scene;
	struct error error;

	set_up(&scene, state, three_commits);
	scene.config.engine.synchronous = true;
	if (!run(&scene, &error))
		fail_msg("%s", error.message);
	expect_file(&scene, state, "000000010000000000000005.lz4.partial",
		BEGIN, 3000);
	/* The lock and the status, too; the file made ahead is gone. */
	assert_int_equal(temporary_directory_count(*state), 3);
	tear_down(&scene);
}

/* Still starting; then it is there, and is lost in the stream; then whole. */
static void
in_three_attempts(struct fake_server *fake)
{
	fake_accept(fake);
	fake_error(fake, "FATAL", "57P03", "the database is starting up");
	fake_flush(fake);
	fake_close(fake);
	begin_copy(fake);
	fake_close(fake);
	up_to_the_end(fake);
}

static void
tries_again(void **state)
{
	struct scene scene;
	struct error error;

	set_up(&scene, state, in_three_attempts);
	scene.config.engine.end = scene.wal.at;
	if (!run(&scene, &error))
		fail_msg("%s", error.message);
	expect_archive(&scene, state);
	expect_logged(&scene, "warning: ");
	expect_logged(&scene, "the database is starting up");
	expect_logged(&scene, "trying again in ");
	tear_down(&scene);
}

static void
not_yet(struct fake_server *fake)
{
	fake_accept(fake);
	fake_error(fake, "FATAL", "57P03", "the database is starting up");
	fake_flush(fake);
	fake_close(fake);
	if (scene_of(fake)->config.engine.no_loop)
		return;
	fixture_stop(fake->argument);
}

static void
no_loop(void **state)
{
	struct scene scene;
	struct error error;

	set_up(&scene, state, not_yet);
	scene.config.engine.no_loop = true;
	assert_false(run(&scene, &error));
	assert_int_equal(error.code, ERR_UNREACHABLE);
	assert_non_null(strstr(error.message, "starting up"));
	tear_down(&scene);
}

static void
stopped_while_it_waits(void **state)
{
	struct scene scene;
	struct error error;

	set_up(&scene, state, not_yet);
	assert_true(run(&scene, &error));
	tear_down(&scene);
}

static void
no_script(struct fake_server *fake)
{
	(void)fake;
}

/* Found before any server is asked. */
static void
locked(void **state)
{
	struct scene scene;
	struct error error;
	int fd;

	assert_true(archive_lock_acquire(*state, &fd, &error));
	set_up(&scene, state, no_script);
	assert_false(run(&scene, &error));
	assert_int_equal(error.code, ERR_LOCKED);
	assert_int_equal(temporary_directory_count(*state), 1);
	tear_down(&scene);
	archive_lock_release(fd);
}

static void
until_damaged(struct fake_server *fake)
{
	begin_copy(fake);
	send_wal(fake);
	fake_expect(fake, 'd', NULL, 0);
	fake_expect(fake, 'c', NULL, 0);
	end_copy(fake);
}

/* A byte in the last segment is wrong: what is before it stays. */
static void
damaged(void **state)
{
	struct scene scene;
	struct error error;

	set_up(&scene, state, until_damaged);
	*wal_builder_at(&scene.wal, BEGIN + 2 * SEGMENT + 3000) ^= 1;
	assert_false(run(&scene, &error));
	assert_int_equal(error.code, ERR_DAMAGED);
	expect_file(&scene, state, "000000010000000000000006.lz4",
		BEGIN + SEGMENT, SEGMENT);
	assert_int_equal(faccessat(((struct directory *)*state)->fd,
				 "000000010000000000000007.partial", F_OK, 0),
		0);
	tear_down(&scene);
}

static void
no_directory(void **state)
{
	struct scene scene;
	struct error error;

	set_up(&scene, state, no_script);
	scene.config.directory = "/nowhere/at/all";
	assert_false(run(&scene, &error));
	assert_int_equal(error.code, ERR_SYSTEM);
	tear_down(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(later_end_position),
		directory_test(end_position),
		directory_test(stopped),
		directory_test(synchronous),
		directory_test(tries_again),
		directory_test(no_loop),
		directory_test(stopped_while_it_waits),
		directory_test(locked),
		directory_test(damaged),
		directory_test(no_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
