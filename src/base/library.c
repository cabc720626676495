#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

static bool
find_all(void *library, const char *name, const struct library_symbol *symbols,
	size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++)
		if (dlsym(library, symbols[i].name) == NULL)
			return error_set(error, ERR_SYSTEM,
				"library \"%s\" has no function \"%s\"", name,
				symbols[i].name);
	return true;
}

bool
library_load(const char *name, const struct library_symbol *symbols,
	size_t count, void *functions, struct error *error)
{
	void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);

	if (library == NULL)
		return error_set(error, ERR_SYSTEM,
			"could not load library \"%s\": %s", name, dlerror());
	if (!find_all(library, name, symbols, count, error)) {
		(void)dlclose(library);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		void *address = dlsym(library, symbols[i].name);

		memcpy((char *)functions + symbols[i].offset, &address,
			sizeof(address));
	}
	return true;
}
