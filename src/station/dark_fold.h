/*
 * From what was noted of a line's darkness to its blackouts. Pure.
 *
 * A station notes facts (dark.c), and never rewrites one:
 *
 *   begin      the line is dark: since when, when that was known, why
 *   off        this station did not run, or slept, from one time to another
 *   end        a channel is up: how long it was, what waited, went and came
 *   caught-up  what waited then has gone
 *
 * Folding them in their order gives one entry per blackout, and one for each
 * time outside of blackouts in which this station did not run: then nobody
 * listened here, and whether the line was dark is not known.
 */
#ifndef OL_STATION_DARK_FOLD_H
#define OL_STATION_DARK_FOLD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define OL_DARK_OFFS 16u /* kept of one blackout; the others are counted */

struct ol_dark_off {
    uint64_t from_ms, to_ms;
    char why[16]; /* "stopped", "asleep"... */
};

struct ol_dark_entry {
    bool dark;         /* else: only that this station did not run */
    bool over;
    uint64_t since_ms; /* the last proof that it was not; 0: not known */
    uint64_t detected_ms;
    uint64_t end_ms; /* 0: it lasts, or nobody knows when it ended */
    uint64_t lasted_ms; /* once over; by a clock that does not jump, if the
                           station ran all that time; 0: not known */
    struct ol_dark_off off[OL_DARK_OFFS];
    unsigned n_off;    /* kept */
    uint64_t off_ms;   /* of all */
    json_t *begin, *end, *caught_up; /* the facts, or NULL */
};

struct ol_dark_fold { /* zeroed: nothing yet */
    struct ol_dark_entry now;
    bool any; /* now is one */
};

/* The next fact. True: an entry is complete and is now in *done, the caller's
 * to clear. */
bool ol_dark_fold(struct ol_dark_fold *f, const json_t *fact,
                  struct ol_dark_entry *done);
/* After the last: true, and the entry that is under way, if there is one. */
bool ol_dark_fold_end(struct ol_dark_fold *f, struct ol_dark_entry *done);
void ol_dark_entry_clear(struct ol_dark_entry *e);
/* For people and programs. now_ms: of the wall clock, for what lasts. */
json_t *ol_dark_entry_json(const struct ol_dark_entry *e, const char *peer,
                           uint64_t now_ms);

/* Of a period: what blackouts (and apart from them, times in which this
 * station did not run) there were, cut at its ends. */
struct ol_dark_total {
    unsigned count;
    uint64_t total_ms, longest_ms;
    uint64_t not_running_ms; /* outside of blackouts */
};
void ol_dark_total_add(struct ol_dark_total *t, const struct ol_dark_entry *e,
                       uint64_t from_ms, uint64_t to_ms, uint64_t now_ms);

/* {"flash": n, ...} of four counts; NULL array: null. */
json_t *ol_dark_counts(const uint64_t counts[4]);

#endif
