/*
 * The value of synchronous_standby_names.
 */
#include "fuzz.h"

#include "server/sync_names.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_input input = {data, size};
	char *setting = fuzz_string(&input);
	struct sync_names names;
	struct error error;

	if (sync_names_parse(setting, &names, &error)) {
		for (size_t i = 0; i < names.count; i++)
			fuzz_expect(sync_names_match(&names, names.names[i]));
		(void)sync_names_match(&names, "walfetch");
		(void)sync_names_match(&names, "");
		sync_names_free(&names);
	} else
		fuzz_expect_error(&error);
	free(setting);
	return 0;
}
