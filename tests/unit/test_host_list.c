#include "server/host_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "failing_call.h"

static void
assert_host(const struct host_list *list, size_t i, const struct host *host)
{
	assert_string_equal(list->hosts[i].name, host->name);
	assert_string_equal(list->hosts[i].address, host->address);
	assert_string_equal(list->hosts[i].port, host->port);
}

static void
splits(void **state)
{
	struct host_list list;
	struct error error;

	(void)state;
	assert_true(host_list_create(&list, NULL, NULL, "5432", &error));
	assert_int_equal(list.count, 1);
	assert_host(&list, 0, &(struct host){"", "", "5432"});
	assert_true(host_is_local(&list.hosts[0]));
	host_list_free(&list);

	assert_true(host_list_create(&list, "a,/tmp,", NULL, "1,,3", &error));
	assert_int_equal(list.count, 3);
	assert_host(&list, 0, &(struct host){"a", "", "1"});
	assert_host(&list, 1, &(struct host){"/tmp", "", ""});
	assert_host(&list, 2, &(struct host){"", "", "3"});
	assert_false(host_is_local(&list.hosts[0]));
	assert_true(host_is_local(&list.hosts[1]));
	host_list_free(&list);

	assert_true(host_list_create(&list, NULL, "::1,::2", "7", &error));
	assert_int_equal(list.count, 2);
	assert_host(&list, 1, &(struct host){"", "::2", "7"});
	assert_false(host_is_local(&list.hosts[1]));
	host_list_free(&list);
}

static void
mismatches(void **state)
{
	struct host_list list = {0};
	struct error error;

	(void)state;
	assert_false(host_list_create(&list, "a,b", "::1", NULL, &error));
	assert_int_equal(error.code, ERR_USAGE);
	assert_false(host_list_create(&list, "a", NULL, "1,2", &error));
	assert_int_equal(error.code, ERR_USAGE);
	assert_null(list.hosts);
}

static void
shuffle_keeps_all(void **state)
{
	struct host_list list;
	struct error error;
	int seen = 0;

	(void)state;
	assert_true(host_list_create(&list, "a,b,c,d", NULL, NULL, &error));
	host_list_shuffle(&list);
	for (size_t i = 0; i < list.count; i++)
		seen |= 1 << (list.hosts[i].name[0] - 'a');
	assert_int_equal(seen, 15);
	host_list_free(&list);
}

/* What is no number may be a password, and is not repeated. */
static void
refuses_ports(void **state)
{
	static const char *const ports[][2] = {
		{"0", "invalid port number: \"0\""},
		{"65536", "invalid port number: \"65536\""},
		{"-1", "invalid port number: \"-1\""},
		{"1x", "invalid port number: no number"},
		{"secret", "invalid port number: no number"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		struct host_list list = {.count = 7};
		struct error error;

		assert_false(host_list_create(
			&list, "a", NULL, ports[i][0], &error));
		assert_int_equal(error.code, ERR_USAGE);
		assert_string_equal(error.message, ports[i][1]);
		assert_int_equal(list.count, 7);
	}
}

static void
local_hosts(void **state)
{
	static const struct {
		struct host host;
		bool local;
	} examples[] = {
		{{"", "", ""}, true},
		{{"/socket", "", ""}, true},
		{{"@abstract", "", ""}, true},
		{{"name", "", ""}, false},
		{{"/socket", "::1", ""}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		assert_int_equal(
			host_is_local(&examples[i].host), examples[i].local);
}

static void
shuffles(void **state)
{
	static const char names[] = "a,b,c,d,e,f,g,h";
	bool moved = false;
	struct host_list list;
	struct error error;
	int seen[256] = {0};

	(void)state;
	assert_true(host_list_create(&list, names, NULL, NULL, &error));
	call_fails(CALL_getrandom, 1, 1, EAGAIN);
	host_list_shuffle(&list);
	assert_true(call_has_failed());
	calls_work();
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(list.hosts[i].name[0], names[2 * i]);

	for (int round = 0; round < 100 && !moved; round++) {
		host_list_shuffle(&list);
		moved = list.hosts[0].name[0] != 'a';
	}
	assert_true(moved);
	for (size_t i = 0; i < list.count; i++)
		seen[(unsigned char)list.hosts[i].name[0]]++;
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(seen[(unsigned char)names[2 * i]], 1);
	host_list_free(&list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits),
		cmocka_unit_test(mismatches),
		cmocka_unit_test(shuffle_keeps_all),
		cmocka_unit_test(refuses_ports),
		cmocka_unit_test(local_hosts),
		cmocka_unit_test(shuffles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
