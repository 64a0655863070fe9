/*
 * What a period was like: counts and times of messages, by side, precedence
 * and rung. Pure: messages go in one by one, nothing is kept of them but
 * counts.
 *
 * A message belongs to the period in which it was taken here (ours) or
 * arrived here (theirs). What was said of it counts if that was here before
 * the period's end, so a report of what is past is the same whenever it is
 * made. Times are from the taking, or the arrival, to that word. Messages of
 * exercises and tests are counted apart and nowhere else.
 */
#ifndef OL_STATION_REPORT_H
#define OL_STATION_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openline/record.h>

enum ol_report_rung {
    OL_REPORT_DELIVERED, /* of theirs: arrived, in no time at all */
    OL_REPORT_READ,
    OL_REPORT_UNDERSTOOD,
    OL_REPORT_ANSWERED,
    OL_REPORT_RUNGS
};

/*
 * Times in a room that does not grow: exact below 128 ms, above it in 64
 * steps to each doubling, so that a median is right within 1 part in 100.
 * The number, the least and the worst are exact.
 */
#define OL_REPORT_STEPS (128u + 34u * 64u) /* to 2^41 ms */
struct ol_report_times {
    uint64_t n, least_ms, worst_ms;
    uint32_t step[OL_REPORT_STEPS];
};
void ol_report_time(struct ol_report_times *t, uint64_t ms);
void ol_report_merge(struct ol_report_times *into,
                     const struct ol_report_times *from);
/* Of none: 0. Of an even number: between the two in the middle. */
uint64_t ol_report_median(const struct ol_report_times *t);

struct ol_report_cell { /* of one side and precedence */
    uint64_t messages;
    uint64_t attempts; /* times that they were sent, on all channels */
    uint64_t sent;     /* of the messages, at least once */
    uint64_t reached[OL_REPORT_RUNGS];
    uint64_t declined;
    struct ol_report_times times[OL_REPORT_RUNGS];
};
void ol_report_add_cell(struct ol_report_cell *into,
                        const struct ol_report_cell *from);

/* Each ask is in one of the first four that holds, in this order, or open. */
struct ol_report_asks {
    uint64_t asked;
    uint64_t answered, withdrawn, declined, understood, open;
    uint64_t overdue; /* of those that are open */
};

/* Moments are 0 for what did not happen. */
struct ol_report_message {
    bool theirs, actual, ask;
    uint8_t prec;
    uint64_t taken_ms;
    uint64_t attempts, sent_ms;
    uint64_t at_ms[OL_REPORT_RUNGS];
    uint64_t declined_ms, withdrawn_ms, deadline_ms;
};

struct ol_report { /* zeroed but for the period: nothing yet */
    uint64_t from_ms, to_ms; /* to_ms is behind it */
    struct ol_report_cell cell[2][OL_PRECS]; /* ours, theirs */
    struct ol_report_asks asks[2];
    uint64_t not_actual[2]; /* exercises and tests */
};
void ol_report_take(struct ol_report *r, const struct ol_report_message *m);

#endif
