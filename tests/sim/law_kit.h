/*
 * What the stories of the law share (stories_law, _word, _more, _lie):
 * law_kit.c.
 */
#ifndef OL_SIM_LAW_KIT_H
#define OL_SIM_LAW_KIT_H

#include "core/line_int.h"
#include "story.h"
#include "world_int.h"

extern struct held {
    uint8_t type;     /* of the packets that are held back, 0: none */
    unsigned ch, from;
    unsigned most, n; /* so many of them at most, and so far */
    bool lose;        /* all others of that type, too */
    size_t size[256];
    uint8_t bytes[256][OL_FRAME_MAX];
} held;

/* The next `most` packets of a type that `from` sends on a channel. */
void hold(uint8_t type, unsigned ch, unsigned from, unsigned most);
/* The k-th of them arrives at a station, on whatever channel. */
enum ol_err bring(unsigned st, unsigned ch, unsigned k);
enum ol_err bring_bytes(unsigned st, unsigned ch, const uint8_t *p, size_t n);

/* Knocks of station 0 on the radio, held back, of that many attempts; nothing
 * else passes any more. */
void knocks(unsigned n);
/* A knock or a response of that station, as whoever has the PSK can make it;
 * how long it is. */
size_t wrapped(unsigned st, uint8_t *out, uint8_t type,
               const struct ol_knock *k);

/* Room for a lie, and a frame with station 1's keys that its core never made:
 * what was said, sealed under the next counter and brought to station 0. */
struct ol_writer words(void);
enum ol_err lie(unsigned ch, const struct ol_writer *said);

/* Messages, 5 ms apart. */
void say_many(unsigned st, unsigned n, uint8_t prec);

/* Two channels, cable and radio, and the line is open. */
void two(void);
/* The epoch that a station sends under. */
struct ol_epoch *sending(unsigned st);
/* Until all is delivered: how long that took, or more than most_ns. */
uint64_t settle(uint64_t most_ns);

#endif
