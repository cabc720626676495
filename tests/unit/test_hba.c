#include "check/hba.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* As servers of several versions say it, in the words of libpq. */
static void
lines(void **state)
{
	static const struct {
		struct server_refusal refusal;
		const char *message;
		const char *line;
	} rows[] = {
		{{"28000", "archiver", true},
			"connection to server on socket "
			"\"/tmp/.s.PGSQL.5432\" failed: FATAL:  no pg_hba.conf "
			"entry for replication connection from host "
			"\"[local]\", user \"archiver\", no encryption",
			"local replication archiver scram-sha-256"},
		{{"28000", "postgres", true},
			"no pg_hba.conf entry for replication",
			"local replication postgres peer"},
		{{"28000", "archiver", false},
			"connection to server at \"db1\" (10.0.0.1), port 5432 "
			"failed: FATAL:  no pg_hba.conf entry for replication "
			"connection from host \"192.168.7.3\", user "
			"\"archiver\", SSL off",
			"host replication archiver 192.168.7.3/32 "
			"scram-sha-256"},
		{{"28000", "archiver", false},
			"FATAL:  no pg_hba.conf entry for replication "
			"connection from host \"2001:db8::7\", user "
			"\"archiver\", SSL encryption",
			"hostssl replication archiver 2001:db8::7/128 "
			"scram-sha-256"},
		{{"28000", "all", false},
			"FATAL:  kein pg_hba.conf-Eintrag f\303\274r "
			"Replikationsverbindung von Host \302\273"
			"10.1.2.3\302\253",
			"host replication \"all\" 10.1.2.3/32 scram-sha-256"},
		{{"28000", "a b", false},
			"FATAL:  pg_hba.conf rejects replication connection "
			"for nobody",
			"host replication \"a b\" ADDRESS scram-sha-256"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[HBA_LINE_SIZE];

		assert_true(hba_refused(&rows[i].refusal, rows[i].message));
		hba_line(line, "replication", &rows[i].refusal, "postgres",
			rows[i].message);
		assert_string_equal(line, rows[i].line);
	}
}

static void
other_refusals(void **state)
{
	static const struct server_refusal right = {"42501", "a", true};
	static const struct server_refusal role = {"28000", "a", true};

	(void)state;
	assert_false(hba_refused(&right, "about pg_hba.conf or not"));
	assert_false(hba_refused(&role, "role \"a\" does not exist"));
	assert_true(hba_rejected("FATAL:  pg_hba.conf rejects connection"));
	assert_false(hba_rejected("FATAL:  no pg_hba.conf entry"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(other_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
