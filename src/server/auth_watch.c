#include "server/auth_watch.h"

#define HEAD_LEN 5
#define REQUEST_HEAD_LEN 9

#define REQUEST_OK 0
#define REQUEST_CLEAR_TEXT 3

/* libpq takes an error of another length for words of an ancient server. */
#define ERROR_MIN 8
#define ERROR_MAX 30000

static uint32_t
number_at(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
		(uint32_t)bytes[2] << 8 | bytes[3];
}

/* The head is longer where the kind of request decides. */
static size_t
head_len(const struct auth_watch *watch)
{
	if (watch->known >= HEAD_LEN && watch->head[0] == 'R' &&
		number_at(watch->head + 1) >= REQUEST_HEAD_LEN - 1)
		return REQUEST_HEAD_LEN;
	return HEAD_LEN;
}

static enum auth_request
read_head(struct auth_watch *watch, size_t len)
{
	uint32_t message_len = number_at(watch->head + 1);
	char type = (char)watch->head[0];

	if (message_len < len - 1 ||
		(type == 'E' &&
			(message_len < ERROR_MIN || message_len > ERROR_MAX)))
		return AUTH_BROKEN;
	watch->left = message_len - (uint32_t)(len - 1);
	watch->known = 0;
	if (len < REQUEST_HEAD_LEN)
		return AUTH_GOES_ON;
	switch (number_at(watch->head + HEAD_LEN)) {
	case REQUEST_OK:
		return AUTH_OVER;
	case REQUEST_CLEAR_TEXT:
		return AUTH_CLEAR_TEXT;
	default:
		return AUTH_GOES_ON;
	}
}

enum auth_request
auth_watch_take(struct auth_watch *watch, const void *bytes, size_t len)
{
	const unsigned char *next = bytes;

	while (len > 0 && watch->state == AUTH_GOES_ON) {
		if (watch->left > 0) {
			size_t skipped = len < watch->left ? len : watch->left;

			watch->left -= (uint32_t)skipped;
			next += skipped;
			len -= skipped;
			continue;
		}
		watch->head[watch->known++] = *next++;
		len--;
		if (watch->known >= HEAD_LEN && watch->known == head_len(watch))
			watch->state = read_head(watch, watch->known);
	}
	return watch->state;
}
