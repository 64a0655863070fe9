/*
 * Own records without a number: what was said while a restored copy waits for
 * the other side, and what a return took out of its log.
 */
#ifndef OL_STATION_WAITING_H
#define OL_STATION_WAITING_H

#include <openline/line.h>

#include "base/units.h"

struct ol_station_line;
struct ol_row_waiting;

struct ol_waiting {
    bool any;        /* rows may be in the ledger */
    bool mute;       /* the core refuses to number anything */
    bool tell;       /* a return may have to be told of */
    unsigned putting; /* rows on their way to the disk */
    uint64_t token;  /* of the one that is submitted, 0: none */
    uint64_t tell_token;
    uint64_t after;  /* rows up to here cannot be said */
    uint64_t at_ns;  /* not before */
};

enum ol_waiting_turn {
    OL_WAITING_NONE, /* nothing waits: submit what is new */
    OL_WAITING_BUSY, /* what waits goes first */
    OL_WAITING_MUTE, /* nothing can be said: what is new waits as well */
};

/* A new core. */
void ol_waiting_start(struct ol_station_line *line);
/* Says what waits, as far as the core lets. */
enum ol_waiting_turn ol_waiting_turn(struct ol_station_line *line);
/* NOTE_TAKEN; true: it was one that waited. */
bool ol_waiting_taken(struct ol_station_line *line, uint64_t token);
/* NOTE_PROVED. */
void ol_waiting_proved(struct ol_station_line *line);
/* Is a record that says this of that message among what waits. */
bool ol_waiting_has(struct ol_station_line *line, uint8_t rel,
                    uint64_t number);

#endif
