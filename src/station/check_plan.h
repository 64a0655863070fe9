/*
 * Line checks: when they are due, and what they say. Pure; the clock and the
 * file come with the call.
 */
#ifndef OL_STATION_CHECK_PLAN_H
#define OL_STATION_CHECK_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include <openline/span.h>

#define OL_CHECK_FORM "openline/check" /* the form of a check's record */
#define OL_CHECK_TIMES 8u
/* Not more often: the other side answers one each 4 s (reflex.c). */
#define OL_CHECK_LEAST_MS UINT64_C(5000)

struct ol_record;

/* `check = 1h`, or `check = 09:00Z 17:00Z`. */
struct ol_check_plan {
    uint64_t every_ms;                /* 0: not at an interval */
    unsigned n;                       /* times of the day */
    uint16_t minute[OL_CHECK_TIMES];  /* UTC, ascending */
};

/* False: neither of the two. *why, static: what is wrong, for people. */
bool ol_check_plan_parse(const char *text, struct ol_check_plan *out,
                         const char **why);
/* The first moment behind after_ms, Unix milliseconds; UINT64_MAX: never. */
uint64_t ol_check_next(const struct ol_check_plan *plan, uint64_t after_ms);

/* The n-th text (from 1, round and round) of a file with one text a line.
 * Blank lines, and what no record can hold, are passed over. False: it has
 * none. out points into the file, or is "" then. */
bool ol_check_text(struct ol_span file, uint64_t n, struct ol_span *out);

/* Is it a line check, as doc/protocol.md 6.5 has it. *n: its number. */
bool ol_check_is(const struct ol_record *rec, uint64_t *n);

#endif
