/*
 * A message of the server or of libpq, made fit for people.
 */
#include "fuzz.h"

#include "check/hba.h"
#include "server/server_message.h"

static void
check_line(const char *message, size_t size)
{
	char *line = malloc(size);

	fuzz_expect(line != NULL);
	message_one_line(line, size, message);
	fuzz_expect(strlen(line) < size);
	fuzz_expect(strpbrk(line, "\r\n\t") == NULL);
	free(line);
}

static void
check_hba(const char *message)
{
	const struct server_refusal refusal = {"28000", "archive", false};
	char line[HBA_LINE_SIZE];

	(void)hba_refused(&refusal, message);
	(void)hba_rejected(message);
	hba_line(line, "replication", &refusal, "archive", message);
	fuzz_expect(memchr(line, '\0', sizeof(line)) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_input input = {data, size};
	char *message = fuzz_string(&input);
	size_t len = strlen(message);
	char sqlstate[SQLSTATE_SIZE];
	struct text plain;

	text_init(&plain);
	(void)message_append_plain(&plain, message);
	message_sqlstate(sqlstate, message);
	fuzz_expect(
		sqlstate[0] == '\0' || strlen(sqlstate) == SQLSTATE_SIZE - 1);
	check_line(message, 1);
	check_line(message, 16);
	check_line(message, 1024);
	check_hba(message);
	message_hide_quoted(message);
	fuzz_expect(strlen(message) <= len);
	text_free(&plain);
	free(message);
	return 0;
}
