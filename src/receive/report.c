#include "receive/report.h"

#include "base/clock.h"
#include "server/copy_stream.h"

bool
report_send(struct server *server, const struct standby_status *status,
	struct error *error)
{
	unsigned char buffer[STANDBY_STATUS_LEN];
	struct standby_status stamped = *status;

	stamped.sent_us = clock_postgres_us();
	standby_status_format(buffer, &stamped);
	return copy_send(server, buffer, sizeof(buffer), error);
}
