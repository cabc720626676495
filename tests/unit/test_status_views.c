/* The views of src/status/: text, explanations and JSON. */
#include "archive/lock.h"
#include "base/clock.h"
#include "status/leader_view.h"
#include "status/view_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "temporary_directory.h"

#include <jansson.h>

#define MB ((lsn)1 << 20)
#define END (1000 * MB)

struct scene {
	struct leader leader;
	struct follower followers[2];
	struct leader_slot slots[2];
	char names[40];
	char commit[20];
	char keep[20];
	struct text text;
};

/* A follower that streams all, and a slot in use. */
static void
begin(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->leader = (struct leader){
		.version = 150018,
		.end = END,
		.sees_all = true,
		.synchronous_standby_names = s->names,
		.synchronous_commit = s->commit,
		.max_slot_wal_keep_size = s->keep,
		.followers = s->followers,
		.follower_count = 1,
		.slots = s->slots,
		.slot_count = 1,
	};
	strcpy(s->commit, "on");
	strcpy(s->keep, "-1");
	s->followers[0] = (struct follower){
		.pid = 42,
		.user = "archiver",
		.application = "walfetch",
		.state = "streaming",
		.sync_state = "async",
		.steps = {{END, -1}, {END, 1000}, {END, 2000}, {0, -1}},
	};
	s->slots[0] = (struct leader_slot){
		.name = "archive",
		.physical = true,
		.active = true,
		.active_pid = 42,
		.restart = END,
		.wal_status = "reserved",
		.inactive_us = -1,
	};
	text_init(&s->text);
}

static void
explain(struct scene *s)
{
	struct error error;

	text_clear(&s->text);
	if (!leader_view_explain(&s->leader, &s->text, &error))
		fail_msg("%s", error.message);
}

static void
says(struct scene *s, const char *wanted)
{
	explain(s);
	if (strstr(s->text.string, wanted) == NULL)
		fail_msg("\"%s\" is not in:\n%s", wanted, s->text.string);
}

static void
no_problem(struct scene *s)
{
	explain(s);
	if (strstr(s->text.string, "Problem") != NULL)
		fail_msg("%s", s->text.string);
}

static void
all_is_well(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	no_problem(&s);
	says(&s, "replay is empty");
	says(&s, "It has all of the leader's WAL.");
	leader_view_print(&s.leader, "db1:5432", &s.text);
	assert_non_null(strstr(s.text.string, "db1:5432, PostgreSQL 15"));
	assert_non_null(strstr(s.text.string, "0 B, 0.001 s"));
	text_free(&s.text);
}

static void
synchronous(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	strcpy(s.names, "follower");
	says(&s, "Problem: 0 of them are connected");
	strcpy(s.commit, "local");
	no_problem(&s);
	strcpy(s.commit, "on");
	strcpy(s.names, "ANY 1 (walfetch, b)");
	strcpy(s.followers[0].sync_state, "quorum");
	no_problem(&s);
	strcpy(s.commit, "remote_apply");
	says(&s, "remote_apply waits for replay, which never comes");
	strcpy(s.commit, "on");
	s.followers[0].steps[STEP_FLUSH].at = LSN_NONE;
	says(&s, "never counted, for it reports no flush position");
	strcpy(s.names, "a,");
	assert_false(leader_view_explain(
		&s.leader, &s.text, &(struct error){.code = ERR_NONE}));
	text_free(&s.text);
}

static void
slots(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.slots[0].active = false;
	s.slots[0].restart = END - 100 * MB;
	s.slots[0].inactive_us = 3600 * USECS_PER_SEC;
	says(&s, "nobody uses it, and it holds back 100 MB");
	says(&s, "max_slot_wal_keep_size = -1");
	says(&s, "Nobody has used it for 01:00:00");
	strcpy(s.slots[0].wal_status, "unreserved");
	says(&s, "the next checkpoint may invalidate it");
	strcpy(s.slots[0].wal_status, "lost");
	says(&s, "Problem: it is invalidated");
	strcpy(s.slots[0].wal_status, "");
	s.slots[0].restart = LSN_NONE;
	no_problem(&s);
	strcpy(s.slots[0].invalidation, "idle_timeout");
	says(&s, "it is invalidated, idle_timeout");
	text_free(&s.text);
}

static void
followers(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.leader.follower_count = 0;
	says(&s, "No follower is connected.");
	assert_null(leader_view_last(&s.leader));
	s.leader.follower_count = 2;
	s.followers[1] = s.followers[0];
	s.followers[1].pid = 43;
	s.followers[1].steps[STEP_FLUSH].at = END - 80 * MB;
	s.followers[1].steps[STEP_REPLAY].at = END - 200 * MB;
	assert_ptr_equal(leader_view_last(&s.leader), &s.followers[1]);
	says(&s, "it has 120 MB that it has not replayed");
	says(&s, "It is 80.0 MB behind");
	memset(&s.followers[1], 0, sizeof(s.followers[1]));
	s.followers[1].hidden = true;
	says(&s, "This role may not see its state");
	text_free(&s.text);
}

static void
as_json(void **state)
{
	struct directory *directory = *state;
	struct receiver_view view;
	struct error error;
	struct scene s;
	json_error_t json_error;
	json_t *object;
	const char *client = NULL;
	int pid = 0;
	int running = 1;

	begin(&s);
	strcpy(s.followers[0].client, "bad \377 byte");
	assert_true(receiver_view_read(&view, directory->path, &error));
	assert_true(view_json_append(&view, &s.leader, "x", &s.text, &error));
	assert_int_equal(strcspn(s.text.string, "\n"), s.text.len - 1);
	object = json_loads(s.text.string, 0, &json_error);
	assert_non_null(object);
	assert_int_equal(
		json_unpack(object, "{s:{s:[{s:i, s:s, s:n}]}, s:{s:b}}",
			"leader", "followers", "pid", &pid, "client", &client,
			"replay", "archive", "running", &running),
		0);
	assert_int_equal(pid, 42);
	assert_string_equal(client, "bad ? byte");
	assert_false(running);
	json_decref(object);
	text_free(&s.text);
}

static void
print_receiver(const char *path, struct text *text)
{
	struct receiver_view view;
	struct error error;

	text_clear(text);
	if (!receiver_view_read(&view, path, &error))
		fail_msg("%s", error.message);
	receiver_view_print(&view, text);
	receiver_view_explain(&view, text);
}

static void
receiver(void **state)
{
	struct directory *directory = *state;
	struct receiver_status status = {
		.pid = getpid(),
		.state = RECEIVER_STREAMING,
		.updated_us = clock_postgres_us(),
		.since_us = clock_postgres_us(),
		.received = END,
		.durable = END - 10 * MB,
		.server_end = END + 5 * MB,
		.in_work = 1,
		.slot = "a",
	};
	struct error error;
	struct text text;
	int fd = -1;

	text_init(&text);
	print_receiver(directory->path, &text);
	assert_non_null(strstr(text.string, "none has told of itself"));
	assert_true(status_file_write(directory, &status, &error));
	print_receiver(directory->path, &text);
	assert_non_null(strstr(text.string, "ended without a word"));
	assert_non_null(strstr(text.string, "no receiver runs"));

	assert_true(archive_lock_acquire(directory, &fd, &error));
	print_receiver(directory->path, &text);
	assert_null(strstr(text.string, "Problem"));
	assert_non_null(strstr(text.string, "lag 5.0 MB"));
	assert_non_null(
		strstr(text.string, "10.0 MB received and not durable"));
	status.updated_us -= 60 * USECS_PER_SEC;
	assert_true(status_file_write(directory, &status, &error));
	print_receiver(directory->path, &text);
	assert_non_null(strstr(text.string, "later than it should"));
	assert_non_null(strstr(text.string, "its disk may hang"));
	status.pid++;
	assert_true(status_file_write(directory, &status, &error));
	print_receiver(directory->path, &text);
	assert_non_null(strstr(text.string, "has not told of itself yet"));
	archive_lock_release(fd);

	status.state = RECEIVER_FAILED;
	strcpy(status.failure, "WAL is gone");
	assert_true(status_file_write(directory, &status, &error));
	print_receiver(directory->path, &text);
	assert_non_null(strstr(text.string, "failed at"));
	assert_non_null(strstr(text.string, "WAL is gone"));
	text_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(synchronous),
		cmocka_unit_test(slots),
		cmocka_unit_test(followers),
		directory_test(as_json),
		directory_test(receiver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
