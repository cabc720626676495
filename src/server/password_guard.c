#include "server/password_guard.h"

#include "base/library.h"
#include "server/libpq.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_HEAD_LEN 5
#define PLAIN_PIECE ((size_t)4096)

/* Of SSL_get_error. */
#define OPENSSL_FAILED 1
#define OPENSSL_WANTS_MORE 2

/* libpq brings OpenSSL along; SSL_peek looks without taking. */
struct openssl {
	int (*SSL_peek)(void *ssl, void *bytes, int room);
	int (*SSL_pending)(const void *ssl);
	int (*SSL_get_error)(const void *ssl, int result);
	unsigned long (*ERR_get_error)(void);
	const char *(*ERR_reason_error_string)(unsigned long code);
	void (*ERR_clear_error)(void);
};

static bool
load_openssl(struct openssl *openssl, struct error *error)
{
	static const struct library_symbol symbols[] = {
		{"SSL_peek", offsetof(struct openssl, SSL_peek)},
		{"SSL_pending", offsetof(struct openssl, SSL_pending)},
		{"SSL_get_error", offsetof(struct openssl, SSL_get_error)},
		{"ERR_get_error", offsetof(struct openssl, ERR_get_error)},
		{"ERR_reason_error_string",
			offsetof(struct openssl, ERR_reason_error_string)},
		{"ERR_clear_error", offsetof(struct openssl, ERR_clear_error)},
	};

	return library_load(LIBPQ_NAME, symbols,
		sizeof(symbols) / sizeof(symbols[0]), openssl, error);
}

void
password_guard_init(struct password_guard *guard, bool on)
{
	memset(guard, 0, sizeof(*guard));
	guard->on = on;
	guard->server_fd = -1;
	guard->feed_fd = -1;
}

static void
step_aside(struct password_guard *guard)
{
	if (guard->server_fd >= 0)
		(void)close(guard->server_fd);
	if (guard->feed_fd >= 0)
		(void)close(guard->feed_fd);
	password_guard_init(guard, guard->on);
}

static ino_t
identity(int fd)
{
	struct stat status;

	return fd >= 0 && fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static bool
is_local(int fd)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
		address.ss_family == AF_UNIX;
}

/* Nothing has been read yet, and on Unix sockets requirepeer has been seen to.
 */
static bool
is_time(PGconn *conn, int fd)
{
	ConnStatusType status = libpq()->PQstatus(conn);

	if (status == CONNECTION_MADE)
		return !is_local(fd);
	return status == CONNECTION_SSL_STARTUP ||
		status == CONNECTION_GSS_STARTUP ||
		status == CONNECTION_AWAITING_RESPONSE;
}

static bool
step_between(struct password_guard *guard, int fd, struct error *error)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		    ends) != 0)
		return error_set_errno(error, "could not create sockets");
	guard->feed_fd = ends[1];
	guard->pair = identity(ends[0]);
	guard->server_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (guard->server_fd < 0 || dup3(ends[0], fd, O_CLOEXEC) < 0) {
		error_set_errno(error, "could not duplicate a socket");
		(void)close(ends[0]);
		step_aside(guard);
		return false;
	}
	(void)close(ends[0]);
	return true;
}

/* What libpq has not read yet of what it was given. */
static int
unread(int fd)
{
	int bytes = 0;

	return ioctl(fd, FIONREAD, &bytes) == 0 ? bytes : 0;
}

static bool
send_all(const struct password_guard *guard, const char *bytes, size_t len,
	const struct wait_limit *limit, struct error *error)
{
	while (len > 0) {
		ssize_t sent = send(guard->server_fd, bytes, len, MSG_NOSIGNAL);

		if (sent >= 0) {
			bytes += sent;
			len -= (size_t)sent;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!session_wait(
				    guard->server_fd, POLLOUT, limit, error))
				return false;
		} else if (errno != EINTR)
			/* Why will show when the answer is read. */
			return true;
	}
	return true;
}

static bool
pass_on_answers(const struct password_guard *guard,
	const struct wait_limit *limit, struct error *error)
{
	char bytes[4096];
	ssize_t got;

	while ((got = recv(guard->feed_fd, bytes, sizeof(bytes), 0)) > 0)
		if (!send_all(guard, bytes, (size_t)got, limit, error))
			return false;
	return true;
}

/* Give libpq its own socket again, with nothing left in between. */
static bool
give_back(struct password_guard *guard, int fd, const struct wait_limit *limit,
	struct error *error)
{
	if (!pass_on_answers(guard, limit, error))
		return false;
	if (unread(fd) > 0)
		return error_set(error, ERR_PROTOCOL,
			"the server sent more than was read of it");
	if (dup3(guard->server_fd, fd, O_CLOEXEC) < 0)
		return error_set_errno(error, "could not duplicate a socket");
	step_aside(guard);
	return true;
}

bool
password_guard_hint(struct error *error)
{
	return error_set_hint(error,
		"Have pg_hba.conf on the server ask for scram-sha-256, or "
		"allow it with --allow-cleartext.");
}

static bool
refuse(struct error *error)
{
	error_set(error, ERR_REFUSED,
		"server asked for the password in clear text; it was not sent");
	return password_guard_hint(error);
}

/*
 * How many bytes to have in piece before they are looked at: a byte is the
 * answer to a request for encryption, a record comes whole.
 */
static size_t
wanted_bytes(const struct password_guard *guard, PGconn *conn)
{
	ConnStatusType status = libpq()->PQstatus(conn);

	if (guard->encrypted)
		return guard->len < RECORD_HEAD_LEN ? RECORD_HEAD_LEN
						    : RECORD_HEAD_LEN +
				(size_t)(guard->piece[3] << 8 |
					guard->piece[4]);
	return status == CONNECTION_SSL_STARTUP ||
			status == CONNECTION_GSS_STARTUP
		? 1
		: PLAIN_PIECE;
}

/* Read on; *whole: piece may be looked at. */
static bool
read_piece(struct password_guard *guard, PGconn *conn, bool *whole,
	struct error *error)
{
	size_t wanted = wanted_bytes(guard, conn);
	ssize_t got;

	*whole = false;
	if (wanted > sizeof(guard->piece))
		return error_set(error, ERR_PROTOCOL,
			"the server sent a TLS record of %zu bytes", wanted);
	got = recv(guard->server_fd, guard->piece + guard->len,
		wanted - guard->len, 0);
	if (got < 0 &&
		(errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return true;
	if (got <= 0) {
		guard->ended = true;
		return true;
	}
	guard->len += (size_t)got;
	*whole = wanted == PLAIN_PIECE ||
		guard->len == wanted_bytes(guard, conn);
	return true;
}

static bool
watch_bytes(struct password_guard *guard, const void *bytes, size_t len,
	struct error *error)
{
	switch (auth_watch_take(&guard->watch, bytes, len)) {
	case AUTH_CLEAR_TEXT:
		return refuse(error);
	case AUTH_BROKEN:
		guard->ended = true;
		return true;
	case AUTH_GOES_ON:
	case AUTH_OVER:
		return true;
	}
	return true;
}

/* The one byte that says whether encryption follows. */
static bool
take_answer(struct password_guard *guard, PGconn *conn, struct error *error)
{
	bool gss = libpq()->PQstatus(conn) == CONNECTION_GSS_STARTUP;

	if (guard->piece[0] == 'S' && !gss)
		guard->encrypted = true;
	else if (guard->piece[0] == 'G' && gss) {
		error_set(error, ERR_REFUSED,
			"what a server asks for within GSSAPI encryption "
			"cannot be told with this libpq");
		return error_set_hint(error,
			"Use gssencmode=disable, libpq 16 or later, or "
			"--allow-cleartext.");
	}
	return true;
}

/*
 * OpenSSL tells a reason only once, and it was not libpq that heard it: a
 * server that does not like a certificate says so with the first record.
 */
static bool
take_no_data(struct password_guard *guard, const struct openssl *openssl,
	int reason, struct error *error)
{
	const char *text;

	if (reason == OPENSSL_WANTS_MORE)
		return true;
	if (reason != OPENSSL_FAILED) {
		guard->ended = true;
		return true;
	}
	text = openssl->ERR_reason_error_string(openssl->ERR_get_error());
	return error_set(error, ERR_UNREACHABLE, "SSL error: %s",
		text == NULL ? "unknown" : text);
}

/* What a record holds, which libpq has in its reach but has not read. */
static bool
watch_record(struct password_guard *guard, PGconn *conn, struct error *error)
{
	void *ssl = libpq()->PQsslStruct(conn, "OpenSSL");
	char plain[16384];
	struct openssl openssl;
	int len;

	if (!load_openssl(&openssl, error))
		return false;
	if (ssl == NULL)
		return error_set(error, ERR_NOT_FOUND,
			"what a server asks for cannot be told with the TLS "
			"library of this libpq");
	openssl.ERR_clear_error();
	len = openssl.SSL_peek(ssl, plain, sizeof(plain));
	if (len <= 0)
		return take_no_data(guard, &openssl,
			openssl.SSL_get_error(ssl, len), error);
	return watch_bytes(guard, plain, (size_t)len, error);
}

static bool
feed(struct password_guard *guard, struct error *error)
{
	ssize_t sent =
		send(guard->feed_fd, guard->piece, guard->len, MSG_NOSIGNAL);

	if (sent != (ssize_t)guard->len)
		return error_set_errno(error, "could not write to a socket");
	guard->len = 0;
	return true;
}

static bool
pass_piece(struct password_guard *guard, PGconn *conn, struct error *error)
{
	ConnStatusType status = libpq()->PQstatus(conn);

	if (guard->encrypted)
		return feed(guard, error) &&
			(status != CONNECTION_AWAITING_RESPONSE ||
				watch_record(guard, conn, error));
	if (status == CONNECTION_SSL_STARTUP ||
		status == CONNECTION_GSS_STARTUP)
		return take_answer(guard, conn, error) && feed(guard, error);
	return watch_bytes(guard, guard->piece, guard->len, error) &&
		feed(guard, error);
}

/* Data of a record that libpq has read only in part. */
static bool
has_decrypted(const struct password_guard *guard, PGconn *conn)
{
	void *ssl = libpq()->PQsslStruct(conn, "OpenSSL");
	struct openssl openssl;
	struct error ignored;

	return guard->encrypted && ssl != NULL &&
		libpq()->PQstatus(conn) == CONNECTION_AWAITING_RESPONSE &&
		load_openssl(&openssl, &ignored) &&
		openssl.SSL_pending(ssl) > 0;
}

static bool
wait_for_piece(struct password_guard *guard, PGconn *conn,
	const struct wait_limit *limit, struct error *error)
{
	int fd = libpq()->PQsocket(conn);
	bool whole;

	while (!guard->ended && unread(fd) == 0 && !has_decrypted(guard, conn))
		if (!session_wait(guard->server_fd, POLLIN, limit, error) ||
			!read_piece(guard, conn, &whole, error) ||
			(whole && !pass_piece(guard, conn, error)))
			return false;
	if (guard->ended)
		(void)shutdown(guard->feed_fd, SHUT_WR);
	/* For the limit alone: there is something to read. */
	return session_wait(
		unread(fd) > 0 || guard->ended ? fd : guard->feed_fd,
		unread(fd) > 0 || guard->ended ? POLLIN : POLLOUT, limit,
		error);
}

static short
events_for(PostgresPollingStatusType state)
{
	return state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
}

/* Is it between libpq and the server? Where libpq has a new socket, it is not.
 */
static bool
take_place(struct password_guard *guard, PGconn *conn,
	const struct wait_limit *limit, struct error *error)
{
	int fd = libpq()->PQsocket(conn);

	if (guard->server_fd >= 0 && identity(fd) != guard->pair)
		step_aside(guard);
	if (guard->server_fd < 0)
		return !is_time(conn, fd) || step_between(guard, fd, error);
	if (guard->watch.state == AUTH_OVER &&
		libpq()->PQstatus(conn) != CONNECTION_AWAITING_RESPONSE)
		return give_back(guard, fd, limit, error);
	return pass_on_answers(guard, limit, error);
}

bool
password_guard_wait(struct password_guard *guard, PGconn *conn,
	PostgresPollingStatusType state, const struct wait_limit *limit,
	struct error *error)
{
	if (guard->on && !take_place(guard, conn, limit, error))
		return false;
	if (guard->server_fd >= 0 && state == PGRES_POLLING_READING)
		return wait_for_piece(guard, conn, limit, error);
	return session_wait(
		libpq()->PQsocket(conn), events_for(state), limit, error);
}

bool
password_guard_end(struct password_guard *guard, PGconn *conn, bool ok,
	const struct wait_limit *limit, struct error *error)
{
	int fd = libpq()->PQsocket(conn);

	if (ok && guard->server_fd >= 0 && identity(fd) == guard->pair)
		ok = give_back(guard, fd, limit, error);
	step_aside(guard);
	return ok;
}
