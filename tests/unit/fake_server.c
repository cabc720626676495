#include "fake_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000

#define SSL_REQUEST 80877103
#define GSS_REQUEST 80877104

/* The oids that the real server gives to text and int8 do not matter here. */
#define TEXT_OID 25

static void
require(bool condition, const char *what)
{
	if (condition)
		return;
	(void)fprintf(stderr, "fake server: %s: %s\n", what, strerror(errno));
	abort();
}

static void
fail(struct fake_server *server, const char *what)
{
	if (server->failure == NULL)
		server->failure = what;
}

static void *
run(void *argument)
{
	struct fake_server *server = argument;

	server->script(server);
	fake_close(server);
	return NULL;
}

static void
begin_listening(struct fake_server *server)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	require(strlen(server->path) < sizeof(address.sun_path), server->path);
	memcpy(address.sun_path, server->path, strlen(server->path) + 1);
	server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(server->listen_fd >= 0, "socket");
	require(bind(server->listen_fd, (struct sockaddr *)&address,
			sizeof(address)) == 0,
		"bind");
	require(listen(server->listen_fd, 8) == 0, "listen");
}

static void
begin(struct fake_server *server, int patience_ms)
{
	memset(server, 0, sizeof(*server));
	server->patience_ms = patience_ms;
	server->client_fd = -1;
	server->left_fd = -1;
	text_init(&server->out);
}

void
fake_server_open(struct fake_server *server, const char *path)
{
	begin(server, -1);
	(void)snprintf(server->path, sizeof(server->path), "%s", path);
	begin_listening(server);
}

void
fake_server_close(struct fake_server *server)
{
	fake_close(server);
	(void)close(server->listen_fd);
	if (server->left_fd >= 0)
		(void)close(server->left_fd);
	(void)unlink(server->path);
	text_free(&server->out);
}

void
fake_server_start(
	struct fake_server *server, fake_script script, void *argument)
{
	begin(server, PATIENCE_MS);
	server->script = script;
	server->argument = argument;
	(void)snprintf(server->directory, sizeof(server->directory),
		"/tmp/walfetch-fake-XXXXXX");
	require(mkdtemp(server->directory) != NULL, "mkdtemp");
	(void)snprintf(server->path, sizeof(server->path), "%s/.s.PGSQL.5432",
		server->directory);
	(void)snprintf(server->conninfo, sizeof(server->conninfo),
		"host=%s port=5432 user=tester", server->directory);
	begin_listening(server);
	require(sem_init(&server->go, 0, 0) == 0, "sem_init");
	require(pthread_create(&server->thread, NULL, run, server) == 0,
		"pthread_create");
}

const char *
fake_server_stop(struct fake_server *server)
{
	(void)pthread_join(server->thread, NULL);
	(void)sem_destroy(&server->go);
	fake_server_close(server);
	(void)rmdir(server->directory);
	return server->failure;
}

void
fake_go(struct fake_server *server)
{
	(void)sem_post(&server->go);
}

void
fake_wait(struct fake_server *server)
{
	struct timespec until;

	if (server->failure != NULL)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	while (sem_timedwait(&server->go, &until) != 0) {
		if (errno == EINTR)
			continue;
		fail(server, "nobody called fake_go");
		return;
	}
}

static bool
wait_readable(struct fake_server *server, int fd)
{
	struct pollfd wanted = {.fd = fd, .events = POLLIN};

	if (server->failure != NULL)
		return false;
	if (poll(&wanted, 1, server->patience_ms) == 1)
		return true;
	fail(server, "the client is silent");
	return false;
}

/* False at the end of the connection. */
static bool
read_bytes(struct fake_server *server, void *data, size_t len)
{
	char *to = data;

	while (len > 0) {
		ssize_t got;

		if (!wait_readable(server, server->client_fd))
			return false;
		got = read(server->client_fd, to, len);
		if (got <= 0)
			return false;
		to += got;
		len -= (size_t)got;
	}
	return true;
}

static uint32_t
read_u32(const char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return ntohl(value);
}

/* The body of a message whose length has been read. */
static bool
read_body(struct fake_server *server, uint32_t len, struct text *body)
{
	char piece[1024];

	while (len > 0) {
		size_t part = len < sizeof(piece) ? len : sizeof(piece);

		if (!read_bytes(server, piece, part))
			return false;
		text_append(body, piece, part);
		len -= (uint32_t)part;
	}
	return true;
}

static bool
read_packet(struct fake_server *server, struct text *body)
{
	char head[4];

	text_clear(body);
	if (!read_bytes(server, head, sizeof(head)) || read_u32(head) < 8 ||
		!read_body(server, read_u32(head) - 4, body)) {
		fail(server, "no startup packet");
		return false;
	}
	return true;
}

void
fake_accept(struct fake_server *server)
{
	struct text body;
	uint32_t code = 0;

	if (!wait_readable(server, server->listen_fd))
		return;
	server->client_fd =
		accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (server->client_fd < 0) {
		fail(server, "accept");
		return;
	}
	text_init(&body);
	do {
		if (!read_packet(server, &body))
			break;
		code = read_u32(body.string);
		if (code != SSL_REQUEST && code != GSS_REQUEST)
			break;
		text_append(&server->out, "N", 1);
		fake_flush(server);
	} while (server->failure == NULL);
	text_free(&body);
}

static void
append_u32(struct text *text, uint32_t value)
{
	uint32_t big = htonl(value);
	char bytes[sizeof(big)];

	memcpy(bytes, &big, sizeof(big));
	text_append(text, bytes, sizeof(big));
}

static void
append_u16(struct text *text, int value)
{
	const char bytes[2] = {(char)(value >> 8), (char)value};

	text_append(text, bytes, 2);
}

static void
append_string(struct text *text, const char *string)
{
	text_append(text, string, strlen(string) + 1);
}

void
fake_message(
	struct fake_server *server, char type, const void *data, size_t len)
{
	text_append(&server->out, &type, 1);
	append_u32(&server->out, (uint32_t)len + 4);
	text_append(&server->out, data, len);
}

static void
send_body(struct fake_server *server, char type, struct text *body)
{
	fake_message(server, type, body->string, body->len);
	text_free(body);
}

static void
parameter_status(
	struct fake_server *server, const char *name, const char *value)
{
	struct text body;

	text_init(&body);
	append_string(&body, name);
	append_string(&body, value);
	send_body(server, 'S', &body);
}

void
fake_welcome(struct fake_server *server, const char *version)
{
	static const char auth_ok[4];
	static const char key_data[8];

	fake_message(server, 'R', auth_ok, sizeof(auth_ok));
	parameter_status(server, "server_version", version);
	parameter_status(server, "client_encoding", "UTF8");
	if (atoi(version) >= 14) {
		parameter_status(server, "in_hot_standby", "off");
		parameter_status(
			server, "default_transaction_read_only", "off");
	}
	fake_message(server, 'K', key_data, sizeof(key_data));
	fake_ready(server);
	fake_flush(server);
}

void
fake_login(struct fake_server *server)
{
	fake_accept(server);
	fake_welcome(server, "15.5");
}

char
fake_take_any(struct fake_server *server, struct text *body)
{
	char head[5];

	text_clear(body);
	if (!read_bytes(server, head, sizeof(head)) || read_u32(head + 1) < 4 ||
		!read_body(server, read_u32(head + 1) - 4, body))
		return 0;
	return head[0];
}

void
fake_take(struct fake_server *server, char type, struct text *body)
{
	if (server->failure != NULL)
		return;
	if (fake_take_any(server, body) != type)
		fail(server, "the client sent another type of message");
}

void
fake_expect(struct fake_server *server, char type, const void *data, size_t len)
{
	struct text body;

	text_init(&body);
	fake_take(server, type, &body);
	if (server->failure == NULL && data != NULL &&
		(body.len != len || memcmp(body.string, data, len) != 0)) {
		(void)fprintf(stderr, "fake server: got \"%.*s\"\n",
			(int)body.len, body.string);
		fail(server, "the client sent another content");
	}
	text_free(&body);
}

void
fake_expect_query(struct fake_server *server, const char *query)
{
	fake_expect(server, 'Q', query, strlen(query) + 1);
}

void
fake_expect_close(struct fake_server *server)
{
	struct text body;

	text_init(&body);
	while (server->failure == NULL && fake_take_any(server, &body) != 0)
		;
	text_free(&body);
}

void
fake_row(struct fake_server *server, int count, const char *const *values)
{
	struct text body;

	text_init(&body);
	append_u16(&body, count);
	for (int i = 0; i < count; i++) {
		append_string(&body, "column");
		append_u32(&body, 0);
		append_u16(&body, 0);
		append_u32(&body, TEXT_OID);
		append_u16(&body, -1);
		append_u32(&body, UINT32_MAX);
		append_u16(&body, 0);
	}
	send_body(server, 'T', &body);

	append_u16(&body, count);
	for (int i = 0; i < count; i++) {
		if (values[i] == NULL) {
			append_u32(&body, UINT32_MAX);
			continue;
		}
		append_u32(&body, (uint32_t)strlen(values[i]));
		text_append(&body, values[i], strlen(values[i]));
	}
	send_body(server, 'D', &body);
}

void
fake_complete(struct fake_server *server, const char *tag)
{
	fake_message(server, 'C', tag, strlen(tag) + 1);
}

void
fake_ready(struct fake_server *server)
{
	fake_message(server, 'Z', "I", 1);
}

void
fake_copy_both(struct fake_server *server)
{
	static const char text_format_no_columns[3];

	fake_message(server, 'W', text_format_no_columns,
		sizeof(text_format_no_columns));
}

void
fake_copy_data(struct fake_server *server, const void *data, size_t len)
{
	fake_message(server, 'd', data, len);
}

static void
append_field(struct text *body, char type, const char *value)
{
	text_append(body, &type, 1);
	append_string(body, value);
}

void
fake_error(struct fake_server *server, const char *severity,
	const char *sqlstate, const char *message)
{
	struct text body;

	text_init(&body);
	append_field(&body, 'S', severity);
	append_field(&body, 'V', severity);
	append_field(&body, 'C', sqlstate);
	append_field(&body, 'M', message);
	append_field(&body, 'F', "fake.c");
	append_field(&body, 'L', "123");
	append_field(&body, 'R', "fake_function");
	text_append(&body, "", 1);
	send_body(server, 'E', &body);
}

bool
fake_has_input(const struct fake_server *server)
{
	struct pollfd wanted = {.fd = server->client_fd, .events = POLLIN};

	return poll(&wanted, 1, 0) == 1;
}

/* Wait until the client has read all that was sent, or has hung up. */
static void
wait_read(const struct fake_server *server)
{
	const struct timespec pause = {.tv_nsec = 20000};
	struct pollfd gone = {.fd = server->client_fd};
	int unread = 0;

	while (ioctl(server->client_fd, SIOCOUTQ, &unread) == 0 && unread > 0 &&
		poll(&gone, 1, 0) == 0)
		(void)nanosleep(&pause, NULL);
}

/* A client that has had enough is no failure. */
static void
send_pieces(struct fake_server *server, const char *bytes, size_t len)
{
	size_t sent = 0;

	while (server->failure == NULL && sent < len) {
		size_t part = len - sent;
		ssize_t put;

		if (server->piece > 0 && part > server->piece)
			part = server->piece;
		put = send(server->client_fd, bytes + sent, part, MSG_NOSIGNAL);
		if (put < 0)
			break;
		sent += (size_t)put;
		if (server->piece > 0)
			wait_read(server);
	}
}

static void
send_bytes(struct fake_server *server, const char *bytes, size_t len)
{
	bool cut = server->cutting && len > server->cut_after;

	if (cut)
		len = server->cut_after;
	send_pieces(server, bytes, len);
	if (server->cutting)
		server->cut_after -= len;
	if (!cut || server->failure != NULL)
		return;
	server->cutting = false;
	fail(server, "cut");
	fake_close(server);
}

void
fake_send(struct fake_server *server, const void *data, size_t len)
{
	fake_flush(server);
	send_bytes(server, data, len);
}

void
fake_flush_part(struct fake_server *server, size_t len)
{
	send_bytes(server, server->out.string, len);
	memmove(server->out.string, server->out.string + len,
		server->out.len - len);
	server->out.len -= len;
}

void
fake_flush(struct fake_server *server)
{
	fake_flush_part(server, server->out.len);
}

void
fake_close(struct fake_server *server)
{
	if (server->client_fd >= 0)
		(void)close(server->client_fd);
	server->client_fd = -1;
}

void
fake_leave(struct fake_server *server)
{
	server->left_fd = server->client_fd;
	server->client_fd = -1;
}
