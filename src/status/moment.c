#include "status/moment.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

/* From 1970 to 2000. */
#define POSTGRES_EPOCH_SECS INT64_C(946684800)

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

void
moment_format(char text[MOMENT_SIZE], int64_t postgres_us)
{
	time_t seconds =
		(time_t)(postgres_us / USECS_PER_SEC + POSTGRES_EPOCH_SECS);
	struct tm tm;

	text[0] = '\0';
	if (postgres_us == 0 || gmtime_r(&seconds, &tm) == NULL)
		return;
	if (strftime(text, MOMENT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		text[0] = '\0';
}

void
span_format(char text[MOMENT_SIZE], int64_t span_us)
{
	double seconds = (double)span_us / (double)USECS_PER_SEC;
	long long whole = span_us / USECS_PER_SEC;
	int hours = (int)(whole % DAY / HOUR);
	int minutes = (int)(whole % HOUR / MINUTE);

	if (span_us < 0)
		(void)snprintf(text, MOMENT_SIZE, "0.000 s");
	else if (whole < MINUTE)
		(void)snprintf(text, MOMENT_SIZE,
			whole < 1 ? "%.3f s" : "%.1f s", seconds);
	else if (whole < DAY)
		(void)snprintf(text, MOMENT_SIZE, "%02d:%02d:%02d", hours,
			minutes, (int)(whole % MINUTE));
	else
		(void)snprintf(text, MOMENT_SIZE, "%lld day%s %02d:%02d:%02d",
			whole / DAY, whole / DAY == 1 ? "" : "s", hours,
			minutes, (int)(whole % MINUTE));
}
