/*
 * How channels were, over a time: shares of states, round trips, frames.
 *
 * Pure: no clock, no ledger. A row is what was measured from one moment on,
 * of a line and its channels; rows are made from what the core says now and
 * then (history.c), stand in the ledger as documents, and are folded into
 * longer ones. Time in which nobody looked is in no row, so what was measured
 * may be less than what passed; availability is of what was measured.
 */
#ifndef OL_STATION_QUALITY_H
#define OL_STATION_QUALITY_H

#include <jansson.h>

#include <openline/line.h>

/* A line may have 16 channels at once, and others an hour later. */
#define OL_QUALITY_CHANNELS 24u
#define OL_QUALITY_RTTS 96u
#define OL_QUALITY_BYTES 4096u /* of a row's document: a fact of the ledger */

struct ol_quality {
    char name[17];
    uint64_t state_ms[OL_CHAN_STATES];
    uint64_t sent, received; /* frames */
    uint64_t acked, lost;    /* of those that ask for an ack */
    double min_ms, max_ms;   /* round trips; 0: none was measured */
    unsigned n_rtt;
    double rtt_ms[OL_QUALITY_RTTS];
};

struct ol_quality_row {
    uint64_t at_ms; /* when it begins, Unix */
    uint64_t ms;    /* measured, by a clock that does not jump */
    uint64_t line_ms[OL_LINE_STATES];
    unsigned n;
    struct ol_quality ch[OL_QUALITY_CHANNELS];
};

/* ms of of_ms; of_ms 0: nothing is known. */
struct ol_share {
    uint64_t ms, of_ms;
};

/* The channel of that name, made when new; NULL: there are too many. */
struct ol_quality *ol_quality_channel(struct ol_quality_row *row,
                                      const char *name);
/* One round trip. Beyond OL_QUALITY_RTTS only the extremes count. */
void ol_quality_rtt(struct ol_quality *q, double ms);
/* The median of those kept; folded, of the medians folded. 0: none. */
double ol_quality_median(const struct ol_quality *q);
/* `from` is later than all that is in `into` and becomes part of it. Channels
 * that have no place are left out. */
void ol_quality_fold(struct ol_quality_row *into,
                     const struct ol_quality_row *from);

/* Carried both ways (up or doubtful), of the time in which it was to: not
 * disabled here, no pouch. */
struct ol_share ol_quality_channel_share(const struct ol_quality *q);
/* The line was open or had its last channel, of the time measured. */
struct ol_share ol_quality_line_share(const struct ol_quality_row *row);

/* For the ledger: at most OL_QUALITY_BYTES as compact JSON; channels that
 * were measured least are left out until it fits. NULL: no memory. */
json_t *ol_quality_pack(const struct ol_quality_row *row);
/* False: it is no such document. at_ms is the caller's. */
bool ol_quality_unpack(const json_t *doc, struct ol_quality_row *row);
/* For people and programs: every word spelled out. */
json_t *ol_quality_json(const struct ol_quality_row *row);
/* A share as a number between 0 and 1, or null. */
json_t *ol_quality_share_json(struct ol_share s);

#endif
