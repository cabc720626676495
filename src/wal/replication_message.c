#include "wal/replication_message.h"

#include "base/byteorder.h"

#define WAL_DATA_HEADER_LEN 25 /* type, start, end, time */
#define KEEPALIVE_LEN 18       /* type, end, time, reply wanted */

static bool
parse_wal_data(struct replication_message *message, const unsigned char *bytes,
	size_t len, struct error *error)
{
	if (len < WAL_DATA_HEADER_LEN)
		return error_set(error, ERR_PROTOCOL,
			"WAL data message of the server is too short: "
			"%zu bytes",
			len);
	*message = (struct replication_message){
		.kind = MESSAGE_WAL_DATA,
		.start = get_be64(bytes + 1),
		.server_end = get_be64(bytes + 9),
		.sent_us = (int64_t)get_be64(bytes + 17),
		.data = bytes + WAL_DATA_HEADER_LEN,
		.len = len - WAL_DATA_HEADER_LEN,
	};
	return true;
}

static bool
parse_keepalive(struct replication_message *message, const unsigned char *bytes,
	size_t len, struct error *error)
{
	if (len < KEEPALIVE_LEN)
		return error_set(error, ERR_PROTOCOL,
			"keepalive message of the server is too short: "
			"%zu bytes",
			len);
	*message = (struct replication_message){
		.kind = MESSAGE_KEEPALIVE,
		.server_end = get_be64(bytes + 1),
		.sent_us = (int64_t)get_be64(bytes + 9),
		.reply_wanted = bytes[17] != 0,
	};
	return true;
}

bool
replication_message_parse(struct replication_message *message,
	const void *buffer, size_t len, struct error *error)
{
	const unsigned char *bytes = buffer;

	if (len == 0)
		return error_set(error, ERR_PROTOCOL,
			"the server sent an empty replication message");
	if (bytes[0] == 'w')
		return parse_wal_data(message, bytes, len, error);
	if (bytes[0] == 'k')
		return parse_keepalive(message, bytes, len, error);
	return error_set(error, ERR_PROTOCOL,
		"the server sent a replication message of unknown type 0x%02X",
		bytes[0]);
}

void
standby_status_format(unsigned char buffer[STANDBY_STATUS_LEN],
	const struct standby_status *status)
{
	buffer[0] = 'r';
	put_be64(buffer + 1, status->write);
	put_be64(buffer + 9, status->flush);
	put_be64(buffer + 17, LSN_NONE);
	put_be64(buffer + 25, (uint64_t)status->sent_us);
	buffer[33] = status->reply_wanted ? 1 : 0;
}
