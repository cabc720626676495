/*
 * status/moment.h - times and spans for people.
 */
#ifndef STATUS_MOMENT_H
#define STATUS_MOMENT_H

#include <stdint.h>

#define MOMENT_SIZE 40

/* "2026-11-23T02:45:00Z" of microseconds since 2000; "" of 0 or nonsense. */
void moment_format(char text[MOMENT_SIZE], int64_t postgres_us);

/* "0.012 s", "7.1 s", "00:05:12", "3 days 00:05:12"; below 0: "0.000 s". */
void span_format(char text[MOMENT_SIZE], int64_t span_us);

#endif
