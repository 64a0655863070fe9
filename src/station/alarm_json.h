/*
 * Alarms as documents: for faces, and as the ledger keeps them.
 */
#ifndef OL_STATION_ALARM_JSON_H
#define OL_STATION_ALARM_JSON_H

#include <jansson.h>

#include "station/alarm_list.h"
#include "station/json_out.h"
#include "station/station.h"

/* A new reference; NULL: no memory. */
json_t *ol_alarm_doc(const struct ol_alarm *a);
/* False: it is none. */
bool ol_alarm_of_doc(const json_t *doc, struct ol_alarm *out);

/* Facts of alarms, the newest first, at most max: several of one alarm. */
enum ol_err ol_alarms_history(struct ol_station *st, unsigned max,
                              ol_fact_fn fn, void *arg);

/* What an event of an alarm says. Its number stands in front of the words: all
 * of them while it is on the list, else as many as the event had room for. */
void ol_alarm_event(struct ol_out *o, struct ol_station *st,
                    const struct ol_row_event *ev);

/* {"unacknowledged", "standing", "worst"}, for status. */
json_t *ol_alarm_summary(const struct ol_alarms *l);

#endif
