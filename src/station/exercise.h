/*
 * Exercises: declared for a line on our side, and what is refused meanwhile.
 *
 *   (none) --begin--> declared --end--> (none)
 *
 * What is declared is ours and kept; it is not told to the other side, whose
 * every message carries its own marking in what it signs. `refuse` in
 * lines.d/PEER.conf makes it a rule: ACTUAL is refused during an exercise,
 * EXERCISE outside of one, or both. To refuse means that ours is not sent, and
 * that theirs is kept, shown and declined with the reason (reflex.c). TEST is
 * never refused.
 */
#ifndef OL_STATION_EXERCISE_H
#define OL_STATION_EXERCISE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "station/conf.h"

struct ol_entry;
struct ol_request;
struct ol_speech;
struct ol_station;
struct ol_station_line;

struct ol_exercise {
    bool on;
    bool busy;       /* a change is on its way to the disk */
    bool alarmed;
    uint64_t at_ms;  /* wall clock: when it began, or the last one ended; 0 */
    char by[65];     /* who declared it */
};

/* A new core: what was declared. */
void ol_exercise_start(struct ol_station_line *line);
/* The alarm of one that lasts long. */
void ol_exercise_pump(struct ol_station *st);

/* Is what they said, as it arrived, refused. The reason, for them; NULL: it is
 * not. */
const char *ol_exercise_refuses(const struct ol_entry *e);
/* May ours be said; else the request is refused with words. */
bool ol_exercise_lets(struct ol_request *rq,
                      const struct ol_station_line *line,
                      const struct ol_speech *s);

/* {"since","by"}, or null. */
json_t *ol_json_exercise(const struct ol_station_line *line);
const char *ol_refuse_name(enum ol_conf_refuse refuse);

#endif
