/*
 * What is known, as figures for a monitoring system: the text format of
 * Prometheus (version 0.0.4), over the control socket and as a file.
 *
 * What is not known has no sample; no zero stands for it.
 */
#ifndef OL_STATION_METRICS_H
#define OL_STATION_METRICS_H

#include <stdio.h>

#include "station/station.h"

/* A family under way: its head is written with its first sample. */
struct ol_metric {
    FILE *out;
    const char *name, *help;
    const char *type; /* "gauge" or "counter" */
    bool begun;
};

/* One sample. Pairs of a label's name and its value, in UTF-8; ends with a
 * NULL name. */
void ol_metric_put(struct ol_metric *m, double value, ...)
    __attribute__((sentinel));

/* All of them, for the caller to free; NULL: no memory. */
char *ol_metrics_text(struct ol_station *st);

/* The file of station.conf, every 15 s; nothing without one. */
void ol_metrics_pump(struct ol_station *st, uint64_t now_ns);
/* Removes it: a station that does not run has no figures. */
void ol_metrics_stop(struct ol_station *st);

#endif
