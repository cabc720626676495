#include "server/host_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits),
		cmocka_unit_test(mismatches),
		cmocka_unit_test(shuffle_keeps_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
