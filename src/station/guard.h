/*
 * The running station and its restore marker: found at the start, told to
 * each line once, renewed while it runs.
 */
#ifndef OL_STATION_GUARD_H
#define OL_STATION_GUARD_H

#include <uv.h>

#include "station/marker.h"

struct ol_station;
struct ol_station_line;

struct ol_guard {
    struct ol_marker marker;
    struct ol_marker next; /* as a thread of libuv's makes it */
    enum ol_err next_err;
    bool busy;   /* `next` is the thread's */
    bool copied; /* another copy of the directory has started */
    uint64_t at_ns; /* when to renew */
    uv_work_t work;
};

/* With the lock taken, before any line is made. */
void ol_guard_start(struct ol_station *st);
void ol_guard_pump(struct ol_station *st, uint64_t now_ns);
/* When nothing writes in the directory any more. */
void ol_guard_stop(struct ol_station *st);

/* Was the directory restored since this line last knew. */
bool ol_guard_restored(const struct ol_station_line *line);
/* The line's core knows, and has handed it to the ledger. */
void ol_guard_told(struct ol_station_line *line);

#endif
