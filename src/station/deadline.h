/*
 * Deadlines, and whose clock decides them.
 *
 * A deadline is a moment by the clock of whoever set it. That side's station
 * compares it with its own wall clock. The other side has no such clock: it
 * knows only bounds, from the times that stand in records (as doctor does):
 * what a record says of its writing came before its arrival here, and a
 * receipt was written after its message was taken here. Its own clock decides,
 * moved no further than it is known to differ.
 */
#ifndef OL_STATION_DEADLINE_H
#define OL_STATION_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include <openline/station.h>

/* DURATION from now, or TIME; `18:00Z` is the next such. 2 with why: it is
 * neither, it is past, or more than ten years away. */
int ol_deadline_parse(const char *text, uint64_t now_ms, uint64_t *ms,
                      char why[OL_WHY_MAX]);

/* What is known of their clock minus ours. All zero: nothing. */
struct ol_skew {
    bool has_least, has_most;
    int64_t least, most; /* milliseconds */
};

/* A record of theirs, written then by their clock, arrived now by ours. */
void ol_skew_arrived(struct ol_skew *s, uint64_t written_ms,
                     uint64_t arrived_ms);
/* The same record is a receipt: its message was taken then, by ours. */
void ol_skew_answered(struct ol_skew *s, uint64_t written_ms,
                      uint64_t taken_ms);
/* What ours is moved by to be theirs, as far as is certain. */
int64_t ol_skew_ms(const struct ol_skew *s);

#endif
