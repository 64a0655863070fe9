/*
 * Words for people and from people: reasons, durations, times.
 *
 * A reason is "what happened: what to do". Durations are `250ms 10s 5m 12h
 * 3d`; times are RFC 3339, `18:00Z` (the next such) or a date-time group
 * (`231000Z NOV 26`). Source: the contract in doc/control.md.
 */
#ifndef OL_STATION_TEXT_H
#define OL_STATION_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openline/station.h>

#define OL_TIME_TEXT 25u /* "2026-11-23T10:00:00.000Z" and NUL */

/* Exit statuses of the contract, and the error codes on the socket. */
enum ol_exit {
    OL_EXIT_OK = 0,
    OL_EXIT_FAILED = 1,
    OL_EXIT_USAGE = 2,
    OL_EXIT_MISSING = 3,
    OL_EXIT_TIMEOUT = 4,
    OL_EXIT_NOT_RUNNING = 5,
};

/* Writes the reason, as UTF-8, and returns the status. why may be NULL. */
int ol_fail(char why[OL_WHY_MAX], int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "cannot VERB PATH: " and what errno says. Returns 1. */
int ol_fail_sys(char why[OL_WHY_MAX], const char *verb, const char *path);

/* What is not UTF-8, as a letter that was cut in two, becomes `?`: nothing else
 * can be put in JSON. */
void ol_text_mend(char *text);

/* As snprintf; false when it did not fit (then it is cut, with its NUL). */
bool ol_text_put(char *out, size_t room, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A whole number and one unit; false for anything else, or above 10 years. */
bool ol_text_duration(const char *text, uint64_t *ns);
/* The shortest form that ol_text_duration reads back. */
void ol_text_duration_put(char out[24], uint64_t ns);

/* Bytes: a whole number, with KiB, MiB, GiB or TiB behind it or plain; false
 * for anything else, or above 2^53 - 1. */
bool ol_text_size(const char *text, uint64_t *bytes);

/* Unix milliseconds as RFC 3339 UTC with milliseconds. */
void ol_text_time(char out[OL_TIME_TEXT], uint64_t ms);
/* One of the three forms; now_ms resolves `18:00Z`. */
bool ol_text_time_parse(const char *text, uint64_t now_ms, uint64_t *ms);

void ol_text_hex(char *out, const void *bytes, size_t n); /* 2n + 1 */
bool ol_text_unhex(void *bytes, size_t n, const char *text);

#endif
