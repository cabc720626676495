/*
 * server/auth_watch.h - what a server asks for while a client logs in.
 *
 * Life cycle: {0} -> auth_watch_take for all that the server sends once the
 * startup packet is out, in pieces of any size. Pure: no I/O, no memory.
 * Guarantee: a request for a password in clear text is told at the latest with
 * the byte that makes libpq answer it, whatever comes before.
 * Sources: PostgreSQL documentation, "Message Formats"; libpq's fe-connect.c.
 */
#ifndef SERVER_AUTH_WATCH_H
#define SERVER_AUTH_WATCH_H

#include <stddef.h>
#include <stdint.h>

enum auth_request {
	AUTH_GOES_ON,	 /* something else, or not enough yet */
	AUTH_CLEAR_TEXT, /* the password itself */
	AUTH_OVER,	 /* the client is in */
	AUTH_BROKEN	 /* not to be followed any further */
};

struct auth_watch {
	/* Private: of the message that comes in. */
	unsigned char head[9]; /* type, length, and the kind of request */
	size_t known;	       /* bytes of head */
	uint32_t left;	       /* bytes that follow the head */
	enum auth_request state;
};

/*
 * Take len bytes more; what they come to. Once it was anything but
 * AUTH_GOES_ON it stays so.
 */
enum auth_request auth_watch_take(
	struct auth_watch *watch, const void *bytes, size_t len);

#endif
