/*
 * Alarms: what a person must do something about, and nothing else.
 *
 *   raise --> unacknowledged --ack--> acknowledged --clear--> gone
 *                   |                                          ^
 *                 clear --> returned ------------ack-----------'
 *
 * After ISA-18.2 (IEC 62682). An alarm is one condition of one line, or of the
 * station, by a key of its owner: "dark", "overdue/17". Saying it again while
 * it stands only counts. Whoever raises one clears it when the condition has
 * passed; what passes at once (a thing that happened) is raised and cleared in
 * one go and stays on the list until somebody has seen it.
 *
 * An owner says its alarms again at a start, for as long as they hold: what
 * nobody has said again a while after it counts as returned.
 */
#ifndef OL_STATION_ALARMS_H
#define OL_STATION_ALARMS_H

#include <stdbool.h>
#include <stdint.h>

#include <openline/station.h>

#define OL_ALARM_KEY 48u /* bytes of a key, with its NUL */

struct ol_station;
struct ol_station_line;

enum ol_priority {
    OL_PRIORITY_LOW,    /* today */
    OL_PRIORITY_MEDIUM, /* within the hour */
    OL_PRIORITY_HIGH,   /* at once: minutes count */
};

/* The text is "WHAT HAPPENED|WHAT TO DO", one sentence each without a full
 * stop; it may hold a peer's words. Cheap, and says nothing twice. key: a-z,
 * 0-9, - and /; borrowed. */
void ol_alarm_raise(struct ol_station_line *line, const char *key,
                    enum ol_priority priority, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The condition has passed. Nothing, if there was none. */
void ol_alarm_clear(struct ol_station_line *line, const char *key);

/* The same of the station itself. */
void ol_alarm_raise_own(struct ol_station *st, const char *key,
                        enum ol_priority priority, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void ol_alarm_clear_own(struct ol_station *st, const char *key);

/* For the station's own files. */

/* The list from the ledger; false: it cannot be read. Until then, and after
 * close, nothing is raised. */
bool ol_alarms_open(struct ol_station *st);
void ol_alarms_close(struct ol_station *st);
/* What is due, once a turn. */
void ol_alarms_pump(struct ol_station *st, uint64_t now_ns);
/* An alarm of the core, by its words. */
void ol_alarm_core(struct ol_station_line *line, const char *text);
/* A line was taken out of the configuration. */
void ol_alarm_line_gone(struct ol_station_line *line);
/* The disk takes again, and took nothing since that Unix time. */
void ol_alarms_again(struct ol_station *st, uint64_t since_ms);

#endif
