/*
 * status/view_json.h - both views as JSON; walfetch-status(1) has the schema.
 */
#ifndef STATUS_VIEW_JSON_H
#define STATUS_VIEW_JSON_H

#include "server/leader.h"
#include "status/receiver_view.h"

/*
 * Append one line: an object with "archive" and "leader", as far as they are
 * not NULL. address: of the leader. Errors: ERR_MEMORY.
 */
bool view_json_append(const struct receiver_view *receiver,
	const struct leader *leader, const char *address, struct text *text,
	struct error *error);

#endif
