/*
 * Watchers and waiters: `subscribe` and `wait`.
 */
#ifndef OL_STATION_EVENTS_H
#define OL_STATION_EVENTS_H

#include "station/query.h"

/* Both answer the request, now or later. */
void ol_events_subscribe(struct ol_request *rq);
void ol_waits_add(struct ol_request *rq, const struct ol_entry *e,
                  enum ol_rung rung, uint64_t until_ns);

#endif
