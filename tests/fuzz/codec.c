/*
 * A compressed stream of FUZZ_CODEC. In pieces of any length it decodes as it
 * does whole.
 */
#include "fuzz.h"

#include "archive/codec.h"
#include "wal/crc32c.h"

/* A small file can hold a great deal; this much of it is decoded. */
#define PLAIN_MAX ((size_t)1 << 20)

#define ROOM ((size_t)64 << 10)

struct outcome {
	size_t len;
	uint32_t crc;
	bool passed;
};

static struct outcome
decode(struct fuzz_source *source, size_t room)
{
	struct outcome outcome = {.crc = CRC32C_INIT, .passed = true};
	unsigned char *plain = malloc(room);
	struct codec_decoder *decoder;
	struct error error;
	size_t len = 1;

	fuzz_expect(plain != NULL);
	fuzz_expect(codec_decoder_open(
		&decoder, FUZZ_CODEC, fuzz_read, source, &error));
	while (outcome.passed && len > 0 && outcome.len < PLAIN_MAX) {
		len = PLAIN_MAX - outcome.len;
		if (len > room)
			len = room;
		outcome.passed =
			codec_decoder_read(decoder, plain, &len, &error);
		fuzz_expect(len <= room);
		outcome.crc = crc32c_update(outcome.crc, plain, len);
		outcome.len += len;
	}
	if (!outcome.passed)
		fuzz_expect_error(&error);
	codec_decoder_free(decoder);
	free(plain);
	return outcome;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_source whole = {{data, size}, 0};
	struct fuzz_source pieces = {{data, size}, 1};
	struct outcome first;
	struct outcome second;

	if (!codec_available(FUZZ_CODEC))
		return 0;
	first = decode(&whole, ROOM);
	second = decode(&pieces, 1000);
	if (first.len == PLAIN_MAX || second.len == PLAIN_MAX)
		return 0;
	fuzz_expect(first.passed == second.passed);
	if (first.passed)
		fuzz_expect(first.len == second.len && first.crc == second.crc);
	return 0;
}
