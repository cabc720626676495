#include "backup/page_check.h"

#include "backup/page_checksum.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

bool
page_check_init(struct page_check *check,
	const struct page_check_config *config, struct error *error)
{
	*check = (struct page_check){.config = *config};
	if (config->start == LSN_NONE)
		return true;
	check->page = malloc(config->block_size);
	return check->page != NULL || error_set_memory(error);
}

void
page_check_free(struct page_check *check)
{
	free(check->page);
	check->page = NULL;
}

/* "base/5/", "global/" or, in a tablespace, "PG_15_202209061/5/". */
static const char *
skip_folders(const char *path)
{
	const char *slash = strchr(path, '/');
	size_t digits;

	if (slash == NULL)
		return NULL;
	if (strncmp(path, "global/", 7) == 0)
		return slash + 1;
	if (strncmp(path, "base/", 5) != 0 && strncmp(path, "PG_", 3) != 0)
		return NULL;
	digits = strspn(slash + 1, DIGITS);
	if (digits == 0 || slash[1 + digits] != '/')
		return NULL;
	return slash + digits + 2;
}

/* "16384", "16384.1", "16384_fsm"; *number is what is after the dot. */
static bool
is_relation(const char *name, uint32_t *number)
{
	static const char *const forks[] = {"_fsm", "_vm", "_init"};
	size_t digits = strspn(name, DIGITS);
	unsigned long long parsed = 0;

	if (digits == 0)
		return false;
	name += digits;
	for (size_t i = 0; *name == '_' && i < 3; i++)
		if (strncmp(name, forks[i], strlen(forks[i])) == 0)
			name += strlen(forks[i]);
	if (*name == '.') {
		digits = strspn(name + 1, DIGITS);
		if (digits == 0 || digits > 9)
			return false;
		parsed = strtoull(name + 1, NULL, 10);
		name += 1 + digits;
	}
	*number = (uint32_t)parsed;
	return *name == '\0';
}

void
page_check_begin(struct page_check *check, const char *path)
{
	const char *name = skip_folders(path);
	uint32_t number = 0;

	check->active = check->config.start != LSN_NONE && name != NULL &&
		is_relation(name, &number);
	check->block = number * check->config.segment_blocks;
	check->filled = 0;
	check->failures = 0;
}

static void
check_page(struct page_check *check, const unsigned char *page)
{
	uint32_t block = check->block++;

	if (page_is_sound(
		    page, check->config.block_size, block, check->config.start))
		return;
	if (check->failures++ == 0)
		check->first = block;
}

void
page_check_update(
	struct page_check *check, const unsigned char *data, size_t len)
{
	size_t size = check->config.block_size;

	if (!check->active)
		return;
	while (len > 0) {
		size_t piece = size - check->filled;

		if (check->filled == 0 && len >= size) {
			check_page(check, data);
			data += size;
			len -= size;
			continue;
		}
		if (piece > len)
			piece = len;
		memcpy(check->page + check->filled, data, piece);
		check->filled += piece;
		data += piece;
		len -= piece;
		if (check->filled == size) {
			check_page(check, check->page);
			check->filled = 0;
		}
	}
}

/* Of a file that is being extended, the last page may not be all there. */
void
page_check_end(struct page_check *check)
{
	check->active = false;
	check->filled = 0;
}
