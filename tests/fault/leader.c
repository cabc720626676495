/*
 * leader.c - a scripted leader: the server's side of the replication protocol
 * on a Unix socket, for the real libpq on the other.
 *
 * usage: leader FOLDER SCRIPT
 * Listens at FOLDER/.s.PGSQL.5432 until it is killed. What a script may say is
 * in the table below; service.h has what the leader does by itself and what it
 * writes.
 */
#include "script.h"
#include "service.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct leader {
	struct service service;
	const char *folder;
};

/* What a statement does; words as in the script, its name is the first. */
typedef void (*carry_out)(struct leader *leader, char *const *words);

static uint64_t
number(const char *word)
{
	char *end;
	uint64_t value = strtoull(word, &end, 0);

	if (*word == '\0' || *end != '\0')
		errx(2, "\"%s\" is no number", word);
	return value;
}

static lsn
position(const char *word)
{
	lsn at;

	if (!lsn_parse(word, &at))
		errx(2, "\"%s\" is no LSN", word);
	return at;
}

/* Bytes as pairs of hexadecimal digits. */
static size_t
bytes_of(const char *word, unsigned char *bytes, size_t room)
{
	size_t len = 0;

	for (; *word != '\0'; word += 2, len++) {
		unsigned byte;

		if (len == room || sscanf(word, "%2x", &byte) != 1)
			errx(2, "\"%s\" are no bytes", word);
		bytes[len] = (unsigned char)byte;
	}
	return len;
}

static void
do_version(struct leader *leader, char *const *words)
{
	leader->service.version = words[1];
}

static void
do_system(struct leader *leader, char *const *words)
{
	leader->service.system_identifier = number(words[1]);
	service_renew(&leader->service);
}

static void
do_segment_size(struct leader *leader, char *const *words)
{
	leader->service.segment_size = (uint32_t)number(words[1]) << 20;
	service_renew(&leader->service);
}

static void
do_timeline(struct leader *leader, char *const *words)
{
	leader->service.timeline = (uint32_t)number(words[1]);
	service_renew(&leader->service);
}

static void
do_history(struct leader *leader, char *const *words)
{
	struct service *service = &leader->service;

	if (service->history_count == HISTORIES_MAX)
		errx(2, "too many histories");
	service->histories[service->history_count++] = (struct served_history){
		.timeline = (uint32_t)number(words[1]),
		.text = words[2],
		.name = words[3],
	};
	service_renew(service);
}

static void
do_oldest(struct leader *leader, char *const *words)
{
	leader->service.oldest = position(words[1]);
}

static void
do_flushed(struct leader *leader, char *const *words)
{
	leader->service.flushed = position(words[1]);
}

static void
do_tell(struct leader *leader, char *const *words)
{
	leader->service.told = position(words[1]);
	leader->service.clock =
		words[2] == NULL ? 0 : (int64_t)number(words[2]);
}

static void
do_slot(struct leader *leader, char *const *words)
{
	struct service *service = &leader->service;

	(void)snprintf(service->slot, sizeof(service->slot), "%s", words[1]);
	service->slot_lsn = position(words[2]);
}

static void
do_damage(struct leader *leader, char *const *words)
{
	struct service *service = &leader->service;
	struct damage *damage = &service->damages[service->damage_count];

	if (service->damage_count++ == DAMAGES_MAX)
		errx(2, "too many damages");
	damage->at = position(words[1]);
	damage->len = bytes_of(words[2], damage->bytes, DAMAGE_MAX);
}

static void
do_repair(struct leader *leader, char *const *words)
{
	(void)words;
	leader->service.damage_count = 0;
}

static void
do_write_wal(struct leader *leader, char *const *words)
{
	char folder[4096];

	(void)snprintf(folder, sizeof(folder), "%s/pg_wal", leader->folder);
	service_write_wal(&leader->service, folder, position(words[1]),
		position(words[2]));
}

/* Is the client's last message the one that a script means? */
static bool
has_come(const struct service *service, const char *what)
{
	if (strcmp(what, "STARTUP") == 0)
		return service->type == 1;
	if (strcmp(what, "PASSWORD") == 0)
		return service->type == 'p';
	if (strcmp(what, "STATUS") == 0)
		return service->type == 'd';
	if (strcmp(what, "DONE") == 0)
		return service->type == 'c';
	return strncmp(service_query(service), what, strlen(what)) == 0 &&
		service->type == 'Q';
}

static void
do_until(struct leader *leader, char *const *words)
{
	struct service *service = &leader->service;

	while (!has_come(service, words[1]) || !service->pending) {
		service_answer(service);
		service_take(service);
		if (service->type == 0 || service->server.failure != NULL)
			return;
	}
}

static void
do_answer(struct leader *leader, char *const *words)
{
	(void)words;
	service_answer(&leader->service);
}

static void
do_serve(struct leader *leader, char *const *words)
{
	(void)words;
	service_run(&leader->service);
}

static void
do_silence(struct leader *leader, char *const *words)
{
	(void)words;
	while (leader->service.type != 0)
		service_take(&leader->service);
}

static void
do_close(struct leader *leader, char *const *words)
{
	(void)words;
	fake_close(&leader->service.server);
	leader->service.server.failure = "closed";
}

static void
do_split(struct leader *leader, char *const *words)
{
	leader->service.server.piece = (size_t)number(words[1]);
}

static void
do_cut(struct leader *leader, char *const *words)
{
	leader->service.server.cut_after = (size_t)number(words[1]);
	leader->service.server.cutting = true;
}

static void
do_glue(struct leader *leader, char *const *words)
{
	(void)words;
	leader->service.glue = true;
}

static void
do_send(struct leader *leader, char *const *words)
{
	(void)words;
	leader->service.glue = false;
	fake_flush(&leader->service.server);
}

static void
put_error(struct leader *leader, const char *severity, char *const *words)
{
	fake_error(&leader->service.server, severity, words[1], words[2]);
	leader->service.pending = false;
	leader->service.in_copy = false;
}

static void
do_error(struct leader *leader, char *const *words)
{
	put_error(leader, "ERROR", words);
	fake_ready(&leader->service.server);
	service_flush(&leader->service);
}

static void
do_fatal(struct leader *leader, char *const *words)
{
	put_error(leader, "FATAL", words);
	service_flush(&leader->service);
	do_close(leader, words);
}

static void
do_row(struct leader *leader, char *const *words)
{
	const char *values[WORDS_MAX];
	int count = 0;

	for (; words[1 + count] != NULL; count++)
		values[count] = strcmp(words[1 + count], "NULL") == 0
			? NULL
			: words[1 + count];
	fake_row(&leader->service.server, count, values);
	leader->service.pending = false;
	service_flush(&leader->service);
}

static void
do_complete(struct leader *leader, char *const *words)
{
	fake_complete(&leader->service.server, words[1]);
	leader->service.pending = false;
	service_flush(&leader->service);
}

static void
do_ready(struct leader *leader, char *const *words)
{
	(void)words;
	fake_ready(&leader->service.server);
	leader->service.pending = false;
	service_flush(&leader->service);
}

static void
do_message(struct leader *leader, char *const *words)
{
	unsigned char bytes[4096];
	size_t len =
		words[2] == NULL ? 0 : bytes_of(words[2], bytes, sizeof(bytes));

	fake_message(&leader->service.server, words[1][0], bytes, len);
	leader->service.pending = false;
	service_flush(&leader->service);
}

/* Send until the client has gone; false: it has. */
static bool
send_part(struct leader *leader, const char *bytes, size_t len)
{
	fake_send(&leader->service.server, bytes, len);
	if (fake_has_input(&leader->service.server))
		service_take(&leader->service);
	return leader->service.type != 0;
}

/* The type and length of a message, and so much of it, all the same byte. */
static void
do_lie(struct leader *leader, char *const *words)
{
	uint32_t len = (uint32_t)number(words[2]);
	uint64_t left = words[3] == NULL ? 0 : number(words[3]);
	char part[1 << 16] = {0};
	const char head[5] = {words[1][0], (char)(len >> 24), (char)(len >> 16),
		(char)(len >> 8), (char)len};

	leader->service.pending = false;
	fake_send(&leader->service.server, head, sizeof(head));
	if (left > 0 && words[4] != NULL)
		memset(part, words[4][0], sizeof(part));
	while (left > 0) {
		size_t sent = left < sizeof(part) ? left : sizeof(part);

		if (!send_part(leader, part, sent))
			return;
		left -= sent;
	}
}

/* COUNT messages: BYTES, a number of eight digits, LENGTH letters, two zeros.
 */
static void
do_flood(struct leader *leader, char *const *words)
{
	uint64_t count = number(words[2]);
	size_t len = (size_t)number(words[3]);
	unsigned char head[1024];
	size_t head_len =
		words[4] == NULL ? 0 : bytes_of(words[4], head, sizeof(head));
	size_t size = head_len + 8 + len + 2;
	char *body = calloc(1, size + 1);

	if (body == NULL)
		err(2, "calloc");
	memset(body, 'x', size - 2);
	memcpy(body, head, head_len);
	leader->service.pending = false;
	for (uint64_t i = 0; i < count; i++) {
		struct text *out = &leader->service.server.out;
		char digits[16];

		(void)snprintf(digits, sizeof(digits), "%08u", (unsigned)i);
		memcpy(body + head_len, digits, 8);
		fake_message(&leader->service.server, words[1][0], body, size);
		if (out->len < (1 << 16) && i + 1 < count)
			continue;
		if (!send_part(leader, "", 0))
			break;
	}
	free(body);
}

static void
do_wal(struct leader *leader, char *const *words)
{
	service_send_upto(&leader->service, position(words[1]));
}

static void
do_data(struct leader *leader, char *const *words)
{
	service_send_wal(
		&leader->service, position(words[1]), (size_t)number(words[2]));
}

static void
do_keepalive(struct leader *leader, char *const *words)
{
	uint64_t count = words[2] == NULL ? 1 : number(words[2]);

	while (count-- > 0)
		service_keepalive(
			&leader->service, strcmp(words[1], "reply") == 0);
}

static void
do_done(struct leader *leader, char *const *words)
{
	(void)words;
	fake_message(&leader->service.server, 'c', "", 0);
	leader->service.copy_done = true;
	service_flush(&leader->service);
}

static const struct {
	const char *name;
	int words; /* at least, the name not counted */
	carry_out carry_out;
	const char *meaning;
} statements[] = {
	{"version", 1, do_version, "NUMBER: of the server (15.5)"},
	{"system", 1, do_system, "NUMBER: the system identifier"},
	{"segment-size", 1, do_segment_size, "MEGABYTES (1)"},
	{"timeline", 1, do_timeline, "NUMBER: the current one (1)"},
	{"history", 2, do_history,
		"TIMELINE TEXT [NAME]: a history file, and what it is called"},
	{"oldest", 1, do_oldest, "LSN: where the WAL begins (0/01000000)"},
	{"flushed", 1, do_flushed, "LSN: where the WAL ends (0/01380000)"},
	{"tell", 1, do_tell,
		"LSN [TIME]: end of WAL and clock that messages name"},
	{"slot", 2, do_slot, "NAME LSN: a slot, and its restart_lsn"},
	{"damage", 2, do_damage, "LSN BYTES: send these bytes there"},
	{"repair", 0, do_repair, "no damage any more"},
	{"write-wal", 2, do_write_wal,
		"LSN LSN: write the segments of that range into pg_wal/"},
	{"until", 1, do_until,
		"WHAT: answer everything before a query that begins so, or "
		"STARTUP, PASSWORD, STATUS or DONE (CopyDone)"},
	{"answer", 0, do_answer, "answer that message as a server does"},
	{"serve", 0, do_serve, "be a good server until the client goes"},
	{"silence", 0, do_silence, "say nothing until the client goes"},
	{"close", 0, do_close, "hang up"},
	{"split", 1, do_split, "BYTES: send in pieces of that size; 0: do not"},
	{"cut", 1, do_cut, "BYTES: hang up after so many more"},
	{"glue", 0, do_glue, "queue what follows"},
	{"send", 0, do_send, "send what is queued, and no longer queue"},
	{"error", 2, do_error, "SQLSTATE TEXT, and ready for another query"},
	{"fatal", 2, do_fatal, "SQLSTATE TEXT, and hang up"},
	{"row", 1, do_row, "VALUE...: a result's only row; NULL: null"},
	{"complete", 1, do_complete, "TAG: the end of a command"},
	{"ready", 0, do_ready, "ready for another query"},
	{"message", 1, do_message, "TYPE [BYTES]: any message"},
	{"lie", 2, do_lie,
		"TYPE LENGTH [COUNT [LETTER]]: the head of a message, and "
		"COUNT "
		"letters (zeros)"},
	{"flood", 3, do_flood,
		"TYPE COUNT LENGTH [BYTES]: messages of BYTES, a number, "
		"LENGTH letters and two zeros"},
	{"wal", 1, do_wal, "LSN: send WAL up to there"},
	{"data", 2, do_data, "LSN LENGTH: one message of WAL from anywhere"},
	{"keepalive", 1, do_keepalive, "plain|reply [COUNT]"},
	{"done", 0, do_done, "CopyDone"},
};

static void
carry_out_statement(struct leader *leader, const struct statement *statement)
{
	size_t count = sizeof(statements) / sizeof(statements[0]);
	char *words[WORDS_MAX + 1] = {NULL};
	size_t i = 0;

	memcpy(words, statement->words,
		(size_t)statement->count * sizeof(words[0]));
	while (i < count && strcmp(words[0], statements[i].name) != 0)
		i++;
	if (i == count)
		errx(2, "line %d: unknown statement \"%s\"", statement->line,
			words[0]);
	if (statement->count <= statements[i].words)
		errx(2, "line %d: %s %s", statement->line, words[0],
			statements[i].meaning);
	statements[i].carry_out(leader, words);
}

static void
carry_out_section(
	struct leader *leader, const struct script *script, size_t number_of)
{
	size_t end;
	size_t i = script_section(script, number_of, &end);

	while (i < end && leader->service.server.failure == NULL &&
		(number_of == 0 || leader->service.type != 0))
		carry_out_statement(leader, &script->statements[i++]);
}

static void
list_statements(void)
{
	(void)printf("usage: leader FOLDER SCRIPT\n\nStatements:\n");
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		(void)printf(
			"  %s %s\n", statements[i].name, statements[i].meaning);
}

int
main(int argc, char **argv)
{
	struct leader leader;
	struct script script;
	char path[128];

	if (argc != 3) {
		list_statements();
		return argc == 1 ? 0 : 2;
	}
	script_read(&script, argv[2]);
	service_init(&leader.service);
	service_renew(&leader.service);
	leader.folder = argv[1];
	carry_out_section(&leader, &script, 0);
	(void)snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", argv[1]);
	fake_server_open(&leader.service.server, path);
	(void)printf("0 listening\n");
	(void)fflush(stdout);
	for (;;) {
		leader.service.connection++;
		if (!service_accept(&leader.service))
			continue;
		carry_out_section(&leader, &script, leader.service.connection);
		if (leader.service.server.cutting)
			(void)printf("%zu whole\n", leader.service.connection);
		(void)printf("%zu ended\n", leader.service.connection);
		(void)fflush(stdout);
		fake_close(&leader.service.server);
	}
}
