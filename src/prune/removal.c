#include "prune/removal.h"

/*
 * A file system that keeps no order among removals may, after a power cut, have
 * undone some: of the last so many only.
 */
#define SYNC_INTERVAL 64

struct removal {
	const struct directory *directory;
	const struct stop *stop;
	const struct prune_listener *listener;
	size_t unsynced;
};

static bool
sync_removals(struct removal *removal, struct error *error)
{
	if (removal->unsynced == 0)
		return true;
	removal->unsynced = 0;
	return durable_sync_directory(removal->directory, error);
}

static bool
remove_file(struct removal *removal, const char *name, struct error *error)
{
	if (stop_requested(removal->stop))
		return error_set(error, ERR_STOPPED, "stopped by a signal");
	if (!durable_unlink(removal->directory, name, error))
		return false;
	removal->unsynced++;
	return removal->unsynced < SYNC_INTERVAL ||
		sync_removals(removal, error);
}

static bool
remove_of_timeline(struct removal *removal, const struct prune_plan *plan,
	const struct prune_timeline *timeline, struct error *error)
{
	const struct inventory *inventory = plan->inventory;
	const struct inventory_file *files =
		inventory->files + timeline->row->first;

	for (size_t i = 0; i < timeline->going; i++) {
		char name[ARCHIVE_NAME_MAX];

		archive_name_format(
			name, &files[i].name, inventory->identity.segment_size);
		if (removal->stop != NULL && !remove_file(removal, name, error))
			return false;
		removal->listener->gone(removal->listener->context, name);
	}
	return sync_removals(removal, error);
}

bool
prune_remove(const struct prune_plan *plan, const struct directory *directory,
	const struct stop *stop, const struct prune_listener *listener,
	struct error *error)
{
	struct removal removal = {directory, stop, listener, 0};
	struct error ignored;

	for (size_t i = 0; i < plan->inventory->timeline_count; i++)
		if (!remove_of_timeline(
			    &removal, plan, &plan->timelines[i], error)) {
			(void)sync_removals(&removal, &ignored);
			return false;
		}
	return true;
}
