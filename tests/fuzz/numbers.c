/*
 * Numbers, sizes, positions and compression methods as a person writes them.
 */
#include "fuzz.h"

#include "archive/codec.h"
#include "base/number.h"
#include "wal/lsn.h"

static void
check_number(const char *string)
{
	static const int64_t limits[][2] = {
		{1, 100}, {0, INT64_MAX}, {INT64_MIN, INT64_MAX}, {-5, -1}};
	struct error error;
	int64_t value;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (number_parse(string, "-n", limits[i][0], limits[i][1],
			    &value, &error))
			fuzz_expect(value >= limits[i][0] &&
				value <= limits[i][1] &&
				value == strtoll(string, NULL, 10));
		else
			fuzz_expect_error(&error);
	}
}

static void
check_size(const char *string)
{
	char text[SIZE_TEXT_MAX];
	struct error error;
	uint64_t bytes;

	if (!size_parse(string, "--memory", &bytes, &error)) {
		fuzz_expect_error(&error);
		return;
	}
	fuzz_expect(bytes >= strtoull(string, NULL, 10));
	size_format(text, bytes);
	fuzz_expect(strlen(text) < sizeof(text));
}

static void
check_position(const char *string)
{
	char text[32];
	lsn again;
	lsn at;

	if (!lsn_parse(string, &at))
		return;
	(void)snprintf(text, sizeof(text), LSN_FORMAT, LSN_ARGS(at));
	fuzz_expect(lsn_parse(text, &again) && again == at);
}

static void
check_codec(const char *string)
{
	struct error error;
	enum codec codec;
	int level;

	if (!codec_parse(string, &codec, &level, &error)) {
		fuzz_expect_error(&error);
		return;
	}
	fuzz_expect(codec < CODECS);
	fuzz_expect(level >= 0 && level <= 22);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_input input = {data, size};
	char *string = fuzz_string(&input);

	check_number(string);
	check_size(string);
	check_position(string);
	check_codec(string);
	free(string);
	return 0;
}
