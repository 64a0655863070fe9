/*
 * Who is there, as the running station knows it: the questions to its own
 * officer, what each line may tell of the answers, and what is known of the
 * other side.
 *
 * Four facts are kept apart: a bearer is up, the station at its end is alive,
 * a console is open, an officer is present. None of them is taken for the
 * next.
 */
#ifndef OL_STATION_PRESENCE_H
#define OL_STATION_PRESENCE_H

#include "station/json_out.h"
#include "station/station.h"

void ol_presence_start(struct ol_station *st);
/* Once a turn: what is due, and what lines do not know yet. */
void ol_presence_pump(struct ol_station *st, uint64_t now_ns);
uint64_t ol_presence_next_ns(const struct ol_station *st);
/* An officer did something at this station. */
void ol_presence_deed(struct ol_station *st);
/* Something arrived from a peer. */
void ol_presence_arrival(struct ol_station *st);

/* Documents: `attendance` and `presence` of a line; the rest of an event of
 * attendance. */
json_t *ol_json_attendance(const struct ol_station_line *line,
                           const struct ol_line_status *s);
json_t *ol_json_presence(const struct ol_station_line *line,
                         const struct ol_line_status *s);
void ol_json_attended(struct ol_out *o, const struct ol_row_event *ev);

/* How much of a time somebody was there, by what was noted. */
struct ol_attended_share {
    uint64_t attended_ms, unattended_ms, unknown_ms;
};
enum ol_err ol_presence_share(struct ol_station *st, uint64_t from_ms,
                              uint64_t to_ms, struct ol_attended_share *out);

#endif
