/*
 * How all lines stand, for whoever looks at the service and not at the line:
 * the status text of the service manager, and the warnings that come before a
 * line is dark.
 */
#ifndef OL_STATION_STANDING_H
#define OL_STATION_STANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ol_station;
struct ol_station_line;

/* A line's or a channel's state has changed: said once the turn is over. */
void ol_standing_changed(struct ol_station_line *line);
void ol_standing_pump(struct ol_station *st, uint64_t now_ns);

/* One line of the text. */
struct ol_standing {
    const char *peer;
    uint8_t state;         /* enum ol_line_state */
    uint64_t dark_since_ms; /* Unix; 0: it is not, or nobody knows */
};
/* "1 of 3 lines open; DARK: south since ..., east; last channel: west". What
 * does not fit is counted. Returns its length. */
size_t ol_standing_text(const struct ol_standing *v, unsigned n, char *out,
                        size_t room);

#endif
