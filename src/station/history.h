/*
 * The history of how channels were: a row a minute for a day, a row an hour
 * for a year, of every line, as facts of the ledger (quality.h).
 */
#ifndef OL_STATION_HISTORY_H
#define OL_STATION_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include <openline/line.h>

#include "station/quality.h"

struct ol_station;
struct ol_station_line;

#define OL_HISTORY_MINUTES_MS (UINT64_C(25) * 3600 * 1000)
#define OL_HISTORY_HOURS_MS (UINT64_C(366) * 24 * 3600 * 1000)

struct ol_history { /* of a line that runs */
    struct ol_quality_row row; /* under way */
    uint64_t begin_ns; /* of the row; 0: none is under way */
    uint64_t looked_ns;
    uint8_t line_state, state[OL_CHAN_MAX];
    uint64_t sent[OL_CHAN_MAX], received[OL_CHAN_MAX];
    uint64_t acked[OL_CHAN_MAX], lost[OL_CHAN_MAX];
    uint64_t answered_ns[OL_CHAN_MAX];
    bool fold; /* an hour may be over */
};

/* A line's core is new: its counts begin again. */
void ol_history_boot(struct ol_station_line *line);
/* The line's or a channel's state is about to be told: up to now it was as it
 * was. */
void ol_history_look(struct ol_station_line *line);
void ol_history_pump(struct ol_station *st, uint64_t now_ns);
/* The station stops: what was measured is written. */
void ol_history_stop(struct ol_station *st);

#endif
