/*
 * The payload of one CopyData message.
 */
#include "fuzz.h"

#include "wal/replication_message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct replication_message message;
	struct error error;

	if (!replication_message_parse(&message, data, size, &error)) {
		fuzz_expect_error(&error);
		fuzz_expect(error.code == ERR_PROTOCOL);
		return 0;
	}
	switch (message.kind) {
	case MESSAGE_WAL_DATA:
		fuzz_expect(data[0] == 'w');
		fuzz_expect(message.len < size);
		fuzz_expect(message.data + message.len == data + size);
		break;
	case MESSAGE_KEEPALIVE:
		fuzz_expect(data[0] == 'k');
		break;
	}
	return 0;
}
